using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>Memory on the device for one purpose, which grows to what the largest use of a call needs.</summary>
internal sealed class DeviceScratch<T>(PortableCall call)
    where T : unmanaged
{
    private MemoryBuffer1D<T, Stride1D.Dense>? _buffer;

    /// <summary>Memory for <paramref name="length"/> elements, of unspecified values; the last view is no longer used.</summary>
    public ArrayView<T> Take(long length)
    {
        if (_buffer is null || _buffer.Length < length)
        {
            if (_buffer is not null)
            {
                call.Wait();
                call.Free(_buffer);
            }

            _buffer = call.Allocate<T>(length);
        }

        return _buffer.View.BaseView.SubView(0, length);
    }

    /// <summary>Memory that holds <paramref name="values"/>.</summary>
    public ArrayView<T> Take(ReadOnlySpan<T> values)
    {
        ArrayView<T> view = Take(values.Length);
        view.CopyFromCPU(values);
        return view;
    }
}
