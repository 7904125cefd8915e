using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>What a query does not attend never reaches its output, be it NaN or infinite, and what it attends does.</summary>
public sealed class NonFiniteTests(GpuFixture gpu) : GpuTests(gpu)
{
    // Keys within which a tile of queries and one of keys may meet on the diagonal.
    private const int Near = 256;

    private static readonly float[] _values = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    /// <summary>Every pattern with every element type.</summary>
    public static TheoryData<string, Element> PatternsAndElements =>
        [.. GpuCases.Patterns.SelectMany(pattern => GpuCases.Elements.Select(element => (pattern, element)))];

    /// <summary>Element types with dims.</summary>
    public static TheoryData<Element, int> ElementsAndDims =>
        [.. GpuCases.Elements.SelectMany(element => ((int[])[64, 80, 128, 256]).Select(dim => (element, dim)))];

    [Theory]
    [MemberData(nameof(PatternsAndElements))]
    public void A_bad_key_or_value_reaches_those_that_attend_it(string pattern, Element element)
    {
        // In the first tile, in the last row of a tile, in a tile behind, and the last key of all.
        foreach (int key in (int[])[5, 127, 200, 299])
            Check(new(pattern, 1, 300, false, Placement.Prefill, 2, 1, element == Element.Half ? 64 : 128, element), key);
    }

    [Theory]
    [MemberData(nameof(ElementsAndDims))]
    public void At_every_dim_and_in_packed_sequences(Element element, int dim)
    {
        foreach (string pattern in (string[])[nameof(Causal), nameof(SlidingWindow), nameof(PrefixLm)])
        {
            Check(new(pattern, 1, 300, false, Placement.Prefill, 4, 2, dim, element), 150);

            // Sequences of 140, 0, 100 and 60 keys: the last key of the first, and both ends of the third.
            foreach (int key in (int[])[139, 140, 239])
                Check(new(pattern, 1, 300, true, Placement.Prefill, 2, 2, dim, element), key);
        }
    }

    [Theory]
    [MemberData(nameof(ElementsAndDims))]
    public void A_bad_query_spoils_its_own_row(Element element, int dim)
    {
        AttentionInputs inputs = AttentionInputs.Normal(new(nameof(Causal), 0, 200, false, Placement.Prefill, 2, 1, dim, element));
        (ReferenceResult wanted, GpuOutcome clean) = Clean(inputs);
        foreach (float value in _values)
        {
            int row = (77 * 2) + 1;
            Assert.Null(WithRow(inputs.QBits, row, dim, value, element, () =>
                SpoiltRows.Fault(inputs, wanted, clean, Run(inputs), bad => bad == row, _ => false)));
        }
    }

    private GpuOutcome Run(AttentionInputs inputs) => CaseRunner.Run(Engine, inputs.Case.Expert, inputs, GpuCases.LayoutOf(inputs.Case));

    private (ReferenceResult Wanted, GpuOutcome Clean) Clean(AttentionInputs inputs)
    {
        ReferenceResult wanted = Gpu.Reference.Attend(inputs, inputs.Case.Expert, CaseRunner.KeyOf(inputs.Case));
        GpuOutcome clean = Run(inputs);
        Assert.Null(clean.Damage ?? Judge.Fault(inputs, wanted, clean.Output, clean.Lse));
        return (wanted, clean);
    }

    private void Check(AttentionCase at, int key)
    {
        AttentionInputs inputs = AttentionInputs.Normal(at);
        ISparseExpert expert = at.Expert;
        (ReferenceResult wanted, GpuOutcome clean) = Clean(inputs);
        foreach ((string name, ushort[] bits) in ((string, ushort[])[])[("k", inputs.KBits), ("v", inputs.VBits)])
        {
            // A score that is masked is gone. A value goes through the product of its tile, and spoilt rows are done again.
            Func<int, bool> isRedone = name == "v" ? row => MayShareTile(inputs, expert, row, key) : _ => false;
            foreach (float value in _values)
            {
                string? fault = WithRow(bits, key * at.KeyHeads, at.Dim, value, at.Element, () =>
                    SpoiltRows.Fault(inputs, wanted, clean, Run(inputs), row => Sees(inputs, expert, row, key), isRedone));
                Assert.True(fault is null, $"{at} {GpuCases.LayoutOf(at)}: {value} in {name} at key {key} of head 0: {fault}");
            }
        }
    }

    // Whether query row token x heads + head attends that key of key head 0.
    private static bool Sees(AttentionInputs inputs, ISparseExpert expert, int row, int key) =>
        Positions(inputs, row, key) is var (query, local, head) && expert.Attends(query, local, head);

    // Whether the row's tile of queries may read the key's tile of keys, which may reach into the sequences behind the row's.
    private static bool MayShareTile(AttentionInputs inputs, ISparseExpert expert, int row, int key) =>
        Positions(inputs, row, key, Near) is var (query, local, _) && (expert.Info.Causal != Proof.Always || local - query <= Near);

    // Where the row and that key of key head 0 stand in the row's sequence; null where the key is of another key head, before the
    // sequence, or so far beyond its end.
    private static (int Query, int Key, int Head)? Positions(AttentionInputs inputs, int row, int key, int beyond = 0)
    {
        (int token, int head) = Math.DivRem(row, inputs.QueryHeads);
        if (head / (inputs.QueryHeads / inputs.KeyHeads) != 0)
            return null;
        foreach (PlacedSequence sequence in inputs.Sequences)
        {
            (int query, int local) = (token - sequence.FirstQuery, key - sequence.FirstKey);
            if (query >= 0 && query < sequence.At.Queries)
                return local >= 0 && local < sequence.At.Keys + beyond ? (sequence.At.Start + query, local, head) : null;
        }

        return null;
    }

    private static string? WithRow(ushort[] bits, int row, int dim, float value, Element element, Func<string?> act)
    {
        Span<ushort> place = bits.AsSpan(row * dim, dim);
        ushort[] before = place.ToArray();
        place.Fill(Bits.Of(value, element));
        string? fault = act();
        before.CopyTo(bits, row * dim);
        return fault;
    }
}
