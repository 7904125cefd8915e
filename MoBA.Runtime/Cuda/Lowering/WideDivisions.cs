using System.Text.RegularExpressions;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "divisions": a 64-bit division is a routine in machine code, and a kernel that hands registers from warpgroup to warpgroup
/// may call none (ptxas 12.4 crashes on it). It becomes instructions that stand where it stood, exact for every dividend above
/// -2^63 and every divisor but 0: a quotient of doubles, twice, the second time of what the first left over, then put right by one.
/// </summary>
internal static partial class WideDivisions
{
    private const string Template = """
        { .reg .s64 a, b, n, m, q, t; .reg .f64 x, y, r, e; .reg .pred p, s;
        	mov.b64 a, $a;
        	mov.b64 b, $b;
        	abs.s64 n, a;
        	abs.s64 m, b;
        	cvt.rn.f64.s64 y, m;
        	neg.f64 e, y;
        	rcp.approx.ftz.f64 r, y;
        	fma.rn.f64 x, e, r, 0d3FF0000000000000;
        	fma.rn.f64 r, r, x, r;
        	fma.rn.f64 x, e, r, 0d3FF0000000000000;
        	fma.rn.f64 r, r, x, r;
        	cvt.rn.f64.s64 x, n;
        	mul.rn.f64 x, x, r;
        	cvt.rzi.s64.f64 q, x;
        	mul.lo.s64 t, q, m;
        	sub.s64 n, n, t;
        	cvt.rn.f64.s64 x, n;
        	mul.rn.f64 x, x, r;
        	cvt.rzi.s64.f64 t, x;
        	add.s64 q, q, t;
        	mul.lo.s64 t, t, m;
        	sub.s64 n, n, t;
        	setp.lt.s64 p, n, 0;
        	@p add.s64 n, n, m;
        	@p sub.s64 q, q, 1;
        	setp.ge.s64 p, n, m;
        	@p sub.s64 n, n, m;
        	@p add.s64 q, q, 1;
        """;

    private const string Quotient = """

        	xor.b64 t, a, b;
        	setp.lt.s64 s, t, 0;
        	@s neg.s64 q, q;
        	mov.b64 $d, q; }
        """;

    private const string Remainder = """

        	setp.lt.s64 s, a, 0;
        	@s neg.s64 n, n;
        	mov.b64 $d, n; }
        """;

    /// <summary>The text without 64-bit divisions.</summary>
    public static string ToInstructions(string ptx) => Division().Replace(
        ptx,
        static division => (Template + (division.Groups["op"].Value == "div" ? Quotient : Remainder))
            .Replace("$d", division.Groups["d"].Value, StringComparison.Ordinal)
            .Replace("$a", division.Groups["a"].Value, StringComparison.Ordinal)
            .Replace("$b", division.Groups["b"].Value, StringComparison.Ordinal));

    [GeneratedRegex(@"(?<op>div|rem)\.s64\s+(?<d>%\w+),\s*(?<a>[%\w-]+),\s*(?<b>[%\w-]+);")]
    private static partial Regex Division();
}
