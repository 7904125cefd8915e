namespace MoBA.Runtime.Cuda;

/// <summary>What device code without tiles is lowered with: threads of a block, and few instructions.</summary>
internal sealed class PlainTiles(TileShape shape) : TilePrinter(shape)
{
    /// <summary>Threads of a block of such a kernel.</summary>
    public const int BlockThreads = 256;

    public override string Target => "sm_80";

    public override int Threads => BlockThreads;

    public override int SharedBytes => 0;

    public override int Queries => 0;

    public override int Keys => 0;

    protected override SoftmaxPrinter Softmax => throw new NotSupportedException("plain device code has no softmax.");

    /// <inheritdoc/>
    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => null;
}
