using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

/// <summary>Makes tensors of memory that another library owns.</summary>
public static class DeviceTensor
{
    /// <summary>A tensor of memory on the device that another library owns: it is never freed here, and must exist until the work
    /// that uses it has ended. Nothing is read now; <see cref="DeviceAttentionOptions.Strict"/> checks the memory at a call.</summary>
    /// <param name="pointer">The first element, for example <c>tensor.data_ptr()</c> of PyTorch.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="strides">Its strides in elements, one a dimension.</param>
    /// <typeparam name="T"><see cref="Half"/>, <see cref="BFloat16"/>, <c>float</c> or <c>int</c>.</typeparam>
    /// <exception cref="ArgumentException">The pointer is 0 or not aligned to an element, a length or stride is negative, or there
    /// are not as many strides as lengths.</exception>
    public static DeviceTensor<T> FromPointer<T>(nint pointer, ReadOnlySpan<nint> shape, ReadOnlySpan<nint> strides)
        where T : unmanaged
    {
        long count = DeviceTensorChecks.Count<T>(shape);
        if (strides.Length != shape.Length)
            throw new ArgumentException($"strides is {AttentionChecks.Text(strides)} and shape {AttentionChecks.Text(shape)}: there must be one stride a dimension, in elements.", nameof(strides));
        foreach (nint stride in strides)
        {
            if (stride < 0)
                throw new ArgumentException($"strides is {AttentionChecks.Text(strides)}: strides must not be negative.", nameof(strides));
        }

        if (count > 0 && pointer == 0)
            throw new ArgumentException($"pointer is 0 and shape {AttentionChecks.Text(shape)}: give the address of the first element in device memory.", nameof(pointer));
        if (pointer % DeviceTensorChecks.Size<T>() != 0)
            throw new ArgumentException($"pointer is 0x{pointer:x}: it must be a multiple of {DeviceTensorChecks.Size<T>()}, the bytes of an element.", nameof(pointer));
        return new(null, null, pointer, shape.ToArray(), strides.ToArray(), null);
    }
}
