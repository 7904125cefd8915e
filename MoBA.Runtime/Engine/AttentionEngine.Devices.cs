using System.Diagnostics;
using System.Numerics.Tensors;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

// Device tensors: memory of a CUDA device, and calls that are enqueued on a stream.
public sealed partial class AttentionEngine
{
    /// <summary>The engine's own stream: where device tensors are made and calls run unless they say otherwise. It ends with the
    /// engine.</summary>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    public CudaStream DefaultStream => Runtime().Stream;

    /// <summary>A new stream on the engine's device; dispose it before the engine.</summary>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    public CudaStream CreateStream() => CudaStream.Create(Runtime().Context);

    /// <summary>A dense tensor on the engine's device, whose values are not cleared.</summary>
    /// <param name="shape">Its shape.</param>
    /// <typeparam name="T"><see cref="Half"/>, <see cref="BFloat16"/>, <c>float</c> or <c>int</c>.</typeparam>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    /// <exception cref="ArgumentException">The element type is none of these, or the shape has no sense.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    public DeviceTensor<T> Allocate<T>(params ReadOnlySpan<nint> shape)
        where T : unmanaged
    {
        CudaRuntime runtime = Runtime();
        using CurrentContext current = runtime.Context.Enter();
        return runtime.Allocate<T>(shape.ToArray(), "a device tensor", runtime.Stream);
    }

    /// <summary>A copy of a tensor on the engine's device; when this returns the source may be changed.</summary>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    /// <exception cref="ArgumentException">The element type is not <see cref="Half"/>, <see cref="BFloat16"/>, <c>float</c> or
    /// <c>int</c>.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="CudaException">A copy failed.</exception>
    public DeviceTensor<T> ToDevice<T>(Tensor<T> tensor)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        DeviceTensor<T> copy = Allocate<T>(tensor.Lengths);
        try
        {
            copy.CopyFrom(tensor);
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>Enqueues attention on device tensors on the engine's own stream, every query standing at its bottom-right
    /// position, and returns.</summary>
    /// <exception cref="ArgumentException">A tensor's shape, strides or element type, or a parameter of the expert, does not
    /// fit.</exception>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    /// <exception cref="NotSupportedException">There is no kernel for the expert: it has none for tensor cores, or its block gate chooses
    /// more than 64 blocks.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    public DeviceAttentionResult<T> Attend<TExpert, T>(TExpert expert, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v)
        where TExpert : ISparseExpert
        where T : unmanaged => Attend(expert, q, k, v, DeviceAttentionOptions.Default);

    /// <summary>Enqueues attention on device tensors, and returns. Host time is a few microseconds; errors of the kernel are
    /// thrown by the first call that waits. An expert with a block gate takes scratch memory besides
    /// (<see cref="AttentionEngineOptions.WorkspaceBytes"/>), for as long as its kernels run.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="q">[query tokens, query heads, dim], <see cref="Half"/> or <see cref="BFloat16"/>. The last stride is 1, the
    /// others are multiples of 8, and the memory starts at a multiple of 16 bytes; so do k, v and the output.</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">What else is asked for.</param>
    /// <param name="output">Where the output goes: like q, and q itself or memory apart from q, k and v; null is a new tensor.</param>
    /// <exception cref="ArgumentException">A tensor's shape, strides or element type, an option, or a parameter of the expert, does
    /// not fit.</exception>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    /// <exception cref="NotSupportedException">There is no kernel for the expert: it has none for tensor cores, or its block gate chooses
    /// more than 64 blocks.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    public DeviceAttentionResult<T> Attend<TExpert, T>(
        TExpert expert, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v, DeviceAttentionOptions options, DeviceTensor<T>? output = null)
        where TExpert : ISparseExpert
        where T : unmanaged
    {
        CudaRuntime runtime = Runtime();
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(q);
        ArgumentNullException.ThrowIfNull(k);
        ArgumentNullException.ThrowIfNull(v);
        ArgumentNullException.ThrowIfNull(options);
        using Activity? activity = Telemetry.Start(expert.Info.Name, Target, q.Shape, k.Shape);
        using CurrentContext current = runtime.Context.Enter();
        DeviceAttentionResult<T> result = new DeviceCall<T>(runtime, q, k, v, options).Attend(expert, output);
        Telemetry.Record(expert.Info.Name, Target, (long)q.Shape[0], null);
        EngineLog.Enqueued(_logger, expert.Info.Name, q.Shape[0], k.Shape[0]);
        return result;
    }

    /// <summary>What the engine has on its CUDA device.</summary>
    internal CudaRuntime Runtime()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return (_backend as CudaBackend)?.Runtime ?? throw new InvalidOperationException(
            $"This engine runs on {Description}, and device tensors and streams are those of Target.Cuda: make an engine with AttentionEngine.Create(Target.Cuda), or give host tensors.");
    }
}
