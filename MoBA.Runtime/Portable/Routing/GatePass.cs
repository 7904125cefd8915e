using ILGPU;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Portable;

/// <summary>Pass "gate", compiled for the shape of the gate.</summary>
internal sealed class GatePass(
    PortableCall call, AttentionProblem attention, BlockGate gate, PortableProblem problem, Centroids centroids, ArrayView<int> gates)
    : IForGateShape<bool>
{
    /// <inheritdoc/>
    public bool Run<TShape>(TShape shape)
        where TShape : unmanaged, IGateShape
    {
        int heads = gate.Scope == RouteScope.KeyGroup ? attention.QueryHeads / attention.KeyHeads : 1;
        double sum = (double)call.Largest.Query * heads, product = sum * call.Largest.Key * attention.Dim * 2;
        GateParameters<TShape> parameters = new()
        {
            Shape = shape,
            Centroids = centroids,
            Gates = gates,
            HeadsPerGate = heads,
            Factor = MathF.ScaleB(1, -Magnitude.Excess(Math.Max(sum, product))),
        };
        call.Device.Launcher<GateParameters<TShape>>(GateKernel.Run)(new Index2D(problem.Gather.Length, 1), problem, parameters);
        return true;
    }
}
