using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// The online softmax on a thread's registers, alike for every architecture: s holds scores, o the output, m the maxima and l the
/// sums of its rows. It has two rows of each fragment of 16, in the layout of a 16 x 8 accumulator: registers 4j and 4j + 1 are
/// columns 8j and 8j + 1 (from the thread's first column on) of the first row, 4j + 2 and 4j + 3 those of the second row, eight
/// below. The registers of a second fragment follow those of the first.
/// </summary>
/// <param name="fragments">Fragments of 16 rows.</param>
/// <param name="scores">Registers of s of a fragment.</param>
/// <param name="outputs">Registers of o of a fragment.</param>
/// <param name="element">Element type in PTX.</param>
/// <param name="isBounded">Whether scores are so small that the maximum of the first tile does for all.</param>
/// <param name="settles">Whether what follows a softmax waits for asynchronous products, behind which ptxas must not move it.</param>
internal sealed partial class SoftmaxPrinter(int fragments, int scores, int outputs, string element, bool isBounded, bool settles)
{
    // -1e30: what a row without keys has as its maximum, so that no difference is infinite.
    private const string Least = "0fF149F2CA";

    // -16: from here on the largest score is 96 binary orders away, which leaves room for a sum.
    private const string LeastBounded = "0fC1800000";

    /// <summary>Declarations.</summary>
    public string Declarations =>
        $".reg .f32 s<{fragments * scores}>, o<{fragments * outputs}>, m<{AllRows}>, l<{AllRows}>, n<{AllRows}>, c<{AllRows}>, " +
        $"g<{AllRows}>, e<{AllRows}>, h<{AllRows}>, u<{2 * AllRows}>; .reg .b32 p<{fragments * scores / 2}>, w<{fragments * outputs / 2}>; " +
        ".reg .pred px, py, pq0, pq1, grown;";

    private int AllRows => 2 * fragments;

    /// <summary>What <see cref="Round"/> needs to know of the lane.</summary>
    public static string Quads =>
        "{ .reg .u32 x, y; mov.u32 x, %laneid; and.b32 y, x, 1; setp.ne.u32 pq0, y, 0; and.b32 y, x, 2; setp.ne.u32 pq1, y, 0; }";

    public IEnumerable<string> Clear() => Each(fragments * outputs, i => $"mov.f32 o{i}, 0f00000000;");

    public IEnumerable<string> Scale(string register, string factor) => Score(register) is not int first ? []
        : Each(scores, i => $"mul.f32 s{first + i}, s{first + i}, {factor};");

    public IEnumerable<string> Cut(string register, string keys, string isFirst) => Score(register) is not int first ? []
        : Each(scores, i => $"setp.le.s32 px, {keys}, {Column(i)}; @px mov.f32 s{first + i}, {Unattended(isFirst)};");

    // A predicate that ILGPU knew to be constant is a number.
    public string Keep(string register, string attended, string isFirst) => (Score(register), attended) switch
    {
        (null, _) or (_, "1") => "",
        (int s, "0") => $"mov.f32 s{s}, {Unattended(isFirst)};",
        (int s, _) => $"@!{attended} mov.f32 s{s}, {Unattended(isFirst)};",
    };

    // ptxas makes predicates of eight bits at a time of this.
    public IEnumerable<string> KeepColumns(string register, string attended, string isFirst) => Score(register) is not int first ? [] :
    [
        "{ .reg .b32 bit;",
        .. Each(scores / 2, j => $"and.b32 bit, {attended}, {1 << j}; setp.eq.u32 px, bit, 0; @px mov.f32 s{first + (4 * (j >> 1)) + (j & 1)}, {Unattended(isFirst)};"),
        "}",
    ];

    public string Read(string value, string register) => $"mov.f32 {value}, {(Score(register) is int s ? $"s{s}" : "0f00000000")};";

    public string Write(string register, string value) => Score(register) is int s ? $"mov.f32 s{s}, {value};" : "";

    public IEnumerable<string> WriteModified(string register, string value, string isFirst) => Score(register) is not int s ? []
        : isBounded ? [$"fma.rn.f32 s{s}, {value}, {Unit}, {(isFirst == "0" ? $"g{Row(s, scores)}" : "0f80000000")};"] : [$"mov.f32 s{s}, {value};"];

