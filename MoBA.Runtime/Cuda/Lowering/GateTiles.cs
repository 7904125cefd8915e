namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions of pass "gate", on every machine. Queries are in registers, as the left operands of all products. Shared memory holds, in
/// this order, the scores of a group of 32 blocks for every row, lists that registers have no room for, one or two stages of centroids, and
/// queries that are sums. A thread's pieces of 16 bytes are the left operand's own order of components, and the centroids are read in the same.
/// </summary>
internal sealed partial class GateTiles(TileShape shape) : TilePrinter(shape)
{
    /// <summary>Blocks that a list in registers has.</summary>
    public const int Kept = 7;

    /// <summary>Blocks of a group: bits of a word.</summary>
    public const int Group = 32;

    private const int Warps = 4;

    // Columns that are scored at a time.
    private const int Columns = 16;

    private const int RowBytes = Group * sizeof(float);

    public override string Target => "sm_80";

    public override int Threads => Warps * 32;

    public override int Queries => Warps * 16 * Fragments;

    /// <summary>Blocks of a stage of centroids.</summary>
    public override int Keys => Kinds == 2 || Dim == 256 ? 32 : 64;

    public override int SharedBytes => FlagAt + 16;

    /// <summary>So that the compiler leaves registers for as many as shared memory does.</summary>
    public override int BlocksTogether => Math.Clamp((220 << 10) / SharedBytes, 1, Dim == 64 ? 4 : 3);

    protected override SoftmaxPrinter Softmax => throw new NotSupportedException("a gate has no softmax.");

    // Means, or greatest and least keys.
    private int Kinds => GateSizes.Operands % 2 == 0 ? 2 : 1;

    // Parts of queries that are sums.
    private int Parts => GateSizes.Operands < 3 ? 0 : GateSizes.Operands;

    // Fragments of 16 rows of a warp.
    private int Fragments => Dim == 256 || Parts > 0 ? 1 : 2;

    private int Rows => 2 * Fragments;

    // Pieces of 64 bytes of a row.
    private int Pieces => Dim / 32;

    private int Stages => Dim == 256 && Kinds == 2 ? 1 : 2;

    private int CentroidBytes => Dim * 2;

    private int StageBytes => Keys * CentroidBytes;

    private int PartBytes => Queries * Dim * 2;

    private int ListsAt => Queries * RowBytes;

    private int CentroidsAt => ListsAt + (Queries * GateSizes.Listed * sizeof(long));

    private int CentroidsEnd => CentroidsAt + (Stages * Kinds * StageBytes);

    // One part may stand where nothing else is yet.
    private int PartsAt => Parts == 0 ? 0 : CentroidsEnd;

    private int FlagAt => Math.Max(CentroidsEnd, PartsAt + (Math.Max(1, Parts) * PartBytes));

