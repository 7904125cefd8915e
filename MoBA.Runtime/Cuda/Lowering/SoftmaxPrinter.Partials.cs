namespace MoBA.Runtime.Cuda;

// Partial outputs: rows that several passes attend with are written rounded and normalised, in the order of the registers, and are merged
// by their log-sum-exps later. A row is `outputs / 16` pieces of 64 bytes, four lanes of 16; in odd rows pieces change places two by two, so
// that rows side by side in shared memory meet in no bank.
internal sealed partial class SoftmaxPrinter
{
    public IEnumerable<string> RoundPartial()
    {
        foreach (string line in Each(fragments * outputs, i => $"mul.f32 o{i}, o{i}, e{Row(i, outputs)};"))
            yield return line;
        for (int i = 0; i < fragments * outputs; i += 2)
            yield return $"cvt.rn.{element}x2.f32 w{Word(i)}, o{i + 1}, o{i};";
    }

    public IEnumerable<string> StorePartial(string row, string address, string odd, string write) => !HasRow(row, out int of) ? [] :
    [
        "{ .reg .u64 a, b, d;",
        .. Swapped(address, odd),
        .. Each(outputs / 16, k => (of * (outputs / 4)) + (4 * k) is var w
            ? $"@{write} st.global.v4.b32 [{((k & 1) == 0 ? "a" : "b")}+{64 * k}], {{w{w},w{w + 1},w{w + 2},w{w + 3}}};" : ""),
        "}",
    ];

    /// <summary>As <see cref="Broken"/>, of rounded rows: a number times 0 is 0 and anything else is not.</summary>
    public IEnumerable<string> BrokenPartial(string lanes, string row) => !HasRow(row, out int of) ? [$"mov.u32 {lanes}, 0;"] :
    [
        "{ .reg .b32 x, y, none; .reg .pred p; mov.b32 none, 0; mov.b32 x, 0; mov.b32 y, 0;",
        .. Each(outputs / 8, i => (of * (outputs / 4)) + (2 * i) is var w
            ? $"fma.rn.{element}x2 x, w{w}, none, x; fma.rn.{element}x2 y, w{w + 1}, none, y;" : ""),
        "or.b32 x, x, y; and.b32 x, x, 0x7FFF7FFF; setp.ne.b32 p, x, 0;",
        $"setp.num.and.f32 p, e{of}, e{of}, p; vote.sync.ballot.b32 {lanes}, p, 0xffffffff; }}",
    ];

    /// <summary>The 16 rows of a warp, of which the first <paramref name="rows"/> exist.</summary>
    public IEnumerable<string> StorePartials(string address, string rows) =>
    [
        "{ .reg .u32 lane, row, odd; .reg .u64 at, by; .reg .pred there;",
        "mov.u32 lane, %laneid; shr.u32 row, lane, 2; and.b32 odd, row, 1; and.b32 lane, lane, 3; shl.b32 lane, lane, 4;",
        $"mul.wide.u32 by, row, {RowBytes}; add.s64 at, {address}, by; cvt.u64.u32 by, lane; add.s64 at, at, by;",
        $"setp.lt.s32 there, row, {rows};", .. StorePartial("0", "at", "odd", "there"),
        $"add.s64 at, at, {8 * RowBytes}; add.u32 row, row, 8; setp.lt.s32 there, row, {rows};", .. StorePartial("1", "at", "odd", "there"),
        "}",
    ];

    /// <summary>The same rows, to shared memory.</summary>
    public IEnumerable<string> StagePartials(string address, string odd) =>
    [
        "{ .reg .u32 a, b, d;",
        $"shl.b32 d, {odd}, 6; add.u32 a, {address}, d; sub.u32 b, {address}, d;",
        .. from of in Enumerable.Range(0, 2)
           from k in Enumerable.Range(0, outputs / 16)
           let w = (of * (outputs / 4)) + (4 * k)
           select $"st.shared.v4.b32 [{((k & 1) == 0 ? "a" : "b")}+{(64 * k) + (of * 8 * RowBytes)}], {{w{w},w{w + 1},w{w + 2},w{w + 3}}};",
        "}",
    ];

    private int RowBytes => outputs * 4;

    // a: of even pieces, b: of odd ones.
    private static IEnumerable<string> Swapped(string address, string odd) =>
        [$"cvt.u64.u32 d, {odd}; shl.b64 d, d, 6; add.s64 a, {address}, d; sub.s64 b, {address}, d;"];

    // Row r, group j of eight columns -> r * outputs / 4 + j.
    private int Word(int register) => (Row(register, outputs) * (outputs / 4)) + (register % outputs >> 2);
}