    /// <summary>What a modified score is multiplied with: log2 e, or 1 where the powers multiply it.</summary>
    public string Unit => isBounded ? "0f3FB8AA3B" : "0f3F800000";

    /// <summary>What is added to a modified score of a row: what the powers of any tile but the first are relative to, or the 0 that
    /// ptxas drops, which is the negative one.</summary>
    public string Shift(string row) => isBounded ? $"g{row}" : "0f80000000";

    /// <summary>The largest of the sizes of 16 scores, of those that are numbers.</summary>
    public IEnumerable<string> Largest(string value, string register) => Score(register) is not int first ? [$"mov.f32 {value}, 0f00000000;"] :
    [
        "{ .reg .f32 x<4>, y<4>;",
        .. Each(4, i => $"abs.f32 x{i}, s{first + i};"),
        .. Each(12, i => $"abs.f32 y{i & 3}, s{first + 4 + i}; max.f32 x{i & 3}, x{i & 3}, y{i & 3};"),
        $"max.f32 x0, x0, x1; max.f32 x2, x2, x3; max.f32 {value}, x0, x2; }}",
    ];

    /// <summary>Weights of 16 scores at once, where the maximum of a row stays what it was in the first tile: 2^S.</summary>
    public IEnumerable<string> BoundedPowers(string register) => !isBounded || Score(register) is not int first ? []
        : Each(16, i => $"ex2.approx.ftz.f32 s{first + i}, s{first + i};");

    /// <summary>No key yet.</summary>
    public IEnumerable<string> Begin() => Rows(r => $"mov.f32 m{r}, {Least}; mov.f32 l{r}, 0f00000000;");

    /// <summary>The first tile: its maximum is the maximum.</summary>
    public IEnumerable<string> Start(string factor) =>
    [
        .. Maximum(),
        .. Rows(r => $"max.f32 m{r}, n{r}, {(isBounded ? LeastBounded : Least)}; mul.f32 g{r}, m{r}, {Factor(factor)}; neg.f32 g{r}, g{r};"),
        .. Powers(Factor(factor)),
        .. Sums(),
        .. Rows(r => $"mov.f32 l{r}, u{2 * r};"),
        .. Settle(),
    ];

    /// <summary>Any later tile. The maximum stays as it is unless it grew by more than 8 binary orders: what is summed is at most
    /// 256 times too large meanwhile, and the sum at the end divides it out.</summary>
    public IEnumerable<string> Continue(string factor) =>
    [
        .. isBounded ? ["setp.ne.b32 grown, 0, 0;"] : Grow(factor),
        .. isBounded ? [] : Powers(factor),
        .. Sums(),
        .. Rows(r => $"add.f32 l{r}, l{r}, u{2 * r};"),
        .. Settle(),
    ];

    /// <summary>P, rounded.</summary>
    public IEnumerable<string> Pack() => Each(fragments * scores / 2, i => $"cvt.rn.{element}x2.f32 p{i}, s{(2 * i) + 1}, s{2 * i};");

    /// <summary>O to the present maximum, where a lane of the warp has a new one.</summary>
    public IEnumerable<string> Rescale() =>
    [
        "{ @!grown bra KEPT;",
        .. Each(fragments * outputs, i => $"mul.f32 o{i}, o{i}, c{Row(i, outputs)};"),
        "KEPT: }",
    ];

    /// <summary>The log-sum-exp in h and the factor of O in e: 1 / sum, or 0 where no key was seen.</summary>
    public IEnumerable<string> End(string factor) =>
    [
        .. Quad(static (r, lanes) => $"shfl.sync.bfly.b32 u{r}, l{r}, {lanes}, 0x1f, 0xffffffff; add.f32 l{r}, l{r}, u{r};"),
        .. Rows(r =>
            $"rcp.approx.ftz.f32 e{r}, l{r}; setp.eq.f32 px, l{r}, 0f00000000; selp.f32 e{r}, 0f00000000, e{r}, px; " +
            $"lg2.approx.f32 u{r}, l{r}; fma.rn.f32 h{r}, m{r}, {Factor(factor)}, u{r}; mul.f32 h{r}, h{r}, 0f3F317218;"),
    ];

