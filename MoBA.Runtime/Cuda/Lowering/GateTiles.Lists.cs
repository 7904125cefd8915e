using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>What exceeds a row's threshold, and a row's list of the best seven in the registers of its lane.</summary>
internal sealed partial class GateTiles
{
    private const string NaN = "0f7FC00000", LeastNumber = "0fFF800000";

    // Bits of the largest float.
    private const int NoBlock = 0x7F7FFFFF;

    // Sorts eight.
    private static readonly (int, int)[] _network =
    [
        (0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6), (0, 4), (3, 7), (1, 5), (2, 6), (1, 4), (3, 6), (2, 4), (3, 5), (3, 4),
    ];

    // A bit for every score that exceeds the threshold of its row, above those of the sixteen columns before. Bits of a sum that starts at 2^23,
    // as sums of floats have units of their own.
    private IEnumerable<string> Mark()
    {
        yield return $"{{ .reg .f32 k<{Rows}>; .reg .b32 bits; .reg .pred p;";
        for (int row = 0; row < Rows; row++)
            yield return $"mov.f32 k{row}, 0f4B000000;";
        for (int i = 0; i < 4 * Rows; i++)
        {
            (int row, int group, int column) = (i % Rows, i / Rows / 2, i / Rows % 2);
            yield return $"setp.gtu.f32 p, {Score(row, group, column)}, t{row}; @p add.f32 k{row}, k{row}, {Literal(1 << ((8 * group) + column))};";
            if (MayOverflow && column == 0)
                yield return $"fma.rn.f32 sum, {Score(row, group, 0)}, {Score(row, group, 1)}, sum;";
        }

        for (int row = 0; row < Rows; row++)
            yield return $"mov.b32 bits, k{row}; prmt.b32 m{row}, m{row}, bits, 0x1054;";
        yield return "}";
    }

    // What the four lanes of a row have marked, for the lane that has the row's list.
    private IEnumerable<string> Marks(string marks)
    {
        yield return "{ .reg .b32 k<2>, g<2>, r; .reg .u32 twoquads; .reg .pred upper, second; mov.u32 twoquads, %tid.x; and.b32 r, twoquads, 2; setp.ne.u32 upper, r, 0;";
        yield return "and.b32 r, twoquads, 1; setp.ne.u32 second, r, 0; and.b32 twoquads, twoquads, 3; shl.b32 twoquads, twoquads, 1;";
        if (Rows == 4)
        {
            yield return "selp.b32 k0, m2, m0, upper; selp.b32 k1, m3, m1, upper; selp.b32 g0, m0, m2, upper; selp.b32 g1, m1, m3, upper;";
            yield return "shl.b32 k0, k0, twoquads; shl.b32 k1, k1, twoquads; shl.b32 g0, g0, twoquads; shl.b32 g1, g1, twoquads;";
        }
        else
        {
            yield return "shl.b32 k0, m0, twoquads; shl.b32 k1, m1, twoquads; mov.b32 g0, k0; mov.b32 g1, k1;";
        }

        for (int i = 0; i < 2; i++)
            yield return $"shfl.sync.bfly.b32 r, g{i}, 2, 0x1f, 0xffffffff; or.b32 k{i}, k{i}, r;";
        yield return "selp.b32 g0, k0, k1, second; selp.b32 k0, k1, k0, second; shfl.sync.bfly.b32 r, g0, 1, 0x1f, 0xffffffff; or.b32 k0, k0, r;";
        yield return Rows == 4 ? $"mov.b32 {marks}, k0; }}" : $"selp.b32 {marks}, 0, k0, upper; }}";
    }

