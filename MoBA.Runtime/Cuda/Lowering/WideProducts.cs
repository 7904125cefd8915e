using System.Text.RegularExpressions;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "products": ILGPU multiplies two ints to a long by widening both, and ptxas then makes a product of longs of it wherever it
/// computes a factor far away, which is five instructions. <c>mul.wide</c> is one, and its upper half is what division by an
/// invariant asks for.
/// </summary>
internal static partial class WideProducts
{
    /// <summary>The text with a wide product wherever both factors were widened.</summary>
    public static string OfNarrowFactors(string ptx)
    {
        // A register that is written in two places may have changed between the widening and the product.
        Dictionary<string, int> writes = [];
        foreach (Match write in Write().Matches(ptx))
            writes[write.Groups["d"].Value] = writes.GetValueOrDefault(write.Groups["d"].Value) + 1;
        Dictionary<string, string> narrow = [];
        foreach (Match widening in Widening().Matches(ptx))
        {
            (string wide, string factor) = (widening.Groups["d"].Value, widening.Groups["a"].Value);
            if (writes[wide] == 1 && writes.GetValueOrDefault(factor) == 1)
                narrow[wide] = factor;
        }

        return Product().Replace(ptx, product =>
            narrow.TryGetValue(product.Groups["a"].Value, out string? a) && narrow.TryGetValue(product.Groups["b"].Value, out string? b)
                ? $"mul.wide.s32 {product.Groups["d"].Value}, {a}, {b};"
                : product.Value);
    }

    [GeneratedRegex(@"^\s*(?:@!?%p\d+\s+)?(?!st\b|st\.|bra\b)[a-z][\w.]*\s+(?<d>%r\w*\d+)\b", RegexOptions.Multiline)]
    private static partial Regex Write();

    [GeneratedRegex(@"^\s*cvt\.s64\.s32\s+(?<d>%rd\d+), (?<a>%r\d+);", RegexOptions.Multiline)]
    private static partial Regex Widening();

    [GeneratedRegex(@"mul\.lo\.s64\s+(?<d>%rd\d+), (?<a>%rd\d+), (?<b>%rd\d+);")]
    private static partial Regex Product();
}
