using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Program;

/// <summary>What is measured of a gated expert beside its time: its passes, its routes, and the pairs that these come to.</summary>
/// <param name="engine">The engine.</param>
/// <param name="expert">The expert.</param>
/// <param name="problem">The shapes.</param>
/// <param name="cancellationToken">Looked at between measurements.</param>
internal sealed class GatedBench(AttentionEngine engine, ISparseExpert expert, DeviceProblem problem, CancellationToken cancellationToken)
{
    private const int Calls = 7;

    /// <summary>The row with all of it.</summary>
    public DeviceRow Complete<T>(DeviceRow row, DeviceInputs<T> inputs, DeviceAttentionOptions options)
        where T : unmanaged
    {
        DeviceAttentionResult<T> result = engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options with { ReturnRoutes = true }, inputs.Output);
        using DeviceTensor<int> routes = result.Routes!;
        GatedCount count = GatedCount.Of(expert, routes.ToHost(), problem.Sequences, problem.Heads, cancellationToken);
        return row with
        {
            Pairs = count.Pairs,
            Density = count.Density,
            UsefulFlop = 4.0 * problem.Dim * count.Pairs,
            UnionRatio = count.UnionRatio,
            WorkspaceBytes = result.WorkspaceBytes,
            Passes = Passes(inputs, options),
        };
    }

    // Medians over some calls, of the times from event to event.
    private DevicePass[] Passes<T>(DeviceInputs<T> inputs, DeviceAttentionOptions options)
        where T : unmanaged
    {
        CudaRuntime runtime = engine.Runtime();
        List<Dictionary<string, long>> calls = [];
        for (int i = 0; i < Calls; i++)
        {
            using CurrentContext current = runtime.Context.Enter();
            using PassMarks marks = new(runtime.Context, runtime.Stream);
            engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options with { Marks = marks }, inputs.Output);
            engine.DefaultStream.Synchronize();
            calls.Add(marks.Times().GroupBy(pass => pass.Pass).ToDictionary(pass => pass.Key, pass => pass.Sum(part => part.Nanoseconds)));
        }

        return [.. calls[0].Keys.Select(pass => new DevicePass(pass, DeviceClock.Median([.. calls.Select(call => call[pass] / 1e6).Order()])))];
    }
}
