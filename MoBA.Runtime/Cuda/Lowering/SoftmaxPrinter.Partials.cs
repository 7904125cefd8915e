namespace MoBA.Runtime.Cuda;

// Partial outputs: rows that several passes attend with are written rounded and normalised, in the order of the registers, and are merged
// by their log-sum-exps. A row is `outputs / 16` pieces of 64 bytes, four lanes of 16; in odd rows pieces change places two by two, so
// that rows side by side in shared memory meet in no bank.
internal sealed partial class SoftmaxPrinter
{
    public IEnumerable<string> Lse(string value, string row) => [$"mov.f32 {value}, {(HasRow(row, out int of) ? $"h{of}" : "0f00000000")};"];

    /// <summary>O of a row normalised and weighted; from now on its factor is 1.</summary>
    public IEnumerable<string> BeginMerge(string row, string factor, string lse) => !HasRow(row, out int of) ? [] :
    [
        $"mul.f32 e{of}, e{of}, {factor};",
        .. OfRow(of, i => $"mul.f32 o{i}, o{i}, e{of};"),
        $"mov.f32 e{of}, 0f3F800000; mov.f32 h{of}, {lse};",
    ];

    public IEnumerable<string> AddPartial(string row, string address, string odd, string weight) => !HasRow(row, out int of) ? [] :
    [
        $"{{ .reg .b32 x<{outputs / 4}>; .reg .f32 y; .reg .u64 a, b, d; .reg .pred p; setp.neu.f32 p, {weight}, 0f00000000;",
        .. Swapped(address, odd),
        .. Each(outputs / 16, k => $"@p ld.global.nc.v4.b32 {{x{4 * k},x{(4 * k) + 1},x{(4 * k) + 2},x{(4 * k) + 3}}}, [{((k & 1) == 0 ? "a" : "b")}+{64 * k}];"),
        .. Each(outputs / 4, w => $"@!p mov.b32 x{w}, 0;"),
        .. Each(outputs / 4, w => Unpacked($"x{w}", weight, (4 * w) + (2 * (of & 1)) + (of / 2 * outputs))),
        "}",
    ];

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

    private string Unpacked(string word, string weight, int register) => element == "bf16"
        ? $"{{ .reg .b32 z; shl.b32 z, {word}, 16; mov.b32 y, z; fma.rn.f32 o{register}, y, {weight}, o{register}; " +
            $"and.b32 z, {word}, 0xFFFF0000; mov.b32 y, z; fma.rn.f32 o{register + 1}, y, {weight}, o{register + 1}; }}"
        : $"{{ .reg .b16 z0, z1; mov.b32 {{z0, z1}}, {word}; cvt.f32.f16 y, z0; fma.rn.f32 o{register}, y, {weight}, o{register}; " +
            $"cvt.f32.f16 y, z1; fma.rn.f32 o{register + 1}, y, {weight}, o{register + 1}; }}";

    // Row r, group j of eight columns -> r * outputs / 4 + j.
    private int Word(int register) => (Row(register, outputs) * (outputs / 4)) + (register % outputs >> 2);

    private IEnumerable<string> OfRow(int row, Func<int, string> print) =>
        Enumerable.Range(0, fragments * outputs).Where(i => Row(i, outputs) == row).Select(print);
}
