using System.IO.Compression;
using System.Xml.Linq;
using Xunit;

namespace MoBA.Package.Tests;

/// <summary>What is in the packages.</summary>
public sealed class PackageContentTests(PackageFeed feed)
{
    [Theory]
    [InlineData("MoBA.Dsl")]
    [InlineData("MoBA.Runtime")]
    [InlineData("MoBA.Patterns")]
    public void A_library_has_its_assembly_and_its_documentation(string id)
    {
        string[] files = Files(id);
        Assert.Contains($"lib/net10.0/{id}.dll", files);
        Assert.Contains($"lib/net10.0/{id}.xml", files);
    }

    [Fact]
    public void The_generator_is_an_analyzer_with_Scriban_beside_it()
    {
        string[] files = Files("MoBA.Generators");
        Assert.Contains("analyzers/dotnet/cs/MoBA.Generators.dll", files);
        Assert.Contains("analyzers/dotnet/cs/Scriban.Signed.dll", files);
        Assert.DoesNotContain(files, file => file.StartsWith("lib/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("MoBA.Dsl")]
    [InlineData("MoBA.Generators")]
    [InlineData("MoBA.Runtime", "ILGPU", "ILGPU.Algorithms", "Microsoft.Extensions.Logging.Abstractions", "MoBA.Dsl", "System.Numerics.Tensors")]
    [InlineData("MoBA.Patterns", "MoBA.Dsl", "MoBA.Runtime")]
    public void A_package_depends_on_nothing_else(string id, params string[] dependencies)
    {
        using ZipArchive package = Open(id);
        using Stream stream = package.GetEntry($"{id}.nuspec")!.Open();
        XDocument nuspec = XDocument.Load(stream);
        Assert.Equal(dependencies, nuspec.Descendants().Where(e => e.Name.LocalName == "dependency").Select(e => e.Attribute("id")!.Value).Order());
        Assert.Equal("MIT", nuspec.Descendants().Single(e => e.Name.LocalName == "license").Value);
    }

    [Theory]
    [InlineData("MoBA.Dsl")]
    [InlineData("MoBA.Runtime")]
    [InlineData("MoBA.Generators")]
    [InlineData("MoBA.Patterns")]
    public void A_package_shows_the_readme(string id)
    {
        Assert.SkipUnless(File.Exists(Path.Combine(PackageFeed.Repository, "README.md")), "there is no README.md to pack");
        Assert.Contains("README.md", Files(id));
    }

    private string[] Files(string id)
    {
        using ZipArchive package = Open(id);
        return [.. package.Entries.Select(entry => entry.FullName)];
    }

    private ZipArchive Open(string id) => ZipFile.OpenRead(Path.Combine(feed.Feed, $"{id}.{feed.Version}.nupkg"));
}
