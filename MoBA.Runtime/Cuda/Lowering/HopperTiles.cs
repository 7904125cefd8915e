namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions on Hopper. Shared memory holds the query tile, two slots of key tiles and two of value tiles, each as panels of
/// 64 columns: rows of 128 bytes whose 16-byte pieces are permuted by the 128-byte swizzle, as the tensor memory accelerator writes
/// and wgmma reads them; then the barriers.
/// </summary>
internal class HopperTiles(TileShape shape) : TilePrinter(shape)
{
    // A barrier counts a lane of each of the eight computing warps.
    private const int Readers = 8;

    // Swizzle of 128 bytes; eight rows, 1024 bytes, apart.
    private const uint Descriptor = 0x40000040;

    public override string Target => "sm_90a";

    public override int Threads => 384;

    public override int TensorMaps => 3;

    public override bool IsPersistent => true;

    public override int Queries => 128;

    public override int Keys => Dim == 256 ? 64 : 128;

    public override int SharedBytes => EndOfBarriers;

    protected override SoftmaxPrinter Softmax => new(1, Keys / 2, Dim / 2, Element, IsBounded, settles: true);

    protected int Panels => Dim / 64;

    // Tiles in shared memory at a time.
    protected virtual int QuerySlots => 1;

    protected virtual int ValueSlots => KeySlots;

    private const int KeySlots = 2;

    /// <summary>Arrivals that make a query tile full.</summary>
    protected virtual int QueryWriters => 1;

    /// <summary>Where shared memory is free again.</summary>
    protected int EndOfBarriers => BarriersAt + 192;

    protected int QueryBytes => Queries * Dim * 2;

    private int KeyBytes => Keys * Dim * 2;

    private int KeysAt => QuerySlots * QueryBytes;

    private int ValuesAt => KeysAt + (KeySlots * KeyBytes);

    private int BarriersAt => ValuesAt + (ValueSlots * KeyBytes);

