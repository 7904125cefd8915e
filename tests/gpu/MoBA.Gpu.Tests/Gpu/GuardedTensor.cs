using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>A strided view into a larger allocation of the engine's, whose guards tell of writes outside.</summary>
internal sealed class GuardedTensor<T> : IDisposable
    where T : unmanaged
{
    private readonly GuardedLayout _layout;
    private readonly DeviceTensor<T> _memory;
    private readonly ushort _guard;

    private GuardedTensor(AttentionEngine engine, GuardedLayout layout, ushort[] memory, ushort guard)
    {
        (_layout, _guard) = (layout, guard);
        _memory = engine.ToDevice(Tensor.Create(MemoryMarshal.Cast<ushort, T>(memory).ToArray(), [memory.Length]));
        View = DeviceTensor.FromPointer<T>(
            _memory.Pointer + (GuardedLayout.First * 2),
            [layout.Tokens, layout.Heads, layout.Dim], [layout.TokenStride, layout.HeadStride, 1]);
    }

    /// <summary>[tokens, heads, dim].</summary>
    public DeviceTensor<T> View { get; }

    /// <summary>A tensor with values.</summary>
    public static GuardedTensor<T> Of(AttentionEngine engine, GuardedLayout layout, ushort[] dense, ushort guard) =>
        new(engine, layout, layout.Scatter(dense, guard), guard);

    /// <summary>A tensor of poison.</summary>
    public static GuardedTensor<T> Poisoned(AttentionEngine engine, GuardedLayout layout, ushort guard) =>
        new(engine, layout, layout.Filled(guard), guard);

    /// <summary>The rows side by side, and what is wrong with the guards, or null. Work on other streams must have ended.</summary>
    public (ushort[] Dense, string? Damage) Read()
    {
        T[] values = [.. _memory.ToHost()];
        ReadOnlySpan<ushort> memory = MemoryMarshal.Cast<T, ushort>(values);
        return (_layout.Gather(memory), _layout.Damage(memory, _guard));
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
