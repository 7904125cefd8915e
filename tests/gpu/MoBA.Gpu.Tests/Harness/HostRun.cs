using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Gpu;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>Calls on host tensors.</summary>
internal static class HostRun
{
    /// <summary>Attends by an engine of any target.</summary>
    public static GpuOutcome Of(AttentionEngine engine, ISparseExpert expert, AttentionInputs inputs) => Of(engine, expert, inputs, out _);

    /// <summary>Attends by an engine of any target.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="expert">The pattern.</param>
    /// <param name="inputs">The tensors.</param>
    /// <param name="timings">What each pass took.</param>
    public static GpuOutcome Of(AttentionEngine engine, ISparseExpert expert, AttentionInputs inputs, out IReadOnlyList<PassTiming> timings) =>
        inputs.Case.Element == Element.Half ? Of<Half>(engine, expert, inputs, out timings) : Of<BFloat16>(engine, expert, inputs, out timings);

    private static GpuOutcome Of<T>(AttentionEngine engine, ISparseExpert expert, AttentionInputs inputs, out IReadOnlyList<PassTiming> timings)
        where T : unmanaged
    {
        AttentionOptions options = inputs.Options with { Scale = inputs.Scale, ReturnLse = true, ReturnRoutes = true };
        Tensor<T> q = Host<T>(inputs.QBits, inputs.QueryTokens, inputs.QueryHeads, inputs.Dim);
        Tensor<T> k = Host<T>(inputs.KBits, inputs.KeyTokens, inputs.KeyHeads, inputs.Dim), v = Host<T>(inputs.VBits, inputs.KeyTokens, inputs.KeyHeads, inputs.Dim);
        AttentionResult<T> result = engine.Attend(expert, q, k, v, options);
        timings = result.Timings;
        T[] output = [.. result.Output];
        return new(MemoryMarshal.Cast<T, ushort>(output).ToArray(), [.. result.Lse!], null, result.Routes is { } routes ? BlockRoutes.Of(routes) : null);
    }

    private static Tensor<T> Host<T>(ushort[] bits, int tokens, int heads, int dim)
        where T : unmanaged => Tensor.Create(MemoryMarshal.Cast<ushort, T>(bits).ToArray(), [tokens, heads, dim]);
}