    // Registers of a thread that computes and of one that copies. A block has what it is launched with, 168 for each of its 384
    // threads: a warpgroup that claims more than the other has left waits for ever.
    private static (int Compute, int Copy) Budget => (216, 72);

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("begin", _) => Begin(),
        ("barriers", _) => Barriers(),
        ("releaseregisters", _) => [$"setmaxnreg.dec.sync.aligned.u32 {Budget.Copy};"],
        ("claimregisters", _) => [$"setmaxnreg.inc.sync.aligned.u32 {Budget.Compute};"],
        ("waitfull", [var ring, var n]) => Wait(Ring(ring), n, isFull: true),
        ("waitfree", [var ring, var n]) => Wait(Ring(ring), n, isFull: false),
        ("free", [var ring, var n]) =>
            ["{", .. Ring(ring).Slot(n), $"mad.lo.u32 a, slot, 8, sb; @first mbarrier.arrive.shared::cta.b64 _, [a+{Ring(ring).FreeAt}]; }}"],
        ("loadqueries", [var n, var token, var head, var item]) => Load(Ring("queries"), n, token, head, item),
        ("endqueries", [var n]) => End(Ring("queries"), n),
        ("item", [var value, var n]) => Told(Ring("queries"), n, value),
        ("loadkeys", [var n, var token, var head, var note]) => Load(Ring("keys"), n, token, head, note),
        ("note", [var value, var n]) => Told(Ring("keys"), n, value),
        ("loadvalues", [var n, var token, var head]) => Load(Ring("values"), n, token, head, null),
        ("nextitem", [var value, var counters]) => [$"mov.u32 {value}, 0; @first atom.global.add.u32 {value}, [{counters}], 1;"],
        ("enditems", [var counters, var blocks]) => EndItems(counters, blocks),
        ("selectrows", [var warpgroup]) => SelectRows(warpgroup),
        ("startscores", [var queries, var keys]) => StartScores(queries, keys),
        ("startoutput", [var values]) => StartOutput(values),
        ("waitproducts", [var left]) => [$"wgmma.wait_group.sync.aligned {left};"],
        _ => null,
    };

    private IEnumerable<string> Begin() =>
    [
        Softmax.Declarations,
        SoftmaxPrinter.Quads,
        ".reg .u32 sb, queries, keys, values, ta, tb; .reg .u64 da, db, tq, tk, tv; .reg .pred no, yes, first;",
        "mov.u32 sb, moba_shared; setp.ne.b32 no, 0, 0; setp.eq.b32 yes, 0, 0;",
        "mov.b64 tq, moba_maps; cvta.param.u64 tq, tq; add.s64 tk, tq, 128; add.s64 tv, tq, 256;",
        $"add.u32 keys, sb, {KeysAt}; shr.u32 keys, keys, 4; or.b32 keys, keys, 0x10000;",
        $"add.u32 values, sb, {ValuesAt}; shr.u32 values, values, 4; or.b32 values, values, {(Keys * 128 >> 4) << 16};",
        "mov.u32 ta, %laneid; setp.eq.u32 first, ta, 0;",
    ];

    // Where a ring has its tiles, its barriers and what is told with a tile.
    protected TileRing Ring(string name) => name switch
    {
        "queries" => new("tq", 0, QueryBytes, QuerySlots, BarriersAt),
        "keys" => new("tk", KeysAt, KeyBytes, KeySlots, BarriersAt + 64),
        "values" => new("tv", ValuesAt, KeyBytes, ValueSlots, BarriersAt + 128),
        _ => throw new NotSupportedException($"no ring is called {name}."),
    };

    private IEnumerable<string> Barriers()
    {
        foreach ((TileRing ring, int writers) in new[] { (Ring("queries"), QueryWriters), (Ring("keys"), 1), (Ring("values"), 1) })
        {
            for (int slot = 0; slot < ring.Slots; slot++)
            {
                yield return $"mbarrier.init.shared::cta.b64 [sb+{ring.FullAt + (8 * slot)}], {writers};";
                yield return $"mbarrier.init.shared::cta.b64 [sb+{ring.FreeAt + (8 * slot)}], {Readers};";
            }
        }

        yield return "fence.mbarrier_init.release.cluster; fence.proxy.async.shared::cta;";
    }

    // Full for the n-th time the slot has tile n; it is free for it when it was freed as often.
    private static IEnumerable<string> Wait(TileRing ring, string n, bool isFull) =>
    [
        "{ .reg .pred done; .reg .u32 round;", .. ring.Slot(n),
        $"{ring.Round("round", n)} {(isFull ? "" : "xor.b32 round, round, 1; ")}mad.lo.u32 a, slot, 8, sb;",
        $"AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [a+{(isFull ? ring.FullAt : ring.FreeAt)}], round; @!done bra AGAIN; }}",
    ];

    // A tile by the tensor memory accelerator, by the first lane and panel by panel, completing on a barrier. Rows and columns beyond the tensor are 0.
    private IEnumerable<string> Load(TileRing ring, string n, string token, string head, string? told)
    {
        yield return "{ .reg .u32 to, full; @!first bra COPIED;";
        foreach (string line in ring.Slot(n))
            yield return line;
        if (told is not null)
            yield return $"mad.lo.u32 a, slot, 4, sb; st.shared.b32 [a+{ring.ToldAt}], {told};";
        yield return $"mad.lo.u32 to, slot, {ring.TileBytes}, sb; add.u32 to, to, {ring.TilesAt}; mad.lo.u32 full, slot, 8, sb; add.u32 full, full, {ring.FullAt};";
        yield return $"mbarrier.arrive.expect_tx.shared::cta.b64 _, [full], {ring.TileBytes};";
        for (int panel = 0; panel < Panels; panel++)
        {
            yield return "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes " +
                $"[to], [{ring.Map}, {{{64 * panel}, {head}, {token}}}], [full]; add.u32 to, to, {ring.TileBytes / Panels};";
        }

        yield return "COPIED: bar.warp.sync 0xffffffff; }";
    }

    private static IEnumerable<string> End(TileRing ring, string n) =>
    [
        "{", .. ring.Slot(n), $"mad.lo.u32 a, slot, 4, sb; @first st.shared.b32 [a+{ring.ToldAt}], -1;",
        $"mad.lo.u32 a, slot, 8, sb; @first mbarrier.arrive.shared::cta.b64 _, [a+{ring.FullAt}]; }}",
    ];

    // The same value in every lane: branches on it stay whole. The lane that will free the slot reads it, and passes it on.
    private static IEnumerable<string> Told(TileRing ring, string n, string value) =>
    [
        "{ .reg .b32 x;", .. ring.Slot(n),
        $"mad.lo.u32 a, slot, 4, sb; mov.b32 x, 0; @first ld.shared.b32 x, [a+{ring.ToldAt}]; shfl.sync.idx.b32 {value}, x, 0, 0x1f, 0xffffffff; }}",
    ];

    private static IEnumerable<string> EndItems(string counters, string blocks) =>
    [
        $"{{ .reg .u32 ended, last; .reg .pred p; @!first bra ENDED; fence.acq_rel.gpu; sub.u32 last, {blocks}, 1;",
        $"atom.global.inc.u32 ended, [{counters}+4], last; setp.eq.u32 p, ended, last; @p st.global.u32 [{counters}], 0; ENDED: }}",
    ];

    private static IEnumerable<string> SelectRows(string warpgroup) =>
        [$"mad.lo.u32 queries, {warpgroup}, 8192, sb; shr.u32 queries, queries, 4; or.b32 queries, queries, 0x10000; shfl.sync.idx.b32 queries, queries, 0, 0x1f, 0xffffffff;"];

    // S = Q K^T: both operands in shared memory, 16 components a step.
    private IEnumerable<string> StartScores(string queries, string keys)
    {
        yield return "wgmma.fence.sync.aligned; {";
        foreach (string line in Ring("queries").Slot(queries))
            yield return line;
        yield return $"mad.lo.u32 ta, slot, {QueryBytes >> 4}, queries; }} {{";
        foreach (string line in Ring("keys").Slot(keys))
            yield return line;
        yield return $"mad.lo.u32 tb, slot, {KeyBytes >> 4}, keys; }} {{ .reg .u32 x, y;";
        for (int step = 0; step < Dim / 16; step++)
        {
            int query = ((step >> 2) * (Queries * 128 >> 4)) + ((step & 3) * 2), key = ((step >> 2) * (Keys * 128 >> 4)) + ((step & 3) * 2);
            yield return $"add.u32 x, ta, {query}; add.u32 y, tb, {key}; mov.b64 da, {{x, {Descriptor}}}; mov.b64 db, {{y, {Descriptor}}};";
            yield return $"wgmma.mma_async.sync.aligned.m64n{Keys}k16.f32.{Element}.{Element} {Registers("s", 0, Keys / 2)}, da, db, {(step == 0 ? "no" : "yes")}, 1, 1, 0, 0;";
        }

        yield return "} wgmma.commit_group.sync.aligned;";
    }

    // O += P V: P in registers, V in shared memory with its keys along the columns, 16 keys a step.
    private IEnumerable<string> StartOutput(string values)
    {
        yield return "wgmma.fence.sync.aligned; {";
        foreach (string line in Ring("values").Slot(values))
            yield return line;
        yield return $"mad.lo.u32 ta, slot, {KeyBytes >> 4}, values; }} {{ .reg .u32 y;";
        for (int step = 0; step < Keys / 16; step++)
        {
            yield return $"add.u32 y, ta, {step * 128}; mov.b64 db, {{y, {Descriptor}}};";
            yield return $"wgmma.mma_async.sync.aligned.m64n{Dim}k16.f32.{Element}.{Element} {Registers("o", 0, Dim / 2)}, {Registers("p", 4 * step, 4)}, db, yes, 1, 1, 1;";
        }

        yield return "} wgmma.commit_group.sync.aligned;";
    }
}
