using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

public sealed class GalleryTests
{
    public static TheoryData<string> Names() => [.. Gallery.Entries.Select(entry => entry.Name)];

    /// <summary>Patterns whose predicate is all there is.</summary>
    public static TheoryData<string> Static() => [.. Gallery.Experts.Where(entry => entry.Info.Gate is null).Select(entry => entry.Name)];

    /// <summary>Patterns that route.</summary>
    public static TheoryData<string> Routed() => [.. Names().Select(row => row.Data).Except(Static().Select(row => row.Data))];

    [Fact]
    public void It_holds_the_patterns_in_reading_order() =>
        Assert.Equal(
            [
                "Causal", "SlidingWindow", "SinkWindow", "PrefixLm", "Strided", "Dilated", "ChunkedCausal", "BlockCausal", "DocumentCausal",
                "SharedPrefix", "GlobalWindow", "BigBird", "Natten2D", "BlockDiffusion", "AlibiCausal", "SoftCap", "MobaTopK", "MobaSinks", "QuestTopK", "MobaGroup",
                "LongContext",
            ],
            Gallery.Entries.Select(entry => entry.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Parameters_suit_any_length(string name)
    {
        GalleryEntry entry = Gallery.Find(name)!;
        foreach (int tokens in (int[])[.. Enumerable.Range(1, 300), 1000, 1023, 1025, 2048, 4097, 100_000])
        {
            foreach (ISparseExpert expert in Experts(entry, tokens))
            {
                _ = expert.Bind(new AttentionExtent(0, tokens - 1, tokens, 8));
                _ = expert.Attends(tokens - 1, 0, 0);
                Assert.InRange((expert.Gate?.TopK - 1) * expert.Gate?.BlockSize ?? 0, 0, Math.Max(64, tokens));
            }
        }
    }

    [Fact]
    public void A_long_sequence_gets_the_gates_that_their_attributes_name()
    {
        foreach (ExpertEntry entry in Gallery.Experts.Where(entry => entry.Info.Gate is not null))
        {
            foreach (int tokens in (int[])[8192, 100_000])
            {
                BlockGate gate = entry.Create(tokens).Gate!, wanted = entry.Info.Gate!;
                Assert.Equal((wanted.BlockSize, wanted.TopK, wanted.Pooling, wanted.Scope), (gate.BlockSize, gate.TopK, gate.Pooling, gate.Scope));
            }
        }
    }

    [Fact]
    public void A_mixture_for_writing_sees_nothing_later()
    {
        foreach (ISparseExpert expert in Experts(Gallery.Find("LongContext")!, 300).Concat(LongContext.Info.Experts.Select(e => e.Select(new LongContext()))))
        {
            Assert.DoesNotContain(true, Enumerable.Range(0, 300).SelectMany(q => Enumerable.Range(q + 1, 299 - q).Select(k => expert.Attends(q, k, 0))));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_origin_is_the_first_paragraph_of_the_class_own_comment(string name)
    {
        GalleryEntry entry = Gallery.Find(name)!;
        Assert.Equal(entry is MixtureEntry mixture ? mixture.Create(64).Info.Summary : ((ExpertEntry)entry).Create(64).Info.Summary, entry.Origin);
        Assert.Equal(entry is MixtureEntry ? entry.Name : ((ExpertEntry)entry).Create(64).Info.Name, name);
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

    private static IEnumerable<ISparseExpert> Experts(GalleryEntry entry, int tokens) => entry is MixtureEntry mixture
        ? mixture.Info.Experts.Select(e => e.Select(mixture.Create(tokens)))
        : [((ExpertEntry)entry).Create(tokens)];
}
