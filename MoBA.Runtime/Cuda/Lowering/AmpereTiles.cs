namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions from Ampere on. Shared memory holds the query tile, a key tile and a value tile, each as panels of 64 columns:
/// rows of 128 bytes, whose 16-byte pieces stand at their number xor the row's number modulo 8. So the eight rows of one column of
/// pieces, which ldmatrix reads at a time, lie in different banks.
/// </summary>
internal class AmpereTiles(TileShape shape) : TilePrinter(shape)
{
    protected const int Warps = 4;

    // Rows that the block copies at a time, eight threads each.
    private const int CopiedRows = 16;

    // ldmatrix brings 16 rows of 32 bytes.
    private const int FragmentBytes = 16 * 128;

    // Fragments of keys or values on their way while the tensor cores work on another one.
    private const int Ahead = 2;

    public override string Target => "sm_80";

    public override int Threads => Warps * 32;

    public override int Queries => Warps * 16 * Fragments;

    public override int Keys => Dim == 64 ? 128 : 64;

    public override int SharedBytes => ValuesAt + KeyBytes;

    protected override SoftmaxPrinter Softmax => new(Fragments, Keys / 2, Dim / 2, Element, IsBounded, settles: false);

    // Fragments of 16 rows of a warp: two as far as the output leaves registers for them, so that what is read of keys and values
    // serves twice.
    protected int Fragments => Dim == 256 ? 1 : 2;

    protected int KeyBytes => Keys * Dim * 2;

    protected virtual int KeysAt => Queries * Dim * 2;

