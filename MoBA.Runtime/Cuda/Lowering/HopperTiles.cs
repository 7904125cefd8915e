namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions on Hopper. Shared memory holds the query tile, two slots of key tiles and two of value tiles, each as panels of
/// 64 columns: rows of 128 bytes whose 16-byte pieces are permuted by the 128-byte swizzle, as the tensor memory accelerator writes
/// and wgmma reads them; then the barriers.
/// </summary>
internal sealed class HopperTiles(TileShape shape) : TilePrinter(shape)
{
    // A barrier counts a lane of each of the eight computing warps.
    private const int Readers = 8;

    // Swizzle of 128 bytes; eight rows, 1024 bytes, apart.
    private const uint Descriptor = 0x40000040;

    private const int Slots = 2;

    private readonly SoftmaxPrinter _softmax = new(shape.Dim == 256 ? 32 : 64, shape.Dim / 2, shape.Element == ElementKind.Half ? "f16" : "bf16");

    public override string Target => "sm_90a";

    public override int Threads => 384;

    public override int TensorMaps => 3;

    public override int Queries => 128;

    public override int Keys => Dim == 256 ? 64 : 128;

    public override int SharedBytes => BarriersAt + 128;

    private int Panels => Dim / 64;

    private int QueryBytes => Queries * Dim * 2;

    private int KeyBytes => Keys * Dim * 2;

    private int KeysAt => QueryBytes;

    private int ValuesAt => KeysAt + (Slots * KeyBytes);

    private int BarriersAt => ValuesAt + (Slots * KeyBytes);

    private int ItemAt => BarriersAt + 80;

    private int NotesAt => BarriersAt + 88;

    // Registers of a thread that computes and of one that copies: 65,536 in all for 256 and 128 of them.
    private static (int Compute, int Copy) Budget => (232, 40);

    /// <inheritdoc/>
    public override string Print(string name, string[] operands) => Lines((name, operands) switch
    {
        ("begin", _) => Begin(),
        ("queries", [var value]) => [$"mov.u32 {value}, {Queries};"],
        ("keys", [var value]) => [$"mov.u32 {value}, {Keys};"],
        ("barriers", _) => Barriers(),
        ("syncblock", _) => ["bar.sync 0;"],
        ("releaseregisters", _) => [$"setmaxnreg.dec.sync.aligned.u32 {Budget.Copy};"],
        ("claimregisters", _) => [$"setmaxnreg.inc.sync.aligned.u32 {Budget.Compute};"],
        ("wait", [var barrier, var slot, var parity]) => Wait(barrier, slot, parity),
        ("free", [var barrier, var slot]) =>
            [$"{{ .reg .u32 a; mad.lo.u32 a, {slot}, 8, sb; @first mbarrier.arrive.shared::cta.b64 _, [a+{Barrier(barrier)}]; }}"],
        ("loadqueries", [var token, var head, var item]) => LoadQueries(token, head, item),
        ("endqueries", _) =>
            [$"st.shared.b32 [sb+{ItemAt}], -1;", $"mbarrier.arrive.shared::cta.b64 _, [sb+{Barrier("queriesfull")}];"],
        ("item", [var value]) => Tell(value, $"[sb+{ItemAt}]", null),
        ("loadkeys", [var slot, var token, var head, var note]) => LoadKeys(slot, token, head, note),
        ("loadvalues", [var slot, var token, var head]) => Load("tv", ValuesAt, "valuesfull", slot, token, head, null),
        ("note", [var value, var slot]) => Tell(value, $"[a+{NotesAt}]", slot),
        ("nextitem", [var value, var counters]) => [$"atom.global.add.u32 {value}, [{counters}], 1;"],
        ("enditems", [var counters, var blocks]) => EndItems(counters, blocks),
        ("selectrows", [var warpgroup]) => SelectRows(warpgroup),
        ("startscores", [var slot]) => StartScores(slot),
        ("startoutput", [var slot]) => StartOutput(slot),
        ("waitproducts", [var left]) => [$"wgmma.wait_group.sync.aligned {left};"],
        ("clearoutput", _) => _softmax.Clear(),
        ("scalescores", [var factor]) => _softmax.Scale(factor),
        ("cutscores", [var keys]) => _softmax.Cut(keys),
        ("keep", [var register, var attended]) => [_softmax.Keep(register, attended)],
        ("score", [var value, var register]) => [_softmax.Read(value, register)],
        ("setscore", [var register, var value]) => [_softmax.Write(register, value)],
        ("startsoftmax", [var factor]) => _softmax.Start(factor),
        ("continuesoftmax", [var factor]) => _softmax.Continue(factor),
        ("pack", _) => _softmax.Pack(),
        ("rescaleoutput", _) => _softmax.Rescale(),
        ("endsoftmax", [var factor]) => _softmax.End(factor),
        ("nosoftmax", _) => _softmax.None(),
        ("roundoutput", _) => _softmax.Round(),
        ("storeoutput", [var row, var address, var columns]) => _softmax.Store(row == "0" ? 0 : 1, address, columns),
        ("storelse", [var row, var address, var write]) => [$"@{write} st.global.f32 [{address}], n{row};"],
        _ => throw new NotSupportedException($"tile.{name} with {operands.Length} operands is no instruction of {Target}."),
    });

