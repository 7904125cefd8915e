using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

#pragma warning disable CS1591, RS0016
[EditorBrowsable(EditorBrowsableState.Never)]
public static class GateKernel
{
    public static void Choose(CudaProblem problem, CudaRouting routing) => Memory.SetInt(routing.Routes, problem.Heads);
}

[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereRouted
{
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged => Memory.SetInt(routing.Partials, problem.Heads);
}



internal sealed class GateTiles(TileShape shape) : TilePrinter(shape)
{
    public override string Target => "sm_80";

    public override int Threads => 128;

    public override int SharedBytes => 1024;

    public override int Queries => 64;

    public override int Keys => 64;

    protected override SoftmaxPrinter Softmax => throw new NotSupportedException();

    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => null;
}

#pragma warning restore CS1591, RS0016
