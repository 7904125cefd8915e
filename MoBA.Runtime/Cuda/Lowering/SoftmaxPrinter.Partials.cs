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

    // a: of even pieces, b: of odd ones.
    private static IEnumerable<string> Swapped(string address, string odd) =>
        [$"cvt.u64.u32 d, {odd}; shl.b64 d, d, 6; add.s64 a, {address}, d; sub.s64 b, {address}, d;"];

    // Row r, group j of eight columns -> r * outputs / 4 + j.
    private int Word(int register) => (Row(register, outputs) * (outputs / 4)) + (register % outputs >> 2);
}
