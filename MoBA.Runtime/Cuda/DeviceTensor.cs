using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

/// <summary>
/// A tensor in the memory of a CUDA device: made by <see cref="AttentionEngine.Allocate{T}"/> or
/// <see cref="AttentionEngine.ToDevice{T}"/>, or a view of another library's memory (<see cref="DeviceTensor.FromPointer{T}"/>).
/// The engine's calls are asynchronous; a tensor that it made may be used on one stream after another, and disposed at once, without
/// waiting: the engine keeps the order. Other libraries that use <see cref="Pointer"/> must keep to the stream of the call, or wait
/// for it.
/// </summary>
/// <typeparam name="T"><see cref="Half"/>, <see cref="BFloat16"/>, <c>float</c> or <c>int</c>.</typeparam>
public sealed class DeviceTensor<T> : IDisposable
    where T : unmanaged
{
    private readonly nint[] _shape;
    private readonly nint[] _strides;
    private readonly nint _pointer;
    private DeviceBlock? _block;
    private CudaStream? _stream;
    private bool _disposed;

    /// <summary>A tensor in <paramref name="block"/> whose values come on <paramref name="stream"/>, or of another library's memory
    /// where both are null. Takes over the arrays, which are not changed.</summary>
    internal DeviceTensor(CudaRuntime? runtime, DeviceBlock? block, nint pointer, nint[] shape, nint[] strides, CudaStream? stream)
    {
        Runtime = runtime;
        (_block, _pointer, _shape, _strides, _stream) = (block, pointer, shape, strides, stream);
    }

    /// <summary>Lengths of the dimensions, outermost first.</summary>
    public ReadOnlySpan<nint> Shape => _shape;

    /// <summary>Elements from an element to the next, by dimension.</summary>
    public ReadOnlySpan<nint> Strides => _strides;

    /// <summary>Address of the first element on the device.</summary>
    /// <exception cref="ObjectDisposedException">The tensor is disposed.</exception>
    public nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _pointer;
        }
    }

    /// <summary>Who made it; null for memory of another library.</summary>
    internal CudaRuntime? Runtime { get; }

    /// <summary>The shape, to be shared and not to be changed.</summary>
    internal nint[] SharedShape => _shape;

    /// <summary>A copy of the values on the host, once the work on the tensor has ended.</summary>
    /// <returns>A new dense tensor.</returns>
    /// <exception cref="InvalidOperationException">The memory is another library's.</exception>
    /// <exception cref="CudaException">A kernel or a copy failed.</exception>
    public Tensor<T> ToHost()
    {
        Tensor<T> host = EngineTensors.Create<T>(_shape, "a tensor on the host");
        CopyTo(host);
        return host;
    }

    /// <summary>Copies the values to the host, once the work on the tensor has ended.</summary>
    /// <param name="destination">A tensor of the same shape; it may be strided.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    /// <exception cref="InvalidOperationException">The memory is another library's.</exception>
    /// <exception cref="CudaException">A kernel or a copy failed.</exception>
    public unsafe void CopyTo(Tensor<T> destination)
    {
        (CudaRuntime runtime, CudaStream stream) = Check(destination, nameof(destination));
        if (destination.FlattenedLength == 0)
            return;
        using System.Buffers.MemoryHandle pin = destination.GetPinnedHandle();
        StagedSide host = new((nint)pin.Pointer, new(destination.Lengths, destination.Strides));
        runtime.Staging.Download(new(_pointer, new(_shape, _strides)), host, Unsafe.SizeOf<T>(), stream);
    }

    /// <summary>Copies values from the host; when it returns the source may be changed, and the engine's later calls see them.</summary>
    /// <param name="source">A tensor of the same shape; it may be strided.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    /// <exception cref="InvalidOperationException">The memory is another library's.</exception>
    /// <exception cref="CudaException">A copy failed.</exception>
    public unsafe void CopyFrom(Tensor<T> source)
    {
        (CudaRuntime runtime, CudaStream stream) = Check(source, nameof(source));
        if (source.FlattenedLength == 0)
            return;
        using System.Buffers.MemoryHandle pin = source.GetPinnedHandle();
        StagedSide host = new((nint)pin.Pointer, new(source.Lengths, source.Strides));
        runtime.Staging.Upload(host, new(_pointer, new(_shape, _strides)), Unsafe.SizeOf<T>(), stream);
    }

    /// <summary>Gives the memory back; work that uses it ends well. Does nothing to memory of another library.</summary>
    public void Dispose()
    {
        _disposed = true;
        if (Interlocked.Exchange(ref _block, null) is { } block)
            Runtime!.Pool.GiveBack(block, _stream!);
    }

    /// <summary>Puts later work of <paramref name="runtime"/> on <paramref name="stream"/> behind the work on this tensor so far.
    /// The context is current.</summary>
    internal void UseOn(CudaRuntime runtime, CudaStream stream)
    {
        if (_stream is not null && !ReferenceEquals(_stream, stream))
            runtime.Order(ref _stream, stream);
    }

    private (CudaRuntime Runtime, CudaStream Stream) Check(Tensor<T> host, string name)
    {
        ArgumentNullException.ThrowIfNull(host, name);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Runtime is not { } runtime)
            throw new InvalidOperationException("This tensor is memory of another library: copy it with that library, or attend into a tensor of the engine and copy that.");
        if (!host.Lengths.SequenceEqual(_shape))
            throw new ArgumentException($"{name} is {AttentionChecks.Text(host.Lengths)}: it must have the shape of the device tensor, which is {AttentionChecks.Text(_shape)}.", name);

        CudaStream stream = _stream!;
        if (!stream.IsDisposed)
            return (runtime, stream);
        _stream = runtime.Stream;   // the work of a disposed stream has ended
        return (runtime, runtime.Stream);
    }
}
