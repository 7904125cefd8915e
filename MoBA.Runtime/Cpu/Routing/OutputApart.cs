namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// An output of its own for a mixture that is asked to write over its queries, where a gate reads those of other heads too: they may
/// be written by then.
/// </summary>
internal sealed unsafe class OutputApart : IDisposable
{
    private readonly NativeBuffer _memory;
    private readonly int _tokens;

    private OutputApart(AttentionProblem problem)
    {
        _tokens = problem.Sequences.Max(static s => s.FirstQueryToken + s.Queries);
        nint row = problem.Dim, token = row * problem.QueryHeads;
        _memory = new NativeBuffer(_tokens * token * sizeof(float), "an output beside q");
        Problem = problem.Into(new TensorView(_memory.Floats, problem.Output.Kind, token, row, 1));
    }

    /// <summary>The call, into this output.</summary>
    public AttentionProblem Problem { get; }

    /// <summary>An output apart if the call needs one, or null.</summary>
    public static OutputApart? Of(AttentionProblem problem, BoundExpert[] experts) =>
        problem.Output.Data == problem.Q.Data && experts.Any(static e => e.Gate is { Scope: RouteScope.KeyGroup }) ? new(problem) : null;

    /// <summary>Copies all rows.</summary>
    public void CopyTo(TensorView output)
    {
        Span<float> row = stackalloc float[Problem.Dim];
        for (int token = 0; token < _tokens; token++)
        {
            for (int head = 0; head < Problem.QueryHeads; head++)
            {
                Problem.Output.ReadRow(token, head, row);
                output.WriteRow(token, head, row);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
