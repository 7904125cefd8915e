namespace MoBA.Runtime.Cuda;

/// <summary>
/// The online softmax on a thread's registers, alike for every architecture: s holds scores, o the output, m the maxima and l the
/// sums of two rows, in the layout of a 16 x 8 accumulator: registers 4j and 4j + 1 are columns 8j and 8j + 1 (from the thread's
/// first column on) of the first row, 4j + 2 and 4j + 3 those of the second row, eight below.
/// </summary>
/// <param name="scores">Registers of s.</param>
/// <param name="outputs">Registers of o.</param>
/// <param name="element">Element type in PTX.</param>
internal sealed class SoftmaxPrinter(int scores, int outputs, string element)
{
    // -1e30: what a row without keys has as its maximum, so that no difference is infinite.
    private const string Least = "0fF149F2CA";

    // A sum is never negative. That this is asked keeps ptxas from moving the softmax behind the wait that follows it.
    private const string Settle =
        "setp.lt.f32 px, l0, 0f00000000; setp.lt.or.f32 px, l1, 0f00000000, px; vote.sync.any.pred px, px, 0xffffffff; @px trap;";

    /// <summary>Declarations.</summary>
    public string Declarations =>
        $".reg .f32 s<{scores}>, o<{outputs}>, m0, m1, l0, l1, n0, n1, c0, c1, g0, g1, e0, e1, h0, h1, u<4>; .reg .b32 p<{scores / 2}>, w<{outputs / 2}>; " +
        ".reg .pred px, py, pq0, pq1, grown;";

    /// <summary>Row of a register.</summary>
    private static int Row(int register) => (register >> 1) & 1;

    /// <summary>Column of a register, from the thread's first.</summary>
    private static int Column(int register) => (8 * (register >> 2)) + (register & 1);

    public IEnumerable<string> Clear() => Each(outputs, i => $"mov.f32 o{i}, 0f00000000;");

    public IEnumerable<string> Scale(string factor) => Each(scores, i => $"mul.f32 s{i}, s{i}, {factor};");

    public IEnumerable<string> Cut(string keys) => Each(scores, i => $"setp.le.s32 px, {keys}, {Column(i)}; @px mov.f32 s{i}, 0fFF800000;");

    public string Keep(string register, string attended) =>
        int.Parse(register, System.Globalization.CultureInfo.InvariantCulture) < scores ? $"@!{attended} mov.f32 s{register}, 0fFF800000;" : "";

    public string Read(string value, string register) =>
        int.Parse(register, System.Globalization.CultureInfo.InvariantCulture) < scores ? $"mov.f32 {value}, s{register};" : $"mov.f32 {value}, 0f00000000;";

    public string Write(string register, string value) =>
        int.Parse(register, System.Globalization.CultureInfo.InvariantCulture) < scores ? $"mov.f32 s{register}, {value};" : "";

    /// <summary>The first tile: its maximum is the maximum.</summary>
    public IEnumerable<string> Start(string factor) =>
    [
        .. Maximum(),
        .. Rows(r => $"max.f32 m{r}, n{r}, {Least}; mul.f32 g{r}, m{r}, {factor}; neg.f32 g{r}, g{r};"),
        .. Powers(factor),
        .. Sums(),
        .. Rows(r => $"mov.f32 l{r}, u{2 * r};"),
        Settle,
    ];

    /// <summary>Any later tile. The maximum stays as it is unless it grew by more than 8 binary orders: what is summed is at most
    /// 256 times too large meanwhile, and the sum at the end divides it out.</summary>
    public IEnumerable<string> Continue(string factor) =>
    [
        .. Maximum(),
        .. Rows(r =>
            $"max.f32 n{r}, n{r}, m{r}; sub.f32 u{r}, n{r}, m{r}; mul.f32 u{r}, u{r}, {factor}; setp.gt.f32 px, u{r}, 0f41000000; " +
            $"neg.f32 u{r}, u{r}; ex2.approx.ftz.f32 u{r}, u{r}; selp.f32 c{r}, u{r}, 0f3F800000, px; selp.f32 m{r}, n{r}, m{r}, px; " +
            $"mul.f32 g{r}, m{r}, {factor}; neg.f32 g{r}, g{r}; mul.f32 l{r}, l{r}, c{r};"),
        "setp.neu.f32 py, c0, 0f3F800000; setp.neu.or.f32 py, c1, 0f3F800000, py; vote.sync.any.pred grown, py, 0xffffffff;",
        .. Powers(factor),
        .. Sums(),
        .. Rows(r => $"add.f32 l{r}, l{r}, u{2 * r};"),
        Settle,
    ];

    /// <summary>P, rounded.</summary>
    public IEnumerable<string> Pack() => Each(scores / 2, i => $"cvt.rn.{element}x2.f32 p{i}, s{(2 * i) + 1}, s{2 * i};");

