using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>Guards, roundings and masks do what the judgements lean on.</summary>
[Trait("Category", "Offline")]
public sealed class HarnessTests
{
    [Theory]
    [InlineData(Layout.Dense)]
    [InlineData(Layout.Padded)]
    [InlineData(Layout.HeadMajor)]
    public void Rows_come_back_and_every_write_outside_is_seen(Layout layout)
    {
        const ushort poison = 0xFFA5;
        GuardedLayout guarded = new(layout, 5, 3, 16);
        Assert.Equal((0, 0, 0), (guarded.TokenStride % 8, guarded.HeadStride % 8, GuardedLayout.First % 8));
        ushort[] dense = [.. Enumerable.Range(1, 5 * 3 * 16).Select(i => (ushort)i)];
        ushort[] memory = guarded.Scatter(dense, poison);
        Assert.Equal(dense, guarded.Gather(memory));
        Assert.Null(guarded.Damage(memory, poison));
        Assert.Equal(guarded.Length - dense.Length, memory.Count(value => value == poison));
        for (int i = 0; i < memory.Length; i++)
        {
            if (memory[i] != poison)
                continue;
            memory[i] = 7;
            Assert.NotNull(guarded.Damage(memory, poison));
            memory[i] = poison;
        }
    }

    [Fact]
    public void Layouts_keep_rows_apart()
    {
        foreach (Layout layout in Enum.GetValues<Layout>())
        {
            GuardedLayout guarded = new(layout, 7, 4, 24);
            ushort[] places = [.. Enumerable.Range(0, 7 * 4 * 24).Select(i => (ushort)(i + 1))];
            Assert.Equal(places, guarded.Gather(guarded.Scatter(places, 0)));
        }
    }

    [Theory]
    [InlineData(Element.Half)]
    [InlineData(Element.BFloat16)]
    public void Kernels_round_as_the_types_do(Element element)
    {
        Random random = new(3);
        for (int i = 0; i < 200_000; i++)
        {
            float value = (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-30, 8)));
            Assert.Equal(Bits.ToFloat(Bits.Of(value, element), element), Rounding.Round(value, element == Element.BFloat16 ? 1 : 0));
        }
    }

    [Theory]
    [InlineData(Element.Half)]
    [InlineData(Element.BFloat16)]
    public void A_spacing_leads_to_the_next_element(Element element)
    {
        foreach (float value in (float[])[0, 1e-7f, 1e-4f, 0.3f, 1, 1.99f, 2, 2.286f, 1000])
        {
            // Downwards, so that no power of two is crossed.
            ushort bits = Bits.Of(value, element);
            if (Bits.ToFloat(bits, element) > value)
                bits--;
            float at = Bits.ToFloat(bits, element);
            Assert.Equal(Bits.ToFloat((ushort)(bits + 1), element) - at, Bits.Spacing(at, element));
        }
    }

    [Theory]
    [InlineData(Element.Half)]
    [InlineData(Element.BFloat16)]
    public void Poison_is_NaN(Element element)
    {
        Assert.True(float.IsNaN(Bits.ToFloat(Bits.Poison(element), element)));
        Assert.True(float.IsNaN(Bits.LsePoison));
    }

    [Fact]
    public void Elements_of_a_seed_are_normal_and_the_same()
    {
        float[] values = Bits.ToFloats(NormalPool.Take(Element.BFloat16, 5, 3_000_000), Element.BFloat16);
        Assert.InRange(values.Average(), -0.01, 0.01);
        Assert.InRange(values.Average(value => (double)value * value), 0.99, 1.01);
        Assert.Equal(NormalPool.Take(Element.Half, 5, 100), NormalPool.Take(Element.Half, 5, 100));
        Assert.NotEqual(NormalPool.Take(Element.Half, 5, 100), NormalPool.Take(Element.Half, 6, 100));
    }

    [Fact]
    public void A_mask_has_the_predicates_bits()
    {
        foreach (string pattern in GpuCases.Patterns)
        {
            ISparseExpert expert = Variants.Create(pattern, 1, 200);
            Positions at = new(40, 70, 100);
            uint[] mask = new PredicateMask().Of(pattern, expert, at, 2);
            for (int q = 0; q < at.Queries; q++)
            {
                for (int k = 0; k < at.Keys; k++)
                    Assert.Equal(expert.Attends(at.Start + q, k, 0), ((mask[(q * 3) + (k / 32)] >> (k % 32)) & 1) == 1);
            }
        }
    }
}