    /// <summary>No key at all.</summary>
    public IEnumerable<string> None() => Rows(static r => $"mov.f32 e{r}, 0f00000000; mov.f32 h{r}, 0fFF800000;");

    /// <summary>O rounded, and transposed within each quad: of four words that a lane holds of four groups of eight columns it gives
    /// three away for the rest of one group, which is 16 bytes of a row.</summary>
    public IEnumerable<string> Round()
    {
        foreach (string line in Each(fragments * outputs, i => $"mul.f32 o{i}, o{i}, e{Row(i, outputs)};"))
            yield return line;

        // w: row r, group j of eight columns -> r * outputs / 4 + j.
        for (int i = 0; i < fragments * outputs; i += 2)
            yield return $"cvt.rn.{element}x2.f32 w{(Row(i, outputs) * (outputs / 4)) + (i % outputs >> 2)}, o{i + 1}, o{i};";
        for (int i = 0; i < fragments * outputs / 2; i += 4)
        {
            foreach ((int a, int b, string odd, int lanes) in new[] { (0, 1, "pq0", 1), (2, 3, "pq0", 1), (0, 2, "pq1", 2), (1, 3, "pq1", 2) })
            {
                yield return $"{{ .reg .b32 x; selp.b32 x, w{i + a}, w{i + b}, {odd}; shfl.sync.bfly.b32 x, x, {lanes}, 0x1f, 0xffffffff; " +
                    $"selp.b32 w{i + a}, x, w{i + a}, {odd}; selp.b32 w{i + b}, w{i + b}, x, {odd}; }}";
            }
        }
    }

    /// <summary>Writes a row of O, 16 bytes a lane and 64 a quad at a time.</summary>
    public IEnumerable<string> Store(string row, string address, string columns)
    {
        if (!HasRow(row, out int of))
            yield break;
        for (int group = 0; group < outputs / 16; group++)
        {
            int first = (of * (outputs / 4)) + (4 * group);
            yield return $"setp.gt.s32 px, {columns}, {32 * group}; @px st.global.v4.b32 [{address}+{64 * group}], {{w{first},w{first + 1},w{first + 2},w{first + 3}}};";
        }
    }

    /// <summary>Writes the log-sum-exp of a row.</summary>
    public IEnumerable<string> StoreLse(string row, string address, string write) =>
        HasRow(row, out int of) ? [$"@{write} st.global.f32 [{address}], h{of};"] : [];

    /// <summary>The lanes whose O of a row is not finite, though the factor of O, and so the sum of the weights, is a number.</summary>
    public IEnumerable<string> Broken(string lanes, string row)
    {
        if (!HasRow(row, out int of))
        {
            yield return $"mov.u32 {lanes}, 0;";
            yield break;
        }

        yield return "{ .reg .f32 x; .reg .pred p; mov.f32 x, 0f00000000;";
        for (int i = 0; i < fragments * outputs; i++)
        {
            if (Row(i, outputs) == of)
                yield return $"fma.rn.f32 x, o{i}, 0f00000000, x;";
        }

        yield return $"setp.nan.f32 p, x, x; setp.num.and.f32 p, e{of}, e{of}, p; vote.sync.ballot.b32 {lanes}, p, 0xffffffff; }}";
    }

    // A bounded score is in binary orders already.
    private string Factor(string factor) => isBounded ? "0f3F800000" : factor;

    // The score of a pair that is not attended, or its weight, where that is what s has.
    private string Unattended(string isFirst) => isBounded && isFirst == "0" ? "0f00000000" : "0fFF800000";