    protected int ValuesAt => KeysAt + KeyBytes;

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("begin", _) => Begin(),
        ("copy", ["queries", var address, var stride, var rows, var columns]) => Copy(0, Queries, address, stride, rows, columns),
        ("copy", ["keys", var address, var stride, var rows, var columns]) => Copy(KeysAt, Keys, address, stride, rows, columns),
        ("copy", ["values", var address, var stride, var rows, var columns]) => Copy(ValuesAt, Keys, address, stride, rows, columns),
        ("copyqueryrow", [var turn, var address, var columns]) => CopyRow(turn, address, columns),
        ("waitcopies", _) => ["cp.async.wait_all; bar.sync 0;"],
        ("scores", _) => Scores("keys", 0, false),
        ("output", _) => Output(),
        _ => null,
    };

    protected virtual IEnumerable<string> Begin() =>
    [
        Softmax.Declarations,
        SoftmaxPrinter.Quads,
        $".reg .u32 copied, queries, keys, values, at; .reg .b32 a<{2 * 4 * Fragments}>, b<{4 * (Ahead + 1)}>; .reg .f32 zero;",
        "{ .reg .u32 thread, row, piece; mov.u32 thread, %tid.x; mov.f32 zero, 0f00000000;",
        .. Place("copied", 0, "shr.u32 row, thread, 3; mov.u32 piece, thread;"),
        .. Place("values", ValuesAt, "and.b32 row, thread, 15; shr.u32 piece, thread, 4; and.b32 piece, piece, 1;"),
        .. Place("keys", KeysAt, "and.b32 row, thread, 7; shr.u32 piece, thread, 1; and.b32 piece, piece, 8; add.u32 row, row, piece; shr.u32 piece, thread, 3; and.b32 piece, piece, 1;"),
        $"shr.u32 row, thread, 5; mul.lo.u32 row, row, {Fragments * FragmentBytes}; sub.u32 queries, values, {ValuesAt}; add.u32 queries, queries, row; }}",
    ];

    // The place of a piece of a row of the first panel, of a tile that starts at a byte of shared memory. A step of 32 bytes along
    // the row is a xor with it.
    private static IEnumerable<string> Place(string place, int at, string rowAndPiece) =>
    [
        rowAndPiece,
        $"xor.b32 piece, piece, row; and.b32 piece, piece, 7; shl.b32 piece, piece, 4; mov.u32 {place}, moba_shared; " +
        $"mad.lo.u32 piece, row, 128, piece; add.u32 {place}, {place}, piece; add.u32 {place}, {place}, {at};",
    ];

    // A tile by all threads. A row beyond the sequence and a piece beyond the row is not read, and 0.
    protected IEnumerable<string> Copy(int at, int rows, string address, string stride, string rowsLeft, string columnsLeft, string place = "copied")
    {
        int panels = Dim / 64;
        yield return $"{{ .reg .u64 from, turn; .reg .u32 bytes<{panels}>, n; .reg .pred there; mov.b64 from, {address}; shl.b64 turn, {stride}, 4;";
        for (int panel = 0; panel < panels; panel++)
            yield return $"setp.gt.s32 there, {columnsLeft}, {64 * panel}; selp.u32 bytes{panel}, 16, 0, there;";
        for (int row = 0; row < rows; row += CopiedRows)
        {
            yield return $"setp.gt.s32 there, {rowsLeft}, {row};";
            for (int panel = 0; panel < panels; panel++)
            {
                int to = at + (128 * ((panel * rows) + row));
                yield return $"selp.u32 n, bytes{panel}, 0, there; cp.async.cg.shared.global.L2::128B [{place}+{to}], [from+{128 * panel}], 16, n;";
            }

            if (row + CopiedRows < rows)
                yield return "add.s64 from, from, turn;";
        }

        yield return "}";
    }

    // A row of a turn, by eight threads.
    private IEnumerable<string> CopyRow(string turn, string address, string columnsLeft)
    {
        yield return $"{{ .reg .u32 to, n; .reg .pred there; mad.lo.u32 to, {turn}, {CopiedRows * 128}, copied;";
        for (int panel = 0; panel < Dim / 64; panel++)
        {
            yield return $"setp.gt.s32 there, {columnsLeft}, {64 * panel}; selp.u32 n, 16, 0, there; " +
                $"cp.async.cg.shared.global.L2::128B [to+{128 * panel * Queries}], [{address}+{128 * panel}], 16, n;";
        }

        yield return "}";
    }

    /// <summary>S = Q K^T, or S += Q K^T: steps of 16 components, of which the queries are read once, and in each the keys by 16.</summary>
    /// <param name="keys">Register of the place of the keys.</param>
    /// <param name="queries">Bytes from the first query tile to the one at hand.</param>
    /// <param name="isMore">Whether S is added to.</param>
    protected IEnumerable<string> Scores(string keys, int queries, bool isMore)
    {
        int groups = Keys / 16, parts = Dim / 16 * groups;
        for (int i = -Ahead; i < parts; i++)
        {
            int part = i + Ahead;
            if (part < parts && part % groups == 0)
            {
                foreach (string line in LoadQueries(part / groups, queries))
                    yield return line;
            }

            if (part < parts)
                yield return Load(keys, part / groups, part % groups, "", part);
            if (i < 0)
                continue;
            int step = i / groups;
            foreach ((int fragment, int half) in Products())
            {
                int first = (fragment * Keys / 2) + (4 * ((2 * (i % groups)) + half));
                yield return Multiply(
                    Registers("s", first, 4), Registers("a", 4 * (((step & 1) * Fragments) + fragment), 4), i, half,
                    step == 0 && !isMore ? "{zero,zero,zero,zero}" : Registers("s", first, 4));
            }
        }
    }

    // O += P V: steps of 16 keys, and in each the columns by 16.
    private IEnumerable<string> Output()
    {
        int groups = Dim / 16, parts = Keys / 16 * groups;
        for (int i = -Ahead; i < parts; i++)
        {
            int part = i + Ahead;
            if (part < parts)
                yield return Load("values", part % groups, part / groups, ".trans", part);
            if (i < 0)
                continue;
            foreach ((int fragment, int half) in Products())
            {
                string sum = Registers("o", (fragment * Dim / 2) + (4 * ((2 * (i % groups)) + half)), 4);
                yield return Multiply(sum, Registers("p", (fragment * Keys / 4) + (4 * (i / groups)), 4), i, half, sum);
            }
        }
    }

    private IEnumerable<string> LoadQueries(int step, int from)
    {
        yield return $"xor.b32 at, queries, {32 * (step & 3)};";
        for (int fragment = 0; fragment < Fragments; fragment++)
        {
            yield return $"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {Registers("a", 4 * (((step & 1) * Fragments) + fragment), 4)}, " +
                $"[at+{from + ((step >> 2) * Queries * 128) + (fragment * FragmentBytes)}];";
        }
    }

    // 16 columns of 16 rows of keys or values. Each half of the registers is an operand of eight columns of the product.
    private string Load(string tile, int columns, int rows, string transposed, int part) =>
        $"xor.b32 at, {tile}, {32 * (columns & 3)}; ldmatrix.sync.aligned.m8n8.x4{transposed}.shared.b16 " +
        $"{Registers("b", 4 * (part % (Ahead + 1)), 4)}, [at+{((columns >> 2) * Keys * 128) + (rows * FragmentBytes)}];";

    private string Multiply(string result, string left, int part, int half, string sum) =>
        $"mma.sync.aligned.m16n8k16.row.col.f32.{Element}.{Element}.f32 {result}, {left}, " +
        $"{Registers("b", (4 * (part % (Ahead + 1))) + (2 * half), 2)}, {sum};";

    // Both halves of what was loaded, with every fragment of the warp.
    private IEnumerable<(int Fragment, int Half)> Products() =>
        from half in new[] { 0, 1 } from fragment in Enumerable.Range(0, Fragments) select (fragment, half);
}
