using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

public sealed class GalleryTests
{
    public static TheoryData<string> Names() => [.. Gallery.Entries.Select(entry => entry.Name)];

    [Fact]
    public void It_holds_the_sixteen_patterns_in_reading_order() =>
        Assert.Equal(
            [
                "Causal", "SlidingWindow", "SinkWindow", "PrefixLm", "Strided", "Dilated", "ChunkedCausal", "BlockCausal", "DocumentCausal",
                "SharedPrefix", "GlobalWindow", "BigBird", "Natten2D", "BlockDiffusion", "AlibiCausal", "SoftCap",
            ],
            Gallery.Entries.Select(entry => entry.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Parameters_suit_any_length(string name)
    {
        GalleryEntry entry = Gallery.Find(name)!;
        foreach (int tokens in (int[])[.. Enumerable.Range(1, 300), 1000, 1023, 1025, 2048, 4097, 100_000])
        {
            ISparseExpert expert = entry.Create(tokens);
            Assert.Equal(name, expert.Info.Name);
            _ = expert.Bind(new AttentionExtent(0, tokens - 1, tokens, 8));
            _ = expert.Attends(tokens - 1, 0, 0);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_origin_is_the_first_paragraph_of_the_class_own_comment(string name)
    {
        GalleryEntry entry = Gallery.Find(name)!;
        Assert.Equal(entry.Create(64).Info.Summary, entry.Origin);
        Assert.Matches(@"\(.*(20\d\d|Llama 3)\)", entry.Origin);
        Assert.EndsWith(".", entry.Origin, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', entry.Origin);
        Assert.DoesNotContain('<', entry.Origin);
        Assert.DoesNotContain("  ", entry.Origin, StringComparison.Ordinal);
    }

    [Fact]
    public void The_origin_names_parameters_as_they_are_typed() =>
        Assert.Equal("The last Window tokens (Mistral 7B, Jiang et al., 2023).", Gallery.Find("SlidingWindow")!.Origin);

    [Fact]
    public void Names_are_found_in_any_case()
    {
        Assert.Equal("SinkWindow", Gallery.Find("sinkwindow")!.Name);
        Assert.Null(Gallery.Find("Sink"));
    }
}