    private bool MayOverflow => Element == "bf16" && Parts == 0;

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("begin", _) => Begin(),
        ("loadshared", [var value, var at]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; ld.shared.b32 {value}, [a]; }}"],
        ("storeshared", [var at, var value]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; st.shared.b32 [a], {value}; }}"],
        ("gatesize", [var value, var which]) => [$"mov.u32 {value}, {Size(which)};"],
        ("loadqueryrow", [var row, var address, var columns]) => LoadQueryRow(int.Parse(row), address, columns),
        ("loadpart", [var part]) => LoadPart(part),
        ("waitcopies", _) => ["cp.async.wait_all; bar.sync 0;"],
        ("copycentroids", [var tile, var address, var first]) => CopyCentroids(tile, address, first),
        ("clearscores", _) => Parts == 0 ? [] : Enumerable.Range(0, 8 * Fragments).Select(static i => $"mov.f32 s{i}, 0f00000000;"),
        ("gatescores", [var sign, var tile, var sixteenth]) => Scores(int.Parse(sign), tile, sixteenth),
        ("stagescores", [var half]) => Stage(half),
        ("markscores", _) => Mark(),
        ("marks", [var marks]) => Marks(marks),
        ("rowscore", [var score, var column]) => [$"{{ .reg .u32 a; shl.b32 a, {column}, 2; xor.b32 a, a, row; ld.shared.f32 {score}, [a]; }}"],
        ("highestbit", [var bit, var bits]) => [$"bfind.u32 {bit}, {bits};"],
        ("floor", [var floor, var valid]) => Floor(floor, valid),
        ("setthresholds", [var ofRow]) => SetThresholds(ofRow),
        ("clearlist", [var wanted]) => ClearList(wanted),
        ("insert", [var score, var block]) => Insert(score, block),
        ("leastkept", [var least]) => [$"mov.f32 {least}, v{Kept - 1};"],
        ("sortblocks", [var first]) => Sort(first),
        ("storeblocks", [var four, var address]) => [$"st.global.v4.b32 [{address}], {Registers("c", 4 * int.Parse(four), 4)};"],
        ("isfinite", [var isFinite]) => [$"{{ .reg .f32 d; .reg .pred p; sub.f32 d, sum, sum; setp.eq.f32 p, d, 0f00000000; selp.s32 {isFinite}, 1, 0, p; }}"],
        _ => null,
    };

    private long Size(string which) => which switch
    {
        "0" => GateSizes.Listed,
        "1" => ListsAt,
        "2" => Stages,
        "3" => Parts,
        "4" => PartsAt,
        "5" => FlagAt,
        "6" => Element == "f16" ? 127 + 8 : 127 - 24,
        "7" => PartBytes,
        _ => throw new NotSupportedException($"there is no size {which} of a gate."),
    };

    private IEnumerable<string> Begin() =>
    [
        $".reg .b32 a<{8 * Pieces * Fragments}>, m<{Rows}>; .reg .f32 s<{8 * Fragments}>, t<{Rows}>, v<{Kept}>, x<{Kept}>, zero, sum, one<{Kept}>;",
        ".reg .u32 sb, unknown, staged, row, even, odd;",
        "{ .reg .u32 thread, warp, group, quad, swing, n; mov.u32 thread, %tid.x; mov.f32 zero, 0f00000000; mov.u32 sb, moba_shared;",

        // A zero that the assembler does not know as one: four words that were read together are to be in four operands of products, and it
        // would rather move them ahead of each product.
        "shr.u32 unknown, sb, 31;",
        .. Enumerable.Range(0, Kept).Select(static i => $"shr.u32 n, sb, {30 - i}; or.b32 n, n, 0x3F800000; mov.b32 one{i}, n;"),
        "shr.u32 warp, thread, 5; shr.u32 group, thread, 2; and.b32 group, group, 7; and.b32 quad, thread, 3;",

        // Scores: pieces of 16 bytes of row r stand at their number xor a permutation of r modulo 8, so that neither four rows of a pair of
        // pieces nor eight rows of one meet in a bank.
        "shl.b32 swing, group, 1; and.b32 swing, swing, 6; shr.u32 n, group, 2; or.b32 swing, swing, n;",
        $"mad.lo.u32 staged, warp, {16 * Fragments}, group; and.b32 n, quad, {Rows - 1}; mad.lo.u32 row, n, 8, staged;",
        $"mad.lo.u32 staged, staged, {RowBytes}, sb; mad.lo.u32 row, row, {RowBytes}, sb; mad.lo.u32 row, swing, 16, row;",
        "shr.u32 n, quad, 1; xor.b32 n, n, swing; mad.lo.u32 staged, n, 16, staged; and.b32 n, quad, 1; mad.lo.u32 staged, n, 8, staged;",

        // Centroids: the 64-byte pieces of odd rows change places two by two.
        $"mad.lo.u32 even, group, {CentroidBytes}, sb; mad.lo.u32 even, quad, 16, even; add.u32 even, even, {CentroidsAt};",
        "and.b32 n, group, 1; shl.b32 n, n, 6; sub.u32 odd, even, n; add.u32 even, even, n; }",
    ];

    // The left operand of a fragment and of half a 64-byte piece: two words of the row, and between them those of the row eight below.
    private int Operand(int fragment, int piece, int half) => 4 * ((((fragment * Pieces) + piece) * 2) + half);

    private IEnumerable<string> LoadQueryRow(int row, string address, string columns)
    {
        if (row >= Rows)
            yield break;
        yield return "{ .reg .pred p; .reg .b32 w<4>;";
        for (int piece = 0; piece < Pieces; piece++)
        {
            yield return $"mov.b32 w0, 0; mov.b32 w1, 0; mov.b32 w2, 0; mov.b32 w3, 0; setp.gt.s32 p, {columns}, {32 * piece}; @p ld.global.v4.b32 {{w0,w1,w2,w3}}, [{address}+{64 * piece}];";
            for (int word = 0; word < 4; word++)
                yield return $"or.b32 a{Operand(row >> 1, piece, word >> 1) + (2 * (word & 1)) + (row & 1)}, w{word}, unknown;";
        }

        yield return "}";
    }

    private IEnumerable<string> LoadPart(string part) =>
    [
        $"{{ .reg .u32 from; mov.u32 from, %tid.x; mad.lo.u32 from, from, 16, sb; mad.lo.u32 from, {part}, {PartBytes}, from;",
        .. Enumerable.Range(0, 2 * Pieces * Fragments).Select(i => $"ld.shared.v4.b32 {Registers("a", 4 * i, 4)}, [from+{PartsAt + (i * Threads * 16)}];"),
        "}",
    ];

    // A tile by all threads; rows of blocks ahead of the sequence's first are 0.
    private IEnumerable<string> CopyCentroids(string tile, string address, string first)
    {
        int turnBytes = Threads * 16, turnRows = turnBytes / CentroidBytes;
        yield return "{ .reg .u32 thread, to, n; .reg .s32 block, row; .reg .u64 from; .reg .pred p; mov.u32 thread, %tid.x; " +
            $"shr.u32 row, thread, {Log2(Dim / 8)}; and.b32 to, thread, {(Dim / 8) - 1}; and.b32 n, row, 1; shl.b32 n, n, 2; xor.b32 to, to, n; " +
            $"mad.lo.u32 to, to, 16, sb; mad.lo.u32 to, row, {CentroidBytes}, to; mad.lo.u32 to, {tile}, {StageBytes}, to; " +
            $"mul.wide.u32 from, thread, 16; add.s64 from, {address}, from; add.s32 block, {first}, row;";
        for (int turn = 0; turn < Keys / turnRows; turn++)
            yield return $"setp.ge.s32 p, block, {-turn * turnRows}; selp.u32 n, 16, 0, p; cp.async.cg.shared.global.L2::128B [to+{CentroidsAt + (turn * turnBytes)}], [from+{turn * turnBytes}], 16, n;";
        yield return "}";
    }

    // 16 columns. With a sign, of the positive or of the negative part of the queries; of these the second is added to the first.
    private IEnumerable<string> Scores(int sign, string tile, string sixteenth)
    {
        if ((sign != 0) != (Kinds == 2 && Parts == 0))
            yield break;
        yield return "{ .reg .u32 n, e, o; .reg .b32 b<8>, c<4>, none; mov.b32 none, 0;" +
            $" mul.lo.u32 n, {sixteenth}, {Columns * CentroidBytes}; mad.lo.u32 n, {tile}, {StageBytes}, n; add.u32 e, even, n; add.u32 o, odd, n;";
        for (int piece = 0; piece < Pieces; piece++)
        {
            for (int columns = 0; columns < 2; columns++)
                yield return $"ld.shared.v4.b32 {Registers("b", 4 * columns, 4)}, [{(piece % 2 == 0 ? "e" : "o")}+{(64 * piece) + (8 * columns * CentroidBytes)}];";
            for (int half = 0; half < 2; half++)
            {
                for (int fragment = 0; fragment < Fragments; fragment++)
                {
                    string left = Registers("a", Operand(fragment, piece, half), 4);
                    if (sign != 0)
                    {
                        for (int i = 0; i < 4; i++)
                            yield return $"{(sign == 1 ? "max" : "min")}.NaN.{Element}x2 c{i}, a{Operand(fragment, piece, half) + i}, none;";
                        left = Registers("c", 0, 4);
                    }

                    for (int columns = 0; columns < 2; columns++)
                    {
                        string result = Registers("s", 4 * ((2 * fragment) + columns), 4);
                        string start = piece + half == 0 && Parts == 0 && sign != 2 ? "{zero,zero,zero,zero}" : result;
                        yield return $"mma.sync.aligned.m16n8k16.row.col.f32.{Element}.{Element}.f32 {result}, {left}, {Registers("b", (4 * columns) + (2 * half), 2)}, {start};";
                    }
                }
            }
        }

        yield return "}";
    }

    private static string Score(int row, int group, int column) => $"s{(4 * ((2 * (row >> 1)) + group)) + (2 * (row & 1)) + column}";

    private IEnumerable<string> Stage(string half)
    {
        yield return $"{{ .reg .u32 g0, g1; shl.b32 g0, {half}, 6; xor.b32 g0, g0, staged; xor.b32 g1, g0, 32;";
        for (int row = 0; row < Rows; row++)
        {
            for (int group = 0; group < 2; group++)
                yield return $"st.shared.v2.f32 [g{group}+{8 * row * RowBytes}], {{{Score(row, group, 0)},{Score(row, group, 1)}}};";
        }

        yield return "}";
    }

    private static int Log2(int x) => System.Numerics.BitOperations.Log2((uint)x);
}
