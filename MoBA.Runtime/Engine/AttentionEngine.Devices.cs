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
        ArgumentNullException.ThrowIfNull(expert);
        return Run(expert.Info.Name, q, k, v, options, call => call.Attend(expert, output));
    }

    /// <summary>Enqueues a mixture on device tensors, and returns; host time and errors are as for an expert. It takes scratch memory
    /// (<see cref="AttentionEngineOptions.WorkspaceBytes"/>) for as long as its kernels run.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="router">Its router. A row with a logit that is infinite or NaN goes nowhere, and its output is NaN: nobody waits to say
    /// so.</param>
    /// <param name="q">[query tokens, query heads, dim], as for an expert; so are k, v and the output.</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">What else is asked for.</param>
    /// <param name="output">Where the output goes, as for an expert; null is a new tensor.</param>
    /// <exception cref="ArgumentException">A tensor's shape, strides or element type, an option, the router, or a parameter of an expert, does
    /// not fit.</exception>
    /// <exception cref="InvalidOperationException">The engine does not run on CUDA.</exception>
    /// <exception cref="NotSupportedException">There is no kernel for an expert: its block gate chooses more than 64 blocks.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    public DeviceAttentionResult<T> Attend<TMixture, T>(
        TMixture mixture, Router router, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v, DeviceAttentionOptions options, DeviceTensor<T>? output = null)
        where TMixture : IExpertMixture
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(router);
        return Run(mixture, router, null, q, k, v, options, output);
    }

    /// <summary>Enqueues a mixture whose logits the caller gives.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="logits">Logits, dense [query tokens, query heads, experts].</param>
    /// <inheritdoc cref="Attend{TMixture, T}(TMixture, Router, DeviceTensor{T}, DeviceTensor{T}, DeviceTensor{T}, DeviceAttentionOptions, DeviceTensor{T})"/>
    /// <param name="q">As for a router.</param>
    /// <param name="k">As for a router.</param>
    /// <param name="v">As for a router.</param>
    /// <param name="options">As for a router.</param>
    /// <param name="output">As for a router.</param>
    public DeviceAttentionResult<T> Attend<TMixture, T>(
        TMixture mixture, DeviceTensor<float> logits, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v, DeviceAttentionOptions options,
        DeviceTensor<T>? output = null)
        where TMixture : IExpertMixture
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(logits);
        return Run(mixture, null, logits, q, k, v, options, output);
    }

    private DeviceAttentionResult<T> Run<T>(
        IExpertMixture mixture, Router? router, DeviceTensor<float>? logits, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v,
        DeviceAttentionOptions options, DeviceTensor<T>? output)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(mixture);
        return Run(mixture.Info.Name, q, k, v, options, call => call.Attend(mixture, router, logits, output));
    }

    private DeviceAttentionResult<T> Run<T>(
        string name, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v, DeviceAttentionOptions options, Func<DeviceCall<T>, DeviceAttentionResult<T>> attend)
        where T : unmanaged
    {
        CudaRuntime runtime = Runtime();
        ArgumentNullException.ThrowIfNull(q);
        ArgumentNullException.ThrowIfNull(k);
        ArgumentNullException.ThrowIfNull(v);
        ArgumentNullException.ThrowIfNull(options);
        using Activity? activity = Telemetry.Start(name, Target, q.Shape, k.Shape);
        using CurrentContext current = runtime.Context.Enter();
        DeviceAttentionResult<T> result = attend(new(runtime, q, k, v, options));
        Telemetry.Record(name, Target, (long)q.Shape[0], null);
        EngineLog.Enqueued(_logger, name, q.Shape[0], k.Shape[0]);
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
