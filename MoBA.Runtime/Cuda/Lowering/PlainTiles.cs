using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>What device code without tiles is lowered with: threads of a block, and few instructions.</summary>
internal sealed class PlainTiles(TileShape shape) : TilePrinter(shape)
{
    /// <summary>Threads of a block of such a kernel.</summary>
    public const int BlockThreads = 256;

    // Sets of four words that a thread loads at a time.
    private const int Sets = 9;

    public override string Target => "sm_80";

    public override int Threads => BlockThreads;

    // What moves bytes hides waits by threads, 768 of them.
    public override int BlocksTogether => 3;

    public override int SharedBytes { get; } = shape.SharedBytes;

    public override int Queries => 0;

    public override int Keys => 0;

    protected override SoftmaxPrinter Softmax => throw new NotSupportedException("plain device code has no softmax.");

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("begin", _) => [$".reg .u32 sb; .reg .b32 w<{4 * Sets}>; .reg .f32 f<8>; mov.u32 sb, moba_shared;"],
        ("loadwords", [var set, var address]) => [$"ld.global.v4.b32 {Registers("w", 4 * int.Parse(set, CultureInfo.InvariantCulture), 4)}, [{address}];"],
        ("loadwordsif", [var set, var address, var condition, var otherwise]) => LoadIf(4 * int.Parse(set, CultureInfo.InvariantCulture), address, condition, otherwise),
        ("clearsums", _) => Enumerable.Range(0, 8).Select(static i => $"mov.f32 f{i}, 0f00000000;"),
        ("addwords", [var set, var weight]) => Add(4 * int.Parse(set, CultureInfo.InvariantCulture), weight),
        ("transposesums", _) => Transpose(),
        ("storesums", [var address, var condition]) =>
        [
            "{ .reg .b32 x<4>;",
            .. Enumerable.Range(0, 4).Select(i => $"cvt.rn.{Element}x2.f32 x{i}, f{(2 * i) + 1}, f{2 * i};"),
            $"@{condition} st.global.v4.b32 [{address}], {{x0,x1,x2,x3}}; }}",
        ],
        ("word", [var value, var set, var number]) =>
            [$"mov.b32 {value}, w{(4 * int.Parse(set, CultureInfo.InvariantCulture)) + int.Parse(number, CultureInfo.InvariantCulture)};"],
        ("loadshared", [var value, var at]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; ld.shared.b32 {value}, [a]; }}"],
        ("storeshared", [var at, var value]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; st.shared.b32 [a], {value}; }}"],
        ("orshared", [var at, var bits]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; red.shared.or.b32 [a], {bits}; }}"],
        _ => null,
    };

    private static IEnumerable<string> LoadIf(int first, string address, string condition, string otherwise) =>
    [
        $"@{condition} ld.global.nc.v4.b32 {Registers("w", first, 4)}, [{address}];",
        .. Enumerable.Range(first, 4).Select(w => $"@!{condition} mov.b32 w{w}, {otherwise};"),
    ];

    private IEnumerable<string> Add(int first, string weight) => Enumerable.Range(0, 4).Select(i => Element == "f16"
        ? $"{{ .reg .b16 x, y; .reg .f32 z; mov.b32 {{x, y}}, w{first + i}; cvt.f32.f16 z, x; fma.rn.f32 f{2 * i}, z, {weight}, f{2 * i}; " +
            $"cvt.f32.f16 z, y; fma.rn.f32 f{(2 * i) + 1}, z, {weight}, f{(2 * i) + 1}; }}"
        : $"{{ .reg .b32 x; .reg .f32 z; shl.b32 x, w{first + i}, 16; mov.b32 z, x; fma.rn.f32 f{2 * i}, z, {weight}, f{2 * i}; " +
            $"and.b32 x, w{first + i}, 0xFFFF0000; mov.b32 z, x; fma.rn.f32 f{(2 * i) + 1}, z, {weight}, f{(2 * i) + 1}; }}");

    // Of four pairs that a lane holds it gives three away, in two exchanges.
    private static IEnumerable<string> Transpose()
    {
        yield return "{ .reg .u32 x; .reg .pred odd, far; .reg .f32 y; mov.u32 x, %laneid; and.b32 x, x, 1; setp.ne.u32 odd, x, 0; mov.u32 x, %laneid; and.b32 x, x, 2; setp.ne.u32 far, x, 0;";
        foreach ((int a, int b, string upper, int lanes) in new[] { (0, 1, "odd", 1), (2, 3, "odd", 1), (0, 2, "far", 2), (1, 3, "far", 2) })
        {
            for (int i = 0; i < 2; i++)
            {
                string x = $"f{(2 * a) + i}", y = $"f{(2 * b) + i}";
                yield return $"selp.f32 y, {x}, {y}, {upper}; shfl.sync.bfly.b32 y, y, {lanes}, 0x1f, 0xffffffff; selp.f32 {x}, y, {x}, {upper}; selp.f32 {y}, {y}, y, {upper};";
            }
        }

        yield return "}";
    }
}
