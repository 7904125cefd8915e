namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions of pass "gate", on every machine: query tiles and two tiles of 64 centroids as <see cref="AmpereTiles"/> has queries and
/// keys. A thread has scores of two rows of each fragment, and queues for each of its rows what may be among the best: in shared memory, eight
/// places of a score and a block for each of a row's four lanes; then which of them are taken, a bit each; then the lists of rows, if they are kept there.
/// </summary>
internal sealed class GateTiles(TileShape shape) : AmpereTiles(shape)
{
    /// <summary>Places of a queue: what a lane has of a row in half a tile.</summary>
    public const int Places = 8;

    /// <summary>Bytes of a place.</summary>
    public const int PlaceBytes = 8;

    // Of a row's four queues.
    private const int RowBytes = 4 * Places * PlaceBytes;

    public override int Keys => 64;

    public override int SharedBytes => ListsAt + (Queries * GateSizes.Listed * PlaceBytes);

    protected override int KeysAt => GateSizes.Operands * Queries * Dim * 2;

    private int QueuesAt => KeysAt + (2 * KeyBytes);

    private int TakenAt => QueuesAt + (Queries * RowBytes);

    private int ListsAt => TakenAt + (Queries * sizeof(int));

    private int Rows => 2 * Fragments;

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("copycentroids", [var place, var address, var stride, var rows, var columns]) =>
            [$"{{ .reg .u32 to; mad.lo.u32 to, {place}, {KeyBytes}, copied;", .. Copy(KeysAt, Keys, address, stride, rows, columns, "to"), "}"],
        ("gatescores", [var operand, var place, var isMore]) => int.Parse(operand) < GateSizes.Operands
            ? [$"{{ .reg .u32 from; mad.lo.u32 from, {place}, {KeyBytes}, keys;", .. Scores("from", int.Parse(operand) * Queries * Dim * 2, isMore == "1"), "}"]
            : [],
        ("setthreshold", [var row, var value]) => int.Parse(row) < Rows ? [$"max.f32 t{row}, {value}, v{row};"] : [],
        ("setlimit", [var row, var value]) => int.Parse(row) < Rows ? [$"mov.b32 z{row}, {value};"] : [],
        ("queuescores", [var half, var block, var isLimited]) => Queue(int.Parse(half), block, isLimited == "1"),
        ("clearthresholds", _) => Enumerable.Range(0, Rows).Select(static r => $"mov.f32 t{r}, 0f7FC00000; mov.f32 v{r}, 0f7FC00000;"),
        ("gatefloor", [var block, var isLimited]) => Floor(block, isLimited == "1"),
        ("endqueues", [var any]) => EndQueues(any),
        ("queues", [var at]) => [$"mov.u32 {at}, {QueuesAt};"],
        ("loadshared", [var value, var at]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; ld.shared.b32 {value}, [a]; }}"],
        ("storeshared", [var at, var value]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; st.shared.b32 [a], {value}; }}"],
        _ => base.PrintOwn(name, operands),
    };

    // The same places of a warp's lanes stand side by side, so that lanes meet in no bank: for each of the rows that a thread has, and each place.
    protected override IEnumerable<string> Begin() =>
    [
        .. base.Begin(),
        $".reg .u32 sb, firstqueue, f<{Rows}>; .reg .f32 t<{Rows}>, v<{Rows}>; .reg .s32 z<{Rows}>; mov.u32 sb, moba_shared;",
        $"{{ .reg .u32 x, y; mov.u32 x, %tid.x; shr.u32 y, x, 5; and.b32 x, x, 31; mad.lo.u32 x, y, {32 * Rows}, x; " +
        $"mad.lo.u32 firstqueue, x, {PlaceBytes}, sb; mad.lo.u32 firstqueue, y, {32 * Rows * (Places - 1) * PlaceBytes}, firstqueue; add.u32 firstqueue, firstqueue, {QueuesAt}; }}",
        .. Clear(),
    ];

    private IEnumerable<string> Clear() => Enumerable.Range(0, Rows).Select(r => $"add.u32 f{r}, firstqueue, {r * 32 * Places * PlaceBytes};");

    // Four groups of eight columns, of which a thread has two each.
    private IEnumerable<string> Queue(int half, string block, bool isLimited)
    {
        yield return "{ .reg .b32 b, x; .reg .pred p;";
        for (int column = 0; column < 8; column++)
        {
            int group = (4 * half) + (column >> 1);
            yield return $"add.s32 b, {block}, {(8 * group) + (column & 1)};";
            for (int row = 0; row < Rows; row++)
            {
                string score = $"s{((row >> 1) * Keys / 2) + (4 * group) + (2 * (row & 1)) + (column & 1)}";
                yield return $"setp.gtu.f32 p, {score}, t{row}; {(isLimited ? $"setp.lt.and.s32 p, b, z{row}, p; " : "")}" +
                    $"mov.b32 x, {score}; @p st.shared.v2.b32 [f{row}], {{x, b}}; @p add.u32 f{row}, f{row}, {32 * PlaceBytes};";
            }
        }

        yield return "}";
    }

    // The least of the second greatest scores of a row's four lanes: eight scores are not less. A little less than that exceeds none of them.
    private IEnumerable<string> Floor(string block, bool isLimited)
    {
        yield return "{ .reg .b32 b; .reg .f32 x, y, m, n; .reg .pred p;";
        for (int row = 0; row < Rows; row++)
        {
            yield return "mov.f32 m, 0fFF800000; mov.f32 n, 0fFF800000;";
            for (int column = 0; column < 16; column++)
            {
                string score = $"s{((row >> 1) * Keys / 2) + (4 * (column >> 1)) + (2 * (row & 1)) + (column & 1)}";
                yield return isLimited
                    ? $"add.s32 b, {block}, {(8 * (column >> 1)) + (column & 1)}; setp.lt.s32 p, b, z{row}; selp.f32 x, {score}, 0fFF800000, p; max.f32 x, x, 0fFF800000;"
                    : $"max.f32 x, {score}, 0fFF800000;";
                yield return "min.f32 y, m, x; max.f32 n, n, y; max.f32 m, m, x;";
            }

            yield return "shfl.sync.bfly.b32 x, n, 1, 0x1f, 0xffffffff; min.f32 n, n, x; shfl.sync.bfly.b32 x, n, 2, 0x1f, 0xffffffff; min.f32 n, n, x;";
            yield return "abs.f32 x, n; fma.rn.f32 x, x, 0fB4000000, n; sub.f32 x, x, 0f00800000; setp.gt.f32 p, n, 0fFF800000;" +
                $" @p max.f32 v{row}, v{row}, x; max.f32 t{row}, t{row}, v{row};";
        }

        yield return "}";
    }

    private IEnumerable<string> EndQueues(string any)
    {
        yield return "{ .reg .u32 n, to, sum; .reg .pred p; mov.u32 sum, 0;";
        yield return $"mov.u32 to, %tid.x; shr.u32 n, to, 5; and.b32 to, to, 31; mad.lo.u32 to, n, {32 * Rows}, to; add.u32 to, to, sb;";
        for (int row = 0; row < Rows; row++)
        {
            yield return $"sub.u32 n, f{row}, firstqueue; sub.u32 n, n, {row * 32 * Places * PlaceBytes}; shr.u32 n, n, 8; add.u32 sum, sum, n; " +
                $"shl.b32 n, 1, n; sub.u32 n, n, 1; st.shared.u8 [to+{TakenAt + (row * 32)}], n;";
        }

        yield return $"setp.ne.u32 p, sum, 0; vote.sync.ballot.b32 {any}, p, 0xffffffff; bar.warp.sync 0xffffffff; }}";
        foreach (string line in Clear())
            yield return line;
    }
}
