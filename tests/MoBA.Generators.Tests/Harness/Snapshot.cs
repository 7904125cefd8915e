using System.Runtime.CompilerServices;

namespace MoBA.Generators.Tests.Harness;

/// <summary>
/// Texts that were read and accepted once, in Verify's own file convention: <c>{Class}.{Method}#{HintName}.verified.cs</c> in
/// Snapshots/, and <c>.received.cs</c> beside it where a test got something else. MOBA_ACCEPT_SNAPSHOTS=1 accepts what it got.
/// </summary>
internal static class Snapshot
{
    private static readonly string Folder = Repository.File("tests", "MoBA.Generators.Tests", "Snapshots");

    private static bool Accepts => Environment.GetEnvironmentVariable("MOBA_ACCEPT_SNAPSHOTS") == "1"
        && Environment.GetEnvironmentVariable("CI") is null or "" or "false";

    public static void Match(string text, string hintName, string extension = "cs", [CallerFilePath] string file = "", [CallerMemberName] string method = "")
    {
        string name = $"{Path.GetFileNameWithoutExtension(file)}.{method}#{hintName}";
        string verified = Path.Combine(Folder, $"{name}.verified.{extension}");
        string received = Path.Combine(Folder, $"{name}.received.{extension}");
        if (Accepts)
        {
            File.WriteAllText(verified, text);
        }

        if (File.Exists(verified) && File.ReadAllText(verified) == text)
        {
            File.Delete(received);
            return;
        }

        File.WriteAllText(received, text);
        Assert.Fail(
            $"{name} {(File.Exists(verified) ? "differs from what was accepted" : "was never accepted")}: compare {received} with {verified}. "
            + "If it is right, run the tests once with MOBA_ACCEPT_SNAPSHOTS=1 and commit the .verified file."
            + (File.Exists(verified) ? $"\n{FirstDifference(File.ReadAllLines(verified), text.Split('\n'))}" : ""));
    }

    private static string FirstDifference(string[] accepted, string[] received)
    {
        int line = 0;
        while (line < accepted.Length && line < received.Length && accepted[line] == received[line])
        {
            line++;
        }

        return $"line {line + 1}\n  accepted: {accepted.ElementAtOrDefault(line)}\n  received: {received.ElementAtOrDefault(line)}";
    }
}
