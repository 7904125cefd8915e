namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions of pass "routed" on Hopper: query tiles are gathered row by row, by asynchronous copies of 16 bytes, in the layout that
/// the tensor memory accelerator would give them. Behind the barriers stand, for each query tile, the words told with it and the entries of its
/// rows; then two claims; then, for each computing warp, its 16 rows of partials, which a bulk copy takes from there while the warp goes on.
/// </summary>
internal sealed class HopperRoutedTiles(TileShape shape) : HopperTiles(shape)
{
    // Copies of a tile count on its barrier, and each thread once more, for what it told.
    private const int Copiers = 128;
    private const int ComputingWarps = 8;

    private readonly bool _hasPartials = shape.Role == KernelRole.Routed;

    public override int Keys => BlockKeys;

    public override int SharedBytes => IsStaged ? StagedAt + (ComputingWarps * StagedBytes) : ClaimsAt + 8;

    protected override int QuerySlots => Dim == 256 || (Dim == 128 && IsStaged) ? 2 : 3;

    protected override int ValueSlots => Dim == 256 ? 1 : 2;

    protected override int QueryWriters => 2 * Copiers;

    private static int ToldBytes => (RoutedTold.Words + CudaRouting.ItemRows) * sizeof(int);

    private int ToldAt => EndOfBarriers;

    private int ClaimsAt => ToldAt + (QuerySlots * ToldBytes);

    // There is no room for rows of 256, and rows of a mixture are no partials.
    private bool IsStaged => Dim < 256 && _hasPartials;

    private int StagedAt => (ClaimsAt + 8 + 127) & ~127;

    private int StagedBytes => 16 * Dim * 2;

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("begin", _) => [.. base.PrintOwn(name, operands)!, ".reg .b32 told<4>;"],
        ("gatherqueries", [var n, var address, var row, var dim]) => Gather(n, address, row, dim),
        ("tell", [var n, var word, var value]) => ["{", .. At(n, $"{word}"), $"st.shared.b32 [a], {value}; }}"],
        ("tellentry", [var n, var row, var entry]) => ["{", .. At(n, row), $"st.shared.b32 [a+{4 * RoutedTold.Words}], {entry}; }}"],
        ("endgather", [var n]) => EndGather(n),
        ("lookattold", [var n]) => ["{", .. At(n, "0"), "ld.shared.v4.b32 {told0,told1,told2,told3}, [a]; }"],
        ("toldword", [var value, var word]) => [$"mov.b32 {value}, told{word};"],
        ("told", [var value, var n, var word]) => ["{ .reg .b32 x;", .. At(n, word), $"ld.shared.b32 x, [a]; shfl.sync.idx.b32 {value}, x, 0, 0x1f, 0xffffffff; }}"],
        ("entry", [var value, var n, var row]) => ["{", .. At(n, row), $"ld.shared.b32 {value}, [a+{4 * RoutedTold.Words}]; }}"],
        ("claim", [var slot, var value]) => [$"{{ .reg .u32 a; mad.lo.u32 a, {slot}, 4, sb; st.shared.b32 [a+{ClaimsAt}], {value}; }}"],
        ("claimed", [var value, var slot]) =>
            [$"{{ .reg .u32 a; .reg .b32 x; mad.lo.u32 a, {slot}, 4, sb; ld.shared.b32 x, [a+{ClaimsAt}]; shfl.sync.idx.b32 {value}, x, 0, 0x1f, 0xffffffff; }}"],
        ("storepartials", [var address, var rows]) => IsStaged ? StagePartials(address, rows) : Softmax.StorePartials(address, rows),
        ("waitpartials", _) => IsStaged ? ["@first cp.async.bulk.wait_group 0; fence.proxy.async; bar.warp.sync 0xffffffff;"] : [],
        ("synccopiers", _) => [$"bar.sync 1, {Copiers};"],