    private IEnumerable<string> Begin() =>
    [
        _softmax.Declarations,
        ".reg .u32 sb, queries, keys, values, ta, tb; .reg .u64 da, db, tq, tk, tv; .reg .pred no, yes, first;",
        "mov.u32 sb, moba_shared; setp.ne.b32 no, 0, 0; setp.eq.b32 yes, 0, 0;",
        "mov.b64 tq, moba_maps; cvta.param.u64 tq, tq; add.s64 tk, tq, 128; add.s64 tv, tq, 256;",
        $"add.u32 keys, sb, {KeysAt}; shr.u32 keys, keys, 4; or.b32 keys, keys, 0x10000;",
        $"add.u32 values, sb, {ValuesAt}; shr.u32 values, values, 4; or.b32 values, values, {(Keys * 128 >> 4) << 16};",
        "mov.u32 ta, %laneid; setp.eq.u32 first, ta, 0; and.b32 tb, ta, 1; setp.ne.u32 pq0, tb, 0; and.b32 tb, ta, 2; setp.ne.u32 pq1, tb, 0;",
    ];

    // Byte offset of a barrier of slot 0; the next slot's is 8 beyond.
    private int Barrier(string name) => BarriersAt + name switch
    {
        "queriesfull" => 0,
        "queriesfree" => 8,
        "keysfull" => 16,
        "keysfree" => 32,
        "valuesfull" => 48,
        "valuesfree" => 64,
        _ => throw new NotSupportedException($"no barrier is called {name}."),
    };

    private IEnumerable<string> Barriers()
    {
        foreach (string name in new[] { "queriesfull", "queriesfree", "keysfull", "keysfree", "valuesfull", "valuesfree" })
        {
            for (int slot = 0; slot < (name.StartsWith("queries", StringComparison.Ordinal) ? 1 : Slots); slot++)
                yield return $"mbarrier.init.shared::cta.b64 [sb+{Barrier(name) + (8 * slot)}], {(name.EndsWith("full", StringComparison.Ordinal) ? 1 : Readers)};";
        }

        yield return "fence.mbarrier_init.release.cluster; fence.proxy.async.shared::cta;";
    }

    private IEnumerable<string> Wait(string barrier, string slot, string parity) =>
    [
        $"{{ .reg .pred done; .reg .u32 a; mad.lo.u32 a, {slot}, 8, sb;",
        $"AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [a+{Barrier(barrier)}], {parity}; @!done bra AGAIN; }}",
    ];

    private IEnumerable<string> LoadQueries(string token, string head, string item) =>
        [$"st.shared.b32 [sb+{ItemAt}], {item};", .. Load("tq", 0, "queriesfull", "0", token, head, QueryBytes)];

    private IEnumerable<string> LoadKeys(string slot, string token, string head, string note) =>
        [$"{{ .reg .u32 a; mad.lo.u32 a, {slot}, 4, sb; st.shared.b32 [a+{NotesAt}], {note}; }}", .. Load("tk", KeysAt, "keysfull", slot, token, head, null)];