    // Of the lane's row: the seventh of the greater scores of 16 pairs, so that seven scores are not less; then a little less than that. NaN where
    // one of these is none.
    private static IEnumerable<string> Floor(string floor, string valid)
    {
        yield return $"{{ .reg .f32 c<{Group}>, l0, l1, d; .reg .u32 at; .reg .b32 bit; .reg .pred p;";
        for (int four = 0; four < Group / 4; four++)
            yield return $"xor.b32 at, row, {16 * four}; ld.shared.v4.f32 {Registers("c", 4 * four, 4)}, [at];";
        yield return $"setp.eq.s32 p, {valid}, -1; @p bra FLOOR_OF_ALL;";
        for (int i = 0; i < Group; i++)
            yield return $"and.b32 bit, {valid}, {1L << i}; setp.ne.u32 p, bit, 0; selp.f32 c{i}, c{i}, {LeastNumber}, p;";
        yield return "FLOOR_OF_ALL:";
        for (int i = 0; i < Group; i += 2)
            yield return $"max.NaN.f32 c{i / 2}, c{i}, c{i + 1};";
        foreach (int eight in new[] { 0, 8 })
        {
            foreach ((int i, int j) in _network)
                yield return $"min.NaN.f32 d, c{eight + i}, c{eight + j}; max.NaN.f32 c{eight + j}, c{eight + i}, c{eight + j}; mov.f32 c{eight + i}, d;";
        }

        // The greater eight of both, ascending and descending; the second least of them.
        for (int i = 0; i < 8; i++)
            yield return $"max.NaN.f32 c{i}, c{i}, c{15 - i};";
        yield return "min.NaN.f32 l0, c0, c1; max.NaN.f32 l1, c0, c1;";
        for (int i = 2; i < 8; i++)
            yield return $"max.NaN.f32 d, l0, c{i}; min.NaN.f32 l1, l1, d; min.NaN.f32 l0, l0, c{i};";
        yield return "abs.f32 d, l1; fma.rn.f32 d, d, 0fB4800000, l1; sub.f32 d, d, 0f00800000;" +
            $" setp.gt.f32 p, l1, {LeastNumber}; selp.f32 {floor}, d, {NaN}, p; }}";
    }

    private IEnumerable<string> SetThresholds(string ofRow)
    {
        yield return "{ .reg .u32 first, lane; mov.u32 first, %tid.x; and.b32 first, first, 28;";
        for (int row = 0; row < Rows; row++)
            yield return $"add.u32 lane, first, {row}; shfl.sync.idx.b32 t{row}, {ofRow}, lane, 0x1f, 0xffffffff;";
        yield return "}";
    }

    // The best first. Places that are not wanted stand ahead, with a score that none exceeds; a NaN is exceeded by any.
    private IEnumerable<string> ClearList(string wanted)
    {
        yield return "{ .reg .pred p; mov.f32 sum, zero;";
        for (int place = 0; place < Kept; place++)
            yield return $"setp.lt.s32 p, {wanted}, {Kept - place}; selp.f32 v{place}, 0f7F800000, {NaN}, p; mov.b32 x{place}, {NoBlock};";
        for (int row = 0; row < Rows; row++)
            yield return $"mov.f32 t{row}, {NaN}; mov.b32 m{row}, 0;";
        yield return "}";
    }

    // Blocks come in descending, so of equal scores the one that is there stays ahead. What moves is multiplied by 1, blocks as bits of floats,
    // and for each place by another 1 that the assembler does not know: units that select are those that compare, and have enough to do.
    private static IEnumerable<string> Insert(string score, string block)
    {
        yield return $"{{ .reg .f32 n, b; .reg .pred p<{Kept}>; max.f32 n, {score}, {LeastNumber}; mov.b32 b, {block};";
        for (int place = 0; place < Kept; place++)
            yield return $"setp.gtu.f32 p{place}, n, v{place};";
        for (int place = Kept - 1; place >= 0; place--)
        {
            yield return $"@p{place} mul.f32 v{place}, n, one{place}; @p{place} mul.f32 x{place}, b, one{place};";
            if (place > 0)
                yield return $"@p{place - 1} mul.f32 v{place}, v{place - 1}, one0; @p{place - 1} mul.f32 x{place}, x{place - 1}, one0;";
        }

        yield return "}";
    }

    // A network of 19 comparisons; then numbers over all sequences, and -1.
    private static IEnumerable<string> Sort(string first)
    {
        yield return $".reg .b32 c<{Kept + 1}>; {{ .reg .b32 n; .reg .pred p; mov.b32 c{Kept}, {NoBlock};";
        for (int i = 0; i < Kept; i++)
            yield return $"mov.b32 c{i}, x{i};";
        foreach ((int i, int j) in _network)
            yield return $"min.s32 n, c{i}, c{j}; max.s32 c{j}, c{i}, c{j}; mov.b32 c{i}, n;";
        for (int i = 0; i <= Kept; i++)
            yield return $"setp.eq.s32 p, c{i}, {NoBlock}; add.s32 c{i}, c{i}, {first}; selp.b32 c{i}, -1, c{i}, p;";
        yield return "}";
    }

    private static string Literal(float value) => "0f" + BitConverter.SingleToUInt32Bits(value).ToString("X8", CultureInfo.InvariantCulture);
}
