using System.Runtime.InteropServices;
using Xunit;

namespace MoBA.Gpu.Tests;

/// <summary>Memory of the first GPU's primary context that the tests took from the driver themselves, as another library would.</summary>
internal sealed partial class ForeignMemory : IDisposable
{
    private static readonly Lazy<nint> _context = new(Retain);

    /// <summary>Takes that many bytes.</summary>
    public ForeignMemory(long bytes)
    {
        using Current current = new();
        Check(Allocate(out nint pointer, (nuint)bytes), "cuMemAlloc");
        Pointer = pointer;
    }

    /// <summary>Address on the device.</summary>
    public nint Pointer { get; }

    /// <summary>Free memory of the device, in bytes.</summary>
    public static long FreeBytes
    {
        get
        {
            using Current current = new();
            Check(GetInfo(out nuint free, out _), "cuMemGetInfo");
            return (long)free;
        }
    }

    /// <summary>Waits for all work on the context.</summary>
    public static void Synchronize()
    {
        using Current current = new();
        Check(SynchronizeContext(), "cuCtxSynchronize");
    }

    /// <summary>Copies elements to the device.</summary>
    public unsafe void Upload(long element, ReadOnlySpan<ushort> values)
    {
        using Current current = new();
        fixed (ushort* source = values)
            Check(CopyToDevice(At(element), source, (nuint)values.Length * 2), "cuMemcpyHtoD");
    }

    /// <summary>Copies elements from the device.</summary>
    public unsafe void Download(long element, Span<ushort> values)
    {
        using Current current = new();
        fixed (ushort* destination = values)
            Check(CopyToHost(destination, At(element), (nuint)values.Length * 2), "cuMemcpyDtoH");
    }

    /// <summary>Repeats the first <paramref name="period"/> elements up to <paramref name="count"/>.</summary>
    public void Repeat(long period, long count)
    {
        using Current current = new();
        for (long done = period; done < count;)
        {
            long run = Math.Min(done, count - done);
            Check(CopyOnDevice(At(done), Pointer, (nuint)run * 2), "cuMemcpyDtoD");
            done += run;
        }
    }

    /// <summary>Writes one value <paramref name="count"/> times.</summary>
    public void Fill(ushort value, long count)
    {
        using Current current = new();
        Check(Set(Pointer, value, (nuint)count), "cuMemsetD16");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using Current current = new();
        Check(Free(Pointer), "cuMemFree");
    }

    private static nint Retain()
    {
        Assert.Null(NvidiaDriver.Missing);
        Check(GetDevice(out int device, 0), "cuDeviceGet");
        Check(RetainPrimary(out nint context, device), "cuDevicePrimaryCtxRetain");
        return context;
    }

    private static void Check(int status, string function) => Assert.True(status == 0, $"{function} returned {status}");

    private nint At(long element) => Pointer + ((nint)element * 2);

    /// <summary>The primary context, current until disposal.</summary>
    private readonly ref struct Current
    {
        public Current() => Check(Push(_context.Value), "cuCtxPushCurrent");

        public void Dispose() => Check(Pop(out _), "cuCtxPopCurrent");
    }

    [LibraryImport("cuda", EntryPoint = "cuDeviceGet")]
    private static partial int GetDevice(out int device, int ordinal);

    [LibraryImport("cuda", EntryPoint = "cuDevicePrimaryCtxRetain")]
    private static partial int RetainPrimary(out nint context, int device);

    [LibraryImport("cuda", EntryPoint = "cuCtxPushCurrent_v2")]
    private static partial int Push(nint context);

    [LibraryImport("cuda", EntryPoint = "cuCtxPopCurrent_v2")]
    private static partial int Pop(out nint context);

    [LibraryImport("cuda", EntryPoint = "cuCtxSynchronize")]
    private static partial int SynchronizeContext();

    [LibraryImport("cuda", EntryPoint = "cuMemAlloc_v2")]
    private static partial int Allocate(out nint pointer, nuint bytes);

    [LibraryImport("cuda", EntryPoint = "cuMemFree_v2")]
    private static partial int Free(nint pointer);

    [LibraryImport("cuda", EntryPoint = "cuMemGetInfo_v2")]
    private static partial int GetInfo(out nuint free, out nuint total);

    [LibraryImport("cuda", EntryPoint = "cuMemsetD16_v2")]
    private static partial int Set(nint pointer, ushort value, nuint count);

    [LibraryImport("cuda", EntryPoint = "cuMemcpyHtoD_v2")]
    private static unsafe partial int CopyToDevice(nint destination, ushort* source, nuint bytes);

    [LibraryImport("cuda", EntryPoint = "cuMemcpyDtoH_v2")]
    private static unsafe partial int CopyToHost(ushort* destination, nint source, nuint bytes);

    [LibraryImport("cuda", EntryPoint = "cuMemcpyDtoD_v2")]
    private static partial int CopyOnDevice(nint destination, nint source, nuint bytes);
}
