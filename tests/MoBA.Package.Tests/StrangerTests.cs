using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Xunit;

namespace MoBA.Package.Tests;

/// <summary>A pattern that is not in the gallery, by an author who has never seen this repository.</summary>
public sealed partial class StrangerTests(PackageFeed feed)
{
    // Old habits must do: no implicit usings, no nullable annotations; and what is generated may not warn.
    private const string Strict = "<TreatWarningsAsErrors>true</TreatWarningsAsErrors><AnalysisLevel>latest-recommended</AnalysisLevel>";

    [Fact]
    public async Task A_pattern_from_the_packages_agrees_with_attention_written_out()
    {
        string folder = feed.NewProject("packages", ["Program.cs", "Beacons.cs"], Strict, feed.Packages);
        await Succeeds("dotnet", folder, "build", "-c", "Release");
        Agrees(await Succeeds("dotnet", folder, "bin/Release/net10.0/stranger.dll", "Cpu", "Portable"), "Cpu", "Portable");
    }

    [Fact]
    public async Task A_pattern_from_three_project_references_agrees_with_attention_written_out()
    {
        // In a copy of the sources: a build must not write over what other tests run from.
        string clone = feed.CopySources();
        string folder = feed.NewProject("projects", ["Program.cs", "Beacons.cs"], "<ImplicitUsings>enable</ImplicitUsings><Nullable>enable</Nullable>", $"""
            <ProjectReference Include="{clone}/MoBA.Dsl/MoBA.Dsl.csproj" />
                <ProjectReference Include="{clone}/MoBA.Runtime/MoBA.Runtime.csproj" />
                <ProjectReference Include="{clone}/MoBA.Generators/MoBA.Generators.csproj" OutputItemType="Analyzer" ReferenceOutputAssembly="false" />
            """);
        Agrees(await Succeeds("dotnet", folder, "run", "-c", "Release", "--", "Cpu"), "Cpu");
    }

    [Fact]
    public async Task A_broken_pattern_is_told_where_and_nothing_else_fails()
    {
        string folder = feed.NewProject("broken", ["Crooked.cs"], "<OutputType>Library</OutputType>", feed.Packages);
        (int exitCode, string output) = await Dotnet.Run(folder, "build", "-c", "Release");
        Assert.NotEqual(0, exitCode);
        string[] errors = [.. ErrorLine().Matches(output).Select(match => match.Groups[1].Value).Distinct()];
        Assert.Equal(["Crooked.cs(10,23): error MOBA1006"], errors);
    }

    [Fact]
    public async Task A_trimmed_program_runs_and_nothing_of_ours_warns()
    {
        string folder = feed.NewProject("trimmed", ["Program.cs", "Beacons.cs"], $"""
            <RuntimeIdentifier>{RuntimeInformation.RuntimeIdentifier}</RuntimeIdentifier>
                <PublishTrimmed>true</PublishTrimmed>
                <TrimmerSingleWarn>false</TrimmerSingleWarn>
            """, feed.Packages);
        (int restored, string reason) = await Dotnet.Run(folder, "restore");
        Assert.SkipUnless(restored == 0 || !reason.Contains("Microsoft.NETCore.App.Runtime", StringComparison.OrdinalIgnoreCase), "the runtime pack cannot be restored here");
        Assert.True(restored == 0, reason);

        string output = await Succeeds("dotnet", folder, "publish", "-c", "Release", "-o", "out", "--no-restore");
        // ILGPU warns of itself, which shows that the analysis ran; the CPU engine does not enter it.
        Assert.Contains("warning IL", output);
        Assert.DoesNotMatch(OurTrimWarning(), output);
        Agrees(await Succeeds(Path.Combine(folder, "out", "stranger"), folder, "Cpu"), "Cpu");
    }

    private static async Task<string> Succeeds(string program, string folder, params string[] arguments)
    {
        (int exitCode, string output) = await Dotnet.Start(program, folder, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} returned {exitCode}:\n{output}");
        return output;
    }

    private static void Agrees(string output, params string[] targets)
    {
        foreach (string target in targets)
            Assert.Contains($"{target} OK", output);
    }

    [GeneratedRegex(@"([^/\\\s]*(?:\(\d+,\d+\))?: error \w+)")]
    private static partial Regex ErrorLine();

    [GeneratedRegex(@"warning IL[23]\d\d\d: (?!ILGPU\.)")]
    private static partial Regex OurTrimWarning();
}
