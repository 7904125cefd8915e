using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;

namespace MoBA.Benchmarks;

/// <summary>ONNX Runtime's CPU GroupQueryAttention on the benchmark's own arrays.</summary>
internal sealed class OrtPeer : IDisposable
{
    private static readonly string[] _inputNames = ["query", "key", "value", "seqlens_k", "total_sequence_length"];
    private static readonly string[] _outputNames = ["output"];

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly OrtValue[] _inputs;
    private readonly OrtValue[] _outputs;

    /// <summary>A session over the problem's tensors; a window of -1 is dense causal attention.</summary>
    public OrtPeer(Problem problem, int window, int threads)
    {
        using SessionOptions options = new() { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        _session = new(OnnxModel.GroupQueryAttention(problem.Heads, problem.Heads, window), options);
        long[] shape = [1, problem.Tokens, problem.Heads * problem.Dim];
        Output = new float[problem.Q.Length];
        _inputs = [
            OrtValue.CreateTensorValueFromMemory(problem.Q, shape),
            OrtValue.CreateTensorValueFromMemory(problem.K, shape),
            OrtValue.CreateTensorValueFromMemory(problem.V, shape),
            OrtValue.CreateTensorValueFromMemory(new[] { problem.Tokens - 1 }, [1]),
            OrtValue.CreateTensorValueFromMemory(new[] { problem.Tokens }, [])];
        _outputs = [OrtValue.CreateTensorValueFromMemory(Output, shape)];
    }

    /// <summary>Output of the last run, [tokens, heads, dim].</summary>
    public float[] Output { get; }

    /// <summary>Attends once.</summary>
    public void Run() => _session.Run(_run, _inputNames, _inputs, _outputNames, _outputs);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (OrtValue value in _inputs.Concat(_outputs))
            value.Dispose();
        _run.Dispose();
        _session.Dispose();
    }
}