        // What threads have copied is read by the tensor cores.
        ("waitfull", ["queries", _]) => [.. base.PrintOwn(name, operands)!, "fence.proxy.async.shared::cta;"],
        _ => base.PrintOwn(name, operands),
    };

    // a: a word of what is told with query tile n.
    private IEnumerable<string> At(string n, string word) =>
        [.. Ring("queries").Slot(n), $"mad.lo.u32 slot, slot, {ToldBytes}, sb; mad.lo.u32 a, {word}, 4, slot; add.u32 a, a, {ToldAt};"];

    // Rows are staged once the copy of those before has read them.
    private IEnumerable<string> StagePartials(string address, string rows) =>
    [
        $"{{ .reg .u32 lane, row, odd, at, bytes; .reg .pred any; @first cp.async.bulk.wait_group.read 0; bar.warp.sync 0xffffffff;",
        $"mov.u32 at, %tid.x; shr.u32 at, at, 5; sub.u32 at, at, {Copiers / 32}; mad.lo.u32 at, at, {StagedBytes}, sb; add.u32 at, at, {StagedAt};",
        $"mov.u32 lane, %laneid; shr.u32 row, lane, 2; and.b32 odd, row, 1; and.b32 lane, lane, 3; shl.b32 lane, lane, 4; mad.lo.u32 row, row, {Dim * 2}, lane; add.u32 row, row, at;",
        .. Softmax.StagePartials("row", "odd"),
        $"fence.proxy.async.shared::cta; bar.warp.sync 0xffffffff; min.s32 bytes, {rows}, 16; mul.lo.s32 bytes, bytes, {Dim * 2}; setp.gt.s32 any, {rows}, 0; and.pred any, any, first;",
        $"@any cp.async.bulk.global.shared::cta.bulk_group [{address}], [at], bytes; @first cp.async.bulk.commit_group; }}",
    ];

    // Lanes have a warp's 32 rows; as many lanes as a row has pieces of 16 bytes copy one together, and the others the next ones. In the layout of
    // 128-byte swizzle a piece stands at its number xor the row's, modulo 8.
    private IEnumerable<string> Gather(string n, string address, string row, string dim)
    {
        int pieces = Dim / 8, together = 32 / pieces;
        yield return "{ .reg .u32 lane, piece, of, from, bytes, to<8>; .reg .u64 base, where; .reg .pred there;";
        foreach (string line in Ring("queries").Slot(n))
            yield return line;
        yield return $"mov.u32 lane, %laneid; and.b32 piece, lane, {pieces - 1}; shr.u32 of, lane, {System.Numerics.BitOperations.Log2((uint)pieces)};";
        yield return $"mul.lo.u32 a, piece, 8; setp.lt.s32 there, a, {dim}; selp.u32 bytes, 16, 0, there; mul.wide.u32 where, piece, 16; add.s64 base, {address}, where;";
        yield return $"mad.lo.u32 to0, slot, {QueryBytes}, sb; mov.u32 a, %tid.x; and.b32 a, a, 96; add.u32 a, a, of; mad.lo.u32 to0, a, 128, to0; " +
            $"shr.u32 a, piece, 3; mad.lo.u32 to0, a, {Queries * 128}, to0; xor.b32 a, piece, of; and.b32 a, a, 7; mad.lo.u32 to0, a, 16, to0;";
        for (int first = together; first < 8; first += together)
            yield return $"xor.b32 to{first}, to0, {first << 4};";
        for (int first = 0; first < 32; first += together)
        {
            yield return $"add.u32 a, of, {first}; shfl.sync.idx.b32 from, {row}, a, 0x1f, 0xffffffff; mad.wide.u32 where, from, 16, base; " +
                $"cp.async.cg.shared.global [to{first & 7}+{first * 128}], [where], 16, bytes;";
        }

        yield return $"mad.lo.u32 a, slot, 8, sb; cp.async.mbarrier.arrive.noinc.shared::cta.b64 [a+{Ring("queries").FullAt}]; mbarrier.arrive.shared::cta.b64 _, [a+{Ring("queries").FullAt}]; }}";
    }

    // The barrier counts each copier twice.
    private IEnumerable<string> EndGather(string n) =>
    [
        "{", .. Ring("queries").Slot(n),
        $"mad.lo.u32 a, slot, 8, sb; mbarrier.arrive.shared::cta.b64 _, [a+{Ring("queries").FullAt}]; mbarrier.arrive.shared::cta.b64 _, [a+{Ring("queries").FullAt}]; }}",
    ];
}
