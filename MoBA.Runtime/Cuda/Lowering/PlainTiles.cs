using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>What device code without tiles is lowered with: threads of a block, and few instructions.</summary>
internal sealed class PlainTiles(TileShape shape) : TilePrinter(shape)
{
    /// <summary>Threads of a block of such a kernel.</summary>
    public const int BlockThreads = 256;

    // Sets of four words that a thread loads at a time.
    private const int Sets = 8;

    public override string Target => "sm_80";

    public override int Threads => BlockThreads;

    public override int SharedBytes => 2 * BitMatrix.Bytes;

    public override int Queries => 0;

    public override int Keys => 0;

    protected override SoftmaxPrinter Softmax => throw new NotSupportedException("plain device code has no softmax.");

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => (name, operands) switch
    {
        ("begin", _) => [$".reg .u32 sb; .reg .b32 w<{4 * Sets}>; mov.u32 sb, moba_shared;"],
        ("loadwords", [var set, var address]) => [$"ld.global.v4.b32 {Registers("w", 4 * int.Parse(set, CultureInfo.InvariantCulture), 4)}, [{address}];"],
        ("word", [var value, var set, var number]) =>
            [$"mov.b32 {value}, w{(4 * int.Parse(set, CultureInfo.InvariantCulture)) + int.Parse(number, CultureInfo.InvariantCulture)};"],
        ("loadshared", [var value, var at]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; ld.shared.b32 {value}, [a]; }}"],
        ("storeshared", [var at, var value]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; st.shared.b32 [a], {value}; }}"],
        ("orshared", [var at, var bits]) => [$"{{ .reg .u32 a; add.u32 a, sb, {at}; red.shared.or.b32 [a], {bits}; }}"],
        _ => null,
    };
}
