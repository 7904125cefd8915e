using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cuda;

/// <summary>Checks of device tensors. Every message names the tensor, what was given, and what is wanted.</summary>
internal static unsafe class DeviceTensorChecks
{
    private const int RowStep = 8;
    private const int Alignment = 16;
    private const int MemoryTypeAttribute = 2;
    private const int DeviceOrdinalAttribute = 9;
    private const int RangeStartAttribute = 11;
    private const int RangeSizeAttribute = 12;
    private const uint DeviceMemory = 2;

    /// <summary>Bytes of an element.</summary>
    public static int Size<T>()
        where T : unmanaged => sizeof(T);

    /// <summary>The elements of a tensor of <paramref name="shape"/>.</summary>
    /// <exception cref="ArgumentException">Device tensors have no elements of this type, or a length is negative or too large.</exception>
    public static long Count<T>(ReadOnlySpan<nint> shape)
        where T : unmanaged
    {
        if (typeof(T) != typeof(Half) && typeof(T) != typeof(BFloat16) && typeof(T) != typeof(float) && typeof(T) != typeof(int))
            throw new ArgumentException($"Device tensors of {typeof(T)} are not known: the elements are System.Half, MoBA.Runtime.BFloat16, float or int.", nameof(T));
        Int128 count = 1;
        foreach (nint length in shape)
        {
            if (length < 0)
                throw new ArgumentException($"shape is {AttentionChecks.Text(shape)}: lengths must not be negative.", nameof(shape));
            count *= length;
            if (count * sizeof(T) > long.MaxValue)
                throw new ArgumentException($"shape is {AttentionChecks.Text(shape)}: that is more than any memory holds.", nameof(shape));
        }

        return (long)count;
    }

    /// <summary>The kind of elements of type <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The tensor-core kernels do not take them.</exception>
    public static ElementKind KindOf<T>() =>
        typeof(T) == typeof(Half) ? ElementKind.Half
        : typeof(T) == typeof(BFloat16) ? ElementKind.BFloat16
        : throw new ArgumentException(
            $"q, k and v are device tensors of {typeof(T)}: tensor cores take System.Half and MoBA.Runtime.BFloat16; convert them, or give host tensors, which run on the CPU.", "q");

    /// <summary>The rows of a tensor [tokens, heads, dim] of a call.</summary>
    /// <exception cref="ArgumentException">Kernels cannot read rows that stand so, or another device has them.</exception>
    public static CudaRows Rows<T>(DeviceTensor<T> tensor, string name, CudaRuntime runtime)
        where T : unmanaged
    {
        ReadOnlySpan<nint> shape = tensor.Shape, strides = tensor.Strides;
        nint pointer = tensor.Pointer;
        if (tensor.Runtime is { } other && other.Context.Device.Ordinal != runtime.Context.Device.Ordinal)
            throw new ArgumentException($"{name} is on device {other.Context.Device.Ordinal} and the engine on device {runtime.Context.Device.Ordinal}: copy it there.", name);
        if (pointer % Alignment != 0)
            throw new ArgumentException($"{name} starts at 0x{pointer:x}: it must start at a multiple of {Alignment} bytes; copy it to a tensor of its own.", name);

        // The stride of a dimension of one element says nothing: it becomes what a dense tensor has.
        nint headStride = shape[1] == 1 ? shape[2] : strides[1];
        nint tokenStride = shape[0] == 1 ? shape[1] * headStride : strides[0];
        if (strides[2] != 1 || headStride % RowStep != 0 || tokenStride % RowStep != 0)
            throw new ArgumentException($"{name} is {AttentionChecks.Text(shape)} with strides {AttentionChecks.Text(strides)}: the last stride must be 1, and those of tokens and heads multiples of {RowStep} elements; make it dense (contiguous).", name);
        return new(pointer, tokenStride, headStride);
    }

    /// <summary>Asks the driver whether a tensor is memory of the engine's device, all of it. The context is current.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static void Memory<T>(DeviceTensor<T> tensor, string name, CudaRuntime runtime)
        where T : unmanaged
    {
        if (tensor.Shape.Contains(0))
            return;
        CudaDevice device = runtime.Context.Device;
        nint pointer = tensor.Pointer, start = 0;
        nuint size = 0;
        uint type = 0;
        int ordinal = -1;
        if (!Ask(&type, MemoryTypeAttribute) || type != DeviceMemory || !Ask(&ordinal, DeviceOrdinalAttribute))
            throw new ArgumentException($"{name} starts at 0x{pointer:x}, which is no memory of a CUDA device: give a device pointer.", name);
        if (ordinal != device.Ordinal)
            throw new ArgumentException($"{name} is memory of device {ordinal} and the engine runs on device {device.Ordinal}, {device.Name}: copy it there.", name);
        if (!Ask(&start, RangeStartAttribute) || !Ask(&size, RangeSizeAttribute))
            return;

        Int128 last = 0;
        for (int i = 0; i < tensor.Shape.Length; i++)
            last += (Int128)(tensor.Shape[i] - 1) * tensor.Strides[i];
        Int128 wanted = (last + 1) * Unsafe.SizeOf<T>(), there = (Int128)start + (Int128)(ulong)size - pointer;
        if (wanted > there)
            throw new ArgumentException($"{name} is {AttentionChecks.Text(tensor.Shape)} with strides {AttentionChecks.Text(tensor.Strides)}, which reaches over {wanted} bytes from 0x{pointer:x}, and {there} bytes are allocated there: give the shape and strides that it has.", name);

        bool Ask(void* value, int attribute)
        {
            CudaStatus status = runtime.Context.Driver.PointerGetAttribute(value, attribute, pointer);
            if (status is not (CudaStatus.Success or CudaStatus.InvalidValue))
                runtime.Context.Throw(status, "cuPointerGetAttribute");
            return status == CudaStatus.Success;
        }
    }
}
