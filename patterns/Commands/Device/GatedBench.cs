using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Program;

/// <summary>What there is to measure of an expert with a gate beside its time: where its tokens went, and what the passes of a call take.</summary>
internal sealed class GatedBench<T>(
    AttentionEngine engine, ISparseExpert expert, DeviceInputs<T> inputs, DeviceProblem problem, AttendPath path, CancellationToken cancellationToken)
    where T : unmanaged
{
    private const int Calls = 5;

    /// <summary>The routes of a call.</summary>
    public RouteTable Routes()
    {
        DeviceAttentionOptions options = new() { Sequences = problem.Offsets, ReturnRoutes = true };
        DeviceAttentionResult<T> result = UserErrorException.Around(() => engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output));
        using DeviceTensor<int> routes = result.Routes!;
        return RouteTable.Of(routes.ToHost());
    }

    /// <summary>The path of a call, and what it was chosen by.</summary>
    public GateOverlap? Overlap()
    {
        DeviceAttentionOptions options = new() { Sequences = problem.Offsets, AttendPath = path, ReturnOverlap = true };
        using DeviceGateOverlap? overlap = UserErrorException.Around(() => engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output)).Overlap;
        return overlap?.Read();
    }

    /// <summary>A row, with what its gate did.</summary>
    public DeviceRow AddTo(DeviceRow row, RouteTable routes)
    {
        Dictionary<string, double> passes = [];
        (string Pass, double Milliseconds)[][] calls = [.. Enumerable.Range(0, Calls).Select(_ => Passes())];
        foreach (string pass in calls[0].Select(timed => timed.Pass).Distinct())
        {
            passes[pass] = DeviceClock.Median([.. calls.Select(call => call.Where(timed => timed.Pass == pass).Sum(timed => timed.Milliseconds)).Order()]);
        }

        GateOverlap? overlap = Overlap();
        return row with
        {
            Path = overlap is { Path: not AttendPath.Auto } ? DeviceOptions.Spelling(overlap.Value.Path) : null,
            TileRatio = overlap is { RouteBlocks: > 0 } ? overlap.Value.UnionRatio : null,
            Passes = passes,
            Groups = calls[0].Count(timed => timed.Pass == "routed"),
            WorkspaceBytes = Attend(null).WorkspaceBytes,
            UnionRatio = routes.Union(problem.Sequences, cancellationToken),
        };
    }

    /// <summary>The passes of a call as the device's clock has them. The call before it keeps the device busy, so that no pass waits for the
    /// host.</summary>
    private (string Pass, double Milliseconds)[] Passes()
    {
        cancellationToken.ThrowIfCancellationRequested();
        CudaRuntime runtime = engine.Runtime();
        using CurrentContext current = runtime.Context.Enter();
        Attend(null);
        Attend(null);
        using PassMarks marks = new(runtime.Context, engine.DefaultStream);
        Attend(marks);
        engine.DefaultStream.Synchronize();
        return [.. marks.Times().Select(time => (time.Pass, time.Nanoseconds / 1e6))];
    }

    private DeviceAttentionResult<T> Attend(PassMarks? marks)
    {
        DeviceAttentionOptions options = new() { Sequences = problem.Offsets, AttendPath = path, Marks = marks };
        return engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output);
    }
}
