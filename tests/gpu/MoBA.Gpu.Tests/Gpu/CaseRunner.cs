using System.Numerics.Tensors;
using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>What a call on the GPU came to.</summary>
/// <param name="Output">Dense [query tokens, query heads, dim], as bits.</param>
/// <param name="Lse">[query tokens, query heads].</param>
/// <param name="Damage">What was written outside of tensors; null where nothing.</param>
/// <param name="Routes">What a block gate chose; null where the pattern has none.</param>
internal sealed record GpuOutcome(ushort[] Output, float[] Lse, string? Damage, BlockRoutes? Routes = null);

/// <summary>Runs cases on strided views between guards, into poisoned memory.</summary>
internal static class CaseRunner
{
    /// <summary>What is wrong with a case, in one line that begins with the case; null where nothing is.</summary>
    public static string? Fault(AttentionEngine engine, ReferenceDevice reference, AttentionCase at, float? scale = null)
    {
        Layout layout = GpuCases.LayoutOf(at);
        string name = $"{at} {layout}{(scale is null ? "" : $" scale {scale}")}";
        ProgressLog.Default.Start($"case {name}");
        try
        {
            AttentionInputs inputs = AttentionInputs.Normal(at, scale);
            ISparseExpert expert = at.Expert;
            GpuOutcome outcome = Run(engine, expert, inputs, layout);
            string? fault = outcome.Damage ?? Judge.Fault(inputs, reference.Attend(inputs, expert, KeyOf(at)), outcome.Output, outcome.Lse);
            return fault is null ? null : $"{name}: {fault}";
        }
        catch (Exception exception)
        {
            return $"{name}: {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" | ")}";
        }
        finally
        {
            ProgressLog.Default.Done($"case {name}");
        }
    }

    /// <summary>Attends, waits, and looks at the guards.</summary>
    /// <param name="engine">An engine on the GPU.</param>
    /// <param name="expert">The pattern.</param>
    /// <param name="inputs">The tensors.</param>
    /// <param name="layout">How they stand in memory; the output stands otherwise.</param>
    /// <param name="stream">Null is the engine's own.</param>
    public static GpuOutcome Run(AttentionEngine engine, ISparseExpert expert, AttentionInputs inputs, Layout layout, CudaStream? stream = null) =>
        inputs.Case.Element == Element.Half
            ? Run<Half>(engine, expert, inputs, layout, stream)
            : Run<BFloat16>(engine, expert, inputs, layout, stream);

    private static GpuOutcome Run<T>(AttentionEngine engine, ISparseExpert expert, AttentionInputs inputs, Layout layout, CudaStream? stream)
        where T : unmanaged
    {
        ushort poison = Bits.Poison(inputs.Case.Element);
        GuardedLayout queries = new(layout, inputs.QueryTokens, inputs.QueryHeads, inputs.Dim);
        GuardedLayout outputs = new((Layout)(((int)layout + 1) % 3), inputs.QueryTokens, inputs.QueryHeads, inputs.Dim);
        GuardedLayout keys = new(layout, inputs.KeyTokens, inputs.KeyHeads, inputs.Dim);
        using GuardedTensor<T> q = GuardedTensor<T>.Of(engine, queries, inputs.QBits, poison);
        using GuardedTensor<T> k = GuardedTensor<T>.Of(engine, keys, inputs.KBits, poison);
        using GuardedTensor<T> v = GuardedTensor<T>.Of(engine, keys, inputs.VBits, poison);
        using GuardedTensor<T> output = GuardedTensor<T>.Poisoned(engine, outputs, poison);
        PoisonRows(engine, inputs, expert.Gate);

        // What the engine does not know to be its own memory it cannot order between streams.
        if (stream is not null)
            engine.DefaultStream.Synchronize();
        DeviceAttentionResult<T> result = engine.Attend(expert, q.View, k.View, v.View, OptionsOf(inputs, stream), output.View);
        using DeviceTensor<float> sums = result.Lse ?? throw new InvalidOperationException("No log-sum-exp came back though it was asked for.");
        using DeviceTensor<int>? chosen = result.Routes;
        (stream ?? engine.DefaultStream).Synchronize();

        float[] lse = [.. sums.ToHost()];
        BlockRoutes? routes = chosen is null ? null : BlockRoutes.Of(chosen.ToHost());
        (ushort[] dense, string? damage) = output.Read();
        return new(dense, lse, Damage(("output", damage), ("q", q.Read().Damage), ("k", k.Read().Damage), ("v", v.Read().Damage)), routes);
    }

    /// <summary>What a case's predicate depends on.</summary>
    public static object KeyOf(AttentionCase at) => (at.Pattern, at.Variant, at.Positions);

    private static DeviceAttentionOptions OptionsOf(AttentionInputs inputs, CudaStream? stream)
    {
        AttentionOptions options = inputs.Options;
        return new()
        {
            Scale = inputs.Scale,
            Sequences = options.Sequences,
            KeySequences = options.KeySequences,
            QueryStart = options.QueryStart,
            ReturnLse = true,
            ReturnRoutes = true,
            Stream = stream,
        };
    }

    // Blocks of these sizes that were just returned are likely to be those that the call takes.
    private static void PoisonRows(AttentionEngine engine, AttentionInputs inputs, BlockGate? gate)
    {
        float[] poison = new float[inputs.QueryTokens * inputs.QueryHeads];
        Array.Fill(poison, Bits.LsePoison);
        DeviceTensor<float> lse = engine.ToDevice(Tensor.Create(poison, [inputs.QueryTokens, inputs.QueryHeads]));
        if (gate is not null)
        {
            // The same bits, for a block may go to either.
            int[] routes = new int[inputs.QueryTokens * BlockRoutes.HeadsOf(gate, inputs.QueryHeads, inputs.KeyHeads) * gate.TopK];
            Array.Fill(routes, BitConverter.SingleToInt32Bits(Bits.LsePoison));
            engine.ToDevice(Tensor.Create(routes, [routes.Length])).Dispose();
        }

        lse.Dispose();
    }

    private static string? Damage(params (string Tensor, string? Damage)[] found)
    {
        (string Tensor, string? Damage)[] damaged = [.. found.Where(one => one.Damage is not null)];
        return damaged.Length == 0 ? null : string.Join("; ", damaged.Select(one => $"{one.Tensor}: {one.Damage}"));
    }
}
