using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Conformance.Tests;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>A small call on tensors of the engine's own, in bfloat16.</summary>
internal sealed class DeviceCall : IDisposable
{
    /// <summary>Uploads the tensors of a case.</summary>
    public DeviceCall(AttentionEngine engine, int tokens, int queryHeads = 4, int keyHeads = 2, int dim = 64)
    {
        Inputs = AttentionInputs.Normal(new("", 0, tokens, false, Placement.Prefill, queryHeads, keyHeads, dim, Element.BFloat16));
        (HostQ, HostK, HostV) = (Host(Inputs.QBits, queryHeads), Host(Inputs.KBits, keyHeads), Host(Inputs.VBits, keyHeads));
        (Q, K, V) = (engine.ToDevice(HostQ), engine.ToDevice(HostK), engine.ToDevice(HostV));

        Tensor<BFloat16> Host(ushort[] bits, int heads) =>
            Tensor.Create(MemoryMarshal.Cast<ushort, BFloat16>(bits).ToArray(), [tokens, heads, dim]);
    }

    /// <summary>The values.</summary>
    public AttentionInputs Inputs { get; }

    /// <summary>Queries on the host.</summary>
    public Tensor<BFloat16> HostQ { get; }

    /// <summary>Keys on the host.</summary>
    public Tensor<BFloat16> HostK { get; }

    /// <summary>Values on the host.</summary>
    public Tensor<BFloat16> HostV { get; }

    /// <summary>Queries.</summary>
    public DeviceTensor<BFloat16> Q { get; }

    /// <summary>Keys.</summary>
    public DeviceTensor<BFloat16> K { get; }

    /// <summary>Values.</summary>
    public DeviceTensor<BFloat16> V { get; }

    /// <summary>The bits of a tensor of the engine.</summary>
    public static ushort[] Read(DeviceTensor<BFloat16> tensor)
    {
        BFloat16[] values = [.. tensor.ToHost()];
        return MemoryMarshal.Cast<BFloat16, ushort>(values).ToArray();
    }

    /// <summary>Attends, and reads and disposes the output.</summary>
    public ushort[] Attend(AttentionEngine engine, ISparseExpert expert, CudaStream? stream = null)
    {
        using DeviceTensor<BFloat16> output = engine.Attend(expert, Q, K, V, new() { Stream = stream }).Output;
        return Read(output);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DeviceTensor<BFloat16> tensor in (DeviceTensor<BFloat16>[])[Q, K, V])
            tensor.Dispose();
    }
}