    /// <summary>O to the present maximum, where a lane of the warp has a new one.</summary>
    public IEnumerable<string> Rescale() =>
    [
        "{ @!grown bra KEPT;",
        .. Each(outputs, i => $"mul.f32 o{i}, o{i}, c{Row(i)};"),
        "KEPT: }",
    ];

    /// <summary>The log-sum-exp in h and the factor of O in e: 1 / sum, or 0 where no key was seen.</summary>
    public IEnumerable<string> End(string factor) =>
    [
        .. Quad(static (r, lanes) => $"shfl.sync.bfly.b32 u{r}, l{r}, {lanes}, 0x1f, 0xffffffff; add.f32 l{r}, l{r}, u{r};"),
        .. Rows(r =>
            $"rcp.approx.ftz.f32 e{r}, l{r}; setp.eq.f32 px, l{r}, 0f00000000; selp.f32 e{r}, 0f00000000, e{r}, px; " +
            $"lg2.approx.f32 u{r}, l{r}; fma.rn.f32 h{r}, m{r}, {factor}, u{r}; mul.f32 h{r}, h{r}, 0f3F317218;"),
    ];

    /// <summary>No key at all.</summary>
    public IEnumerable<string> None() => Rows(static r => $"mov.f32 e{r}, 0f00000000; mov.f32 h{r}, 0fFF800000;");

    /// <summary>O rounded, and transposed within each quad: of four words that a lane holds of four groups of eight columns it gives
    /// three away for the rest of one group, which is 16 bytes of a row.</summary>
    public IEnumerable<string> Round()
    {
        foreach (string line in Each(outputs, i => $"mul.f32 o{i}, o{i}, e{Row(i)};"))
            yield return line;

        // w: row r, group j of eight columns -> r * outputs / 4 + j.
        for (int i = 0; i < outputs / 2; i++)
            yield return $"cvt.rn.{element}x2.f32 w{((i & 1) * (outputs / 4)) + (i >> 1)}, o{(2 * i) + 1}, o{2 * i};";
        for (int i = 0; i < outputs / 2; i += 4)
        {
            foreach ((int a, int b, string odd, int lanes) in new[] { (0, 1, "pq0", 1), (2, 3, "pq0", 1), (0, 2, "pq1", 2), (1, 3, "pq1", 2) })
            {
                yield return $"{{ .reg .b32 x; selp.b32 x, w{i + a}, w{i + b}, {odd}; shfl.sync.bfly.b32 x, x, {lanes}, 0x1f, 0xffffffff; " +
                    $"selp.b32 w{i + a}, x, w{i + a}, {odd}; selp.b32 w{i + b}, w{i + b}, x, {odd}; }}";
            }
        }
    }

    /// <summary>Writes a row of O, 16 bytes a lane and 64 a quad at a time.</summary>
    public IEnumerable<string> Store(int row, string address, string columns)
    {
        for (int group = 0; group < outputs / 16; group++)
        {
            int first = (row * (outputs / 4)) + (4 * group);
            yield return $"setp.gt.s32 px, {columns}, {32 * group}; @px st.global.v4.b32 [{address}+{64 * group}], {{w{first},w{first + 1},w{first + 2},w{first + 3}}};";
        }
    }

    // n = the maximum of the row over the tile.
    private IEnumerable<string> Maximum() => [.. Tree("max"), .. Rows(static r => $"mov.f32 n{r}, u{2 * r};"),
        .. Quad(static (r, lanes) => $"shfl.sync.bfly.b32 u{r}, n{r}, {lanes}, 0x1f, 0xffffffff; max.f32 n{r}, n{r}, u{r};")];

    // s = 2^(s * factor - maximum * factor)
    private IEnumerable<string> Powers(string factor) =>
        Each(scores, i => $"fma.rn.ftz.f32 s{i}, s{i}, {factor}, g{Row(i)}; ex2.approx.ftz.f32 s{i}, s{i};");

    // u0, u2 = the thread's part of the sums of its rows.
    private IEnumerable<string> Sums() => Tree("add");

    // Two chains a row, for independent instructions: u0 and u1 of the first row, u2 and u3 of the second; then u0 and u2.
    private IEnumerable<string> Tree(string op)
    {
        int[][] registers = [.. new[] { 0, 1 }.Select(r => Enumerable.Range(0, scores).Where(i => Row(i) == r).ToArray())];
        for (int j = 0; j < scores / 2; j += 2)
        {
            for (int r = 0; r < 2; r++)
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

    private static IEnumerable<string> Each(int count, Func<int, string> print) => Enumerable.Range(0, count).Select(print);

    private static IEnumerable<string> Rows(Func<int, string> print) => [print(0), print(1)];

    // Both steps of a reduction over the four lanes of a quad, the rows interleaved.
    private static IEnumerable<string> Quad(Func<int, int, string> print) => [print(0, 1), print(1, 1), print(0, 2), print(1, 2)];
}
