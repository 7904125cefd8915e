using ILGPU;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Portable;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Division by an invariant against C#'s operators.</summary>
public sealed class CudaDivisorTests
{
    private static readonly int[] _edges =
    [
        .. from bit in Enumerable.Range(0, 31) from near in (int[])[-1, 0, 1] select (1 << bit) + near,
        int.MaxValue - 1, int.MaxValue,
    ];

    [Fact]
    public void Small_numbers_are_divided_as_csharp_does()
    {
        for (int divisor = 1; divisor <= 300; divisor++)
        {
            CudaDivisor invariant = CudaDivisor.Of(divisor);
            for (int x = -3000; x <= 3000; x++)
                Check(invariant, x, divisor);
        }
    }

    [Fact]
    public void Numbers_near_powers_of_two_and_near_multiples_are_divided_as_csharp_does()
    {
        Random random = new(1);
        foreach (int divisor in _edges.Where(static d => d > 0).Concat(Enumerable.Range(0, 20000).Select(i => 1 + (random.Next() >> (i % 31)))))
        {
            CudaDivisor invariant = CudaDivisor.Of(divisor);
            foreach (int x in _edges)
            {
                Check(invariant, x, divisor);
                Check(invariant, -x, divisor);
            }

            Check(invariant, int.MinValue, divisor);
            Check(invariant, int.MinValue + 1, divisor);
            for (int i = 0; i < 10; i++)
            {
                long multiple = (long)random.Next() / divisor * divisor;
                Check(invariant, (int)multiple, divisor);
                Check(invariant, (int)multiple - 1, divisor);
                Check(invariant, -(int)multiple, divisor);
                Check(invariant, 1 - (int)multiple, divisor);
                Check(invariant, random.Next(int.MinValue, int.MaxValue), divisor);
            }

            // The greatest numbers, where an inexact multiplier errs first.
            int last = (int)(0x80000000L / divisor * divisor - 1);
            Check(invariant, last, divisor);
            Check(invariant, -last, divisor);
            Check(invariant, -last - 1, divisor);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void What_is_not_positive_does_not_divide(int divisor) =>
        Assert.Throws<ArgumentOutOfRangeException>("divisor", () => CudaDivisor.Of(divisor));

    [Fact]
    public void A_division_has_no_branch_and_divides_nothing()
    {
        string ptx = OfflinePtx.CompileGrouped(typeof(Kernel).GetMethod(nameof(Kernel.Divide))!, 128);
        Assert.DoesNotContain("bra", ptx);
        Assert.DoesNotContain("div.", ptx);
        Assert.DoesNotContain("rem.", ptx);
        Assert.DoesNotContain("call", ptx);
    }

    private static void Check(CudaDivisor invariant, int x, int divisor)
    {
        int quotient = x / divisor, rest = x % divisor, modulus = rest < 0 ? rest + divisor : rest;
        if ((invariant.Div(x), invariant.Rem(x), invariant.Mod(x)) != (quotient, rest, modulus))
            Assert.Fail($"{x} by {divisor}: {invariant.Div(x)}, {invariant.Rem(x)}, {invariant.Mod(x)} for {quotient}, {rest}, {modulus}");
        if (x >= 0 && (invariant.DivNatural(x), invariant.RemNatural(x)) != (quotient, rest))
            Assert.Fail($"{x} by {divisor}: {invariant.DivNatural(x)}, {invariant.RemNatural(x)} for {quotient}, {rest}");
    }

    /// <summary>A kernel that divides.</summary>
    public static class Kernel
    {
        public static unsafe void Divide(CudaDivisor divisor, long results)
        {
            int* at = (int*)(results + (Group.IdxX * 12L));
            int x = at[0];
            at[0] = divisor.Div(x);
            at[1] = divisor.Mod(x);
            at[2] = divisor.RemNatural(x);
        }
    }
}
