using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>The lowering pass "products".</summary>
public sealed class WideProductsTests
{
    private const string Widened = "\tcvt.s64.s32\t%rd1, %r1;\n\tcvt.s64.s32\t%rd2, %r2;\n\tmul.lo.s64\t%rd3, %rd1, %rd2;\n";

    [Fact]
    public void A_product_of_widened_ints_is_one_instruction() =>
        Assert.Contains("\tmul.wide.s32 %rd3, %r1, %r2;\n", WideProducts.OfNarrowFactors("\tld.param.b32\t%r1, [a];\n\tadd.s32\t%r2, %r1, 3;\n" + Widened));

    [Theory]
    [InlineData("\tld.param.b32\t%r1, [a];\n")]
    [InlineData("\tld.param.b32\t%r1, [a];\n\tmov.b32\t%r2, 1;\n\tmov.b32\t%r2, 2;\n")]
    [InlineData("\tld.param.b32\t%r1, [a];\n\tmov.b32\t%r2, 1;\n\t@%p1 add.s32\t%r2, %r2, 1;\n")]
    [InlineData("\tld.param.b32\t%r1, [a];\n\tmov.b32\t%r2, 1;\n\tmov.b64\t%rd2, %rd7;\n")]
    public void A_factor_that_may_have_changed_stays_as_it_is(string before) =>
        Assert.Equal(before + Widened, WideProducts.OfNarrowFactors(before + Widened));

    [Fact]
    public void A_product_of_longs_stays_as_it_is()
    {
        string text = Widened.Replace("cvt.s64.s32\t%rd2, %r2", "ld.param.b64\t%rd2, [b]", StringComparison.Ordinal);
        Assert.Equal(text, WideProducts.OfNarrowFactors(text));
    }
}
