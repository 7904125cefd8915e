using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>What a query does not attend never reaches its output, be it NaN or infinite, and what it attends does.</summary>
public sealed class NonFiniteTests(GpuFixture gpu) : GpuTests(gpu)
{
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
        GpuOutcome clean = Run(inputs);
        foreach (float value in _values)
        {
            int row = (77 * 2) + 1;
            Assert.Null(WithRow(inputs.QBits, row, dim, value, element, () => Differences(inputs, clean, Run(inputs), bad => bad == row)));
        }
    }

    private GpuOutcome Run(AttentionInputs inputs) => CaseRunner.Run(Engine, inputs.Case.Expert, inputs, GpuCases.LayoutOf(inputs.Case));

    private void Check(AttentionCase at, int key)
    {
        AttentionInputs inputs = AttentionInputs.Normal(at);
        ISparseExpert expert = at.Expert;
        GpuOutcome clean = Run(inputs);
        foreach ((string name, ushort[] bits) in ((string, ushort[])[])[("k", inputs.KBits), ("v", inputs.VBits)])
        {
            foreach (float value in _values)
            {
                string? fault = WithRow(bits, key * at.KeyHeads, at.Dim, value, at.Element, () =>
                    Differences(inputs, clean, Run(inputs), row => Sees(inputs, expert, row, key)));
                Assert.True(fault is null, $"{at} {GpuCases.LayoutOf(at)}: {value} in {name} at key {key} of head 0: {fault}");
            }
        }
    }

    // Whether query row token x heads + head attends that key of key head 0.
    private static bool Sees(AttentionInputs inputs, ISparseExpert expert, int row, int key)
    {
        (int token, int head) = Math.DivRem(row, inputs.QueryHeads);
        if (head / (inputs.QueryHeads / inputs.KeyHeads) != 0)
            return false;
        foreach (PlacedSequence sequence in inputs.Sequences)
        {
            (int query, int local) = (token - sequence.FirstQuery, key - sequence.FirstKey);
            Positions at = sequence.At;
            if (query >= 0 && query < at.Queries)
                return local >= 0 && local < at.Keys && expert.Attends(at.Start + query, local, head);
        }

        return false;
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

    /// <summary>Bad rows must hold no finite number, and all others the very bits that they held.</summary>
    private static string? Differences(AttentionInputs inputs, GpuOutcome clean, GpuOutcome actual, Func<int, bool> isBad)
    {
        if (actual.Damage is not null)
            return actual.Damage;
        int dim = inputs.Dim;
        for (int row = 0; row < clean.Lse.Length; row++)
        {
            string at = $"[token {row / inputs.QueryHeads}, head {row % inputs.QueryHeads}]";
            ReadOnlySpan<ushort> before = clean.Output.AsSpan(row * dim, dim), after = actual.Output.AsSpan(row * dim, dim);
            if (isBad(row))
            {
                int finite = Array.FindIndex(Bits.ToFloats(after, inputs.Case.Element), float.IsFinite);
                if (finite >= 0)
                    return $"{at}, which attends it, has a finite component {finite}";
            }
            else if (!before.SequenceEqual(after) || BitConverter.SingleToInt32Bits(clean.Lse[row]) != BitConverter.SingleToInt32Bits(actual.Lse[row]))
            {
                int component = before.CommonPrefixLength(after);
                string what = component == dim ? "lse" : $"component {component}";
                return $"{at}, which does not attend it, changed at {what}: {First(inputs, before, component, clean.Lse[row])} became {First(inputs, after, component, actual.Lse[row])}";
            }
        }

        return null;
    }

    private static float First(AttentionInputs inputs, ReadOnlySpan<ushort> row, int component, float lse) =>
        component == row.Length ? lse : Bits.ToFloat(row[component], inputs.Case.Element);
}