    // A tile by the tensor memory accelerator, panel by panel, completing on a barrier. Rows and columns beyond the tensor are 0.
    private IEnumerable<string> Load(string map, int at, string barrier, string slot, string token, string head, int? bytes)
    {
        int size = bytes ?? KeyBytes;
        yield return $"{{ .reg .u32 to, full; mad.lo.u32 to, {slot}, {size}, sb; add.u32 to, to, {at}; mad.lo.u32 full, {slot}, 8, sb; add.u32 full, full, {Barrier(barrier)};";
        yield return $"mbarrier.arrive.expect_tx.shared::cta.b64 _, [full], {size};";
        for (int panel = 0; panel < Panels; panel++)
        {
            yield return "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes " +
                $"[to], [{map}, {{{64 * panel}, {head}, {token}}}], [full]; add.u32 to, to, {size / Panels};";
        }

        yield return "}";
    }

    // The same value in every lane: branches on it stay whole.
    private static IEnumerable<string> Tell(string value, string address, string? slot) =>
    [
        slot is null ? "{ .reg .b32 x;" : $"{{ .reg .b32 x; .reg .u32 a; mad.lo.u32 a, {slot}, 4, sb;",
        $"ld.shared.b32 x, {address}; shfl.sync.idx.b32 {value}, x, 0, 0x1f, 0xffffffff; }}",
    ];

    private static IEnumerable<string> EndItems(string counters, string blocks) =>
    [
        $"{{ .reg .u32 ended, last; .reg .pred p; fence.acq_rel.gpu; sub.u32 last, {blocks}, 1;",
        $"atom.global.inc.u32 ended, [{counters}+4], last; setp.eq.u32 p, ended, last; @p st.global.u32 [{counters}], 0; }}",
    ];

    private static IEnumerable<string> SelectRows(string warpgroup) =>
        [$"mad.lo.u32 queries, {warpgroup}, 8192, sb; shr.u32 queries, queries, 4; or.b32 queries, queries, 0x10000; shfl.sync.idx.b32 queries, queries, 0, 0x1f, 0xffffffff;"];

    // S = Q K^T: both operands in shared memory, 16 components a step.
    private IEnumerable<string> StartScores(string slot)
    {
        yield return $"wgmma.fence.sync.aligned; mad.lo.u32 tb, {slot}, {KeyBytes >> 4}, keys;";
        yield return "{ .reg .u32 x, y;";
        for (int step = 0; step < Dim / 16; step++)
        {
            int queries = ((step >> 2) * (Queries * 128 >> 4)) + ((step & 3) * 2), keys = ((step >> 2) * (Keys * 128 >> 4)) + ((step & 3) * 2);
            yield return $"add.u32 x, queries, {queries}; add.u32 y, tb, {keys}; mov.b64 da, {{x, {Descriptor}}}; mov.b64 db, {{y, {Descriptor}}};";
            yield return $"wgmma.mma_async.sync.aligned.m64n{Keys}k16.f32.{Element}.{Element} {Registers("s", 0, Keys / 2)}, da, db, {(step == 0 ? "no" : "yes")}, 1, 1, 0, 0;";
        }

        yield return "} wgmma.commit_group.sync.aligned;";
    }

    // O += P V: P in registers, V in shared memory with its keys along the columns, 16 keys a step.
    private IEnumerable<string> StartOutput(string slot)
    {
        yield return $"wgmma.fence.sync.aligned; mad.lo.u32 ta, {slot}, {KeyBytes >> 4}, values;";
        yield return "{ .reg .u32 y;";
        for (int step = 0; step < Keys / 16; step++)
        {
            yield return $"add.u32 y, ta, {step * 128}; mov.b64 db, {{y, {Descriptor}}};";
            yield return $"wgmma.mma_async.sync.aligned.m64n{Dim}k16.f32.{Element}.{Element} {Registers("o", 0, Dim / 2)}, {Registers("p", 4 * step, 4)}, db, yes, 1, 1, 1;";
        }

        yield return "} wgmma.commit_group.sync.aligned;";
    }
}
