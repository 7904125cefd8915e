namespace MoBA.Generators.Tests.Harness;

/// <summary>Where the sources lie: the tests read the gallery, the documentation and the snapshots.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();

    public static string File(params string[] path) => Path.Combine([Root, .. path]);

    /// <summary>The gallery's patterns in reading order: class name and source.</summary>
    public static IReadOnlyList<(string Name, string Source)> Gallery { get; } =
    [
        .. Directory.GetFiles(File("patterns", "gallery"), "??_*.cs").Order(StringComparer.Ordinal)
            .Select(static path => (Path.GetFileNameWithoutExtension(path)[3..], System.IO.File.ReadAllText(path))),
    ];

    private static string FindRoot()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(d.FullName, "MoBA.sln")))
            {
                return d.FullName;
            }
        }

        throw new InvalidOperationException($"no MoBA.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