    // The maximum, where it grew enough, and what was summed to the new one.
    private IEnumerable<string> Grow(string factor) =>
    [
        .. Maximum(),
        .. Rows(r =>
            $"max.f32 n{r}, n{r}, m{r}; sub.f32 u{r}, n{r}, m{r}; mul.f32 u{r}, u{r}, {factor}; setp.gt.f32 px, u{r}, 0f41000000; " +
            $"neg.f32 u{r}, u{r}; ex2.approx.ftz.f32 u{r}, u{r}; selp.f32 c{r}, u{r}, 0f3F800000, px; selp.f32 m{r}, n{r}, m{r}, px; " +
            $"mul.f32 g{r}, m{r}, {factor}; neg.f32 g{r}, g{r}; mul.f32 l{r}, l{r}, c{r};"),
        .. Rows(static r => $"setp.neu{(r == 0 ? "" : ".or")}.f32 py, c{r}, 0f3F800000{(r == 0 ? "" : ", py")};"),
        "vote.sync.any.pred grown, py, 0xffffffff;",
    ];

    // A sum is never negative; asking for it is what settles.
    private IEnumerable<string> Settle() => !settles ? []
        : ["setp.lt.f32 px, l0, 0f00000000; setp.lt.or.f32 px, l1, 0f00000000, px; vote.sync.any.pred px, px, 0xffffffff; @px trap;"];

    // n = the maximum of the row over the tile.
    private IEnumerable<string> Maximum() => [.. Tree("max"), .. Rows(static r => $"mov.f32 n{r}, u{2 * r};"),
        .. Quad(static (r, lanes) => $"shfl.sync.bfly.b32 u{r}, n{r}, {lanes}, 0x1f, 0xffffffff; max.f32 n{r}, n{r}, u{r};")];

    // s = 2^(s * factor - maximum * factor)
    private IEnumerable<string> Powers(string factor) =>
        Each(fragments * scores, i => $"fma.rn.ftz.f32 s{i}, s{i}, {factor}, g{Row(i, scores)}; ex2.approx.ftz.f32 s{i}, s{i};");

    // u0, u2, ... = the thread's part of the sums of its rows.
    private IEnumerable<string> Sums() => Tree("add");

    // Two chains a row, for independent instructions: u0 and u1 of the first row, u2 and u3 of the second; then u0, u2, ...
    private IEnumerable<string> Tree(string op)
    {
        int[][] registers = [.. Enumerable.Range(0, fragments * scores).GroupBy(i => Row(i, scores)).Select(static g => g.ToArray())];
        for (int j = 0; j < scores / 2; j += 2)
        {
            for (int r = 0; r < AllRows; r++)
            {
                int[] of = registers[r];
                if (j == 0)
                    yield return $"{op}.f32 u{2 * r}, s{of[0]}, s{of[2]}; {op}.f32 u{(2 * r) + 1}, s{of[1]}, s{of[3]};";
                else if (j >= 4)
                    yield return $"{op}.f32 u{2 * r}, u{2 * r}, s{of[j]}; {op}.f32 u{(2 * r) + 1}, u{(2 * r) + 1}, s{of[j + 1]};";
            }
        }

        foreach (string line in Rows(r => $"{op}.f32 u{2 * r}, u{2 * r}, u{(2 * r) + 1};"))
            yield return line;
    }

    // The register of a score by its number, or null where the tile has none.
    private int? Score(string register)
    {
        int number = int.Parse(register, CultureInfo.InvariantCulture);
        int fragment = number / Tile.FragmentRegisters, score = number % Tile.FragmentRegisters;
        return fragment < fragments && score < scores ? (fragment * scores) + score : null;
    }

    private bool HasRow(string row, out int of) => (of = int.Parse(row, CultureInfo.InvariantCulture)) < AllRows;

    // Row of a register, of those that have `each` registers a fragment.
    private static int Row(int register, int each) => (2 * (register / each)) + ((register >> 1) & 1);

    // Column of a register, from the thread's first.
    private static int Column(int register) => (8 * (register >> 2)) + (register & 1);

    private static IEnumerable<string> Each(int count, Func<int, string> print) => Enumerable.Range(0, count).Select(print);

    private IEnumerable<string> Rows(Func<int, string> print) => Each(AllRows, print);

    // Both steps of a reduction over the four lanes of a quad, the rows interleaved.
    private IEnumerable<string> Quad(Func<int, int, string> print) => [.. Rows(r => print(r, 1)), .. Rows(r => print(r, 2))];
}
