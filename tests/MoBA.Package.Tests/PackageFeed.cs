using System.Globalization;
using MoBA.Package.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(PackageFeed))]

namespace MoBA.Package.Tests;

/// <summary>A folder outside the repository with the packages of this build, under a version that nothing has cached.</summary>
public sealed class PackageFeed : IAsyncLifetime
{
    private static readonly string[] _projects =
        ["MoBA.Dsl/MoBA.Dsl.csproj", "MoBA.Runtime/MoBA.Runtime.csproj", "MoBA.Generators/MoBA.Generators.csproj", "patterns/gallery/MoBA.Patterns.csproj"];

    private readonly string _root = Directory.CreateTempSubdirectory("moba-stranger-").FullName;

    /// <summary>The version of the packages.</summary>
    public string Version { get; } = $"0.1.0-test{DateTime.UtcNow.ToString("yyyyMMddHHmmssfff", CultureInfo.InvariantCulture)}";

    /// <summary>The folder of the packages.</summary>
    public string Feed => Path.Combine(_root, "feed");

    /// <summary>The folder of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Packs what was built with these tests.</summary>
    public async ValueTask InitializeAsync()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "pack")).FullName;
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        File.WriteAllText(Path.Combine(folder, "pack.proj"), $"""
            <Project>
              <Target Name="Pack">
                <MSBuild Projects="{string.Join(';', _projects.Select(project => Path.Combine(Repository, project)))}" Targets="Pack"
                         Properties="Configuration={configuration};NoBuild=true;PackageVersion={Version};PackageOutputPath={Feed};NuspecOutputPath={folder}/" />
              </Target>
            </Project>
            """);
        (int exitCode, string output) = await Dotnet.Run(folder, "msbuild", "pack.proj", "-nologo", "-nodeReuse:false");
        Assert.True(exitCode == 0, output);
    }

    /// <summary>A new folder of a stranger, who knows the feed beside the usual sources.</summary>
    /// <param name="name">The folder's name.</param>
    /// <param name="sources">Files to copy from <c>Stranger</c>.</param>
    /// <param name="properties">MSBuild properties of the project.</param>
    /// <param name="references">MSBuild items of the project.</param>
    public string NewProject(string name, string[] sources, string properties, string references)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, name)).FullName;
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <packageSources>
                <add key="stranger" value="{Feed}" />
              </packageSources>
            </configuration>
            """);

        // A packages folder of its own; other people's packages are taken from the usual one where they are there.
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(Path.Combine(folder, "stranger.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <RestorePackagesPath>{_root}/packages</RestorePackagesPath>
                <RestoreFallbackFolders>{(Directory.Exists(cache) ? cache : "")}</RestoreFallbackFolders>
                {properties}
              </PropertyGroup>
              <ItemGroup>
                {references}
              </ItemGroup>
            </Project>
            """);
        foreach (string source in sources)
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Stranger", source), Path.Combine(folder, source));
        return folder;
    }

    /// <summary>References to the packages of a pattern's author.</summary>
    public string Packages => string.Join("\n    ", new[] { "MoBA.Dsl", "MoBA.Runtime", "MoBA.Generators" }
        .Select(id => $"""<PackageReference Include="{id}" Version="{Version}" />"""));

    /// <summary>A folder with the sources of the three projects that a pattern's author refers to.</summary>
    public string CopySources()
    {
        string clone = Path.Combine(_root, "MoBA");
        string[] wanted = ["MoBA.Dsl", "MoBA.Runtime", "MoBA.Generators"];
        IEnumerable<string> files = wanted
            .SelectMany(project => Directory.EnumerateFiles(Path.Combine(Repository, project), "*", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            .Concat(["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", ".editorconfig", "README.md"])
            .Where(file => File.Exists(Path.Combine(Repository, file)));
        foreach (string file in files)
        {
            string target = Path.Combine(clone, file);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Path.Combine(Repository, file), target);
        }

        return clone;
    }

    /// <summary>Removes the folder.</summary>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static string FindRepository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "MoBA.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("these tests pack the repository they lie in, and found none above them.");
    }
}
