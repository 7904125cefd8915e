namespace MoBA.Runtime.Cuda;

/// <summary>
/// The functions of the CUDA driver that are used, one by one and unchecked: each method is the function of its name (MemAlloc is
/// cuMemAlloc_v2), and returns what it returned. What calls them checks (<see cref="CudaDeviceContext.Check"/>). Handles are
/// pointers of the driver's; sizes are bytes.
/// </summary>
internal abstract unsafe class CudaDriver
{
    /// <summary>The driver of this machine; its methods throw <see cref="DllNotFoundException"/> where there is none.</summary>
    public static CudaDriver Native { get; } = new NativeCudaDriver();

    /// <summary>Whether the driver is installed: without it, every method throws.</summary>
    public abstract bool IsThere { get; }

    // Devices and their primary contexts.
    public abstract CudaStatus Init();

    public abstract CudaStatus DriverGetVersion(out int version);

    public abstract CudaStatus DeviceGetCount(out int count);

    public abstract CudaStatus DeviceGet(out int device, int ordinal);

    public abstract CudaStatus DeviceGetName(byte* name, int length, int device);

    public abstract CudaStatus DeviceGetAttribute(out int value, int attribute, int device);

    public abstract CudaStatus DeviceTotalMem(out nuint bytes, int device);

    public abstract CudaStatus DevicePrimaryCtxRetain(out nint context, int device);

    public abstract CudaStatus DevicePrimaryCtxRelease(int device);

    public abstract CudaStatus CtxGetCurrent(out nint context);

    public abstract CudaStatus CtxPushCurrent(nint context);

    public abstract CudaStatus CtxPopCurrent(out nint context);

    // Memory.
    public abstract CudaStatus MemGetInfo(out nuint free, out nuint total);

    public abstract CudaStatus MemAlloc(out nint pointer, nuint bytes);

    public abstract CudaStatus MemFree(nint pointer);

    public abstract CudaStatus MemHostAlloc(out nint pointer, nuint bytes, uint flags);

    public abstract CudaStatus MemFreeHost(nint pointer);

    public abstract CudaStatus MemcpyHtoDAsync(nint destination, nint source, nuint bytes, nint stream);

    public abstract CudaStatus MemcpyDtoHAsync(nint destination, nint source, nuint bytes, nint stream);

    public abstract CudaStatus MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream);

    public abstract CudaStatus MemsetD32Async(nint destination, uint value, nuint words, nint stream);

    public abstract CudaStatus PointerGetAttribute(void* value, int attribute, nint pointer);

    // Streams and events.
    public abstract CudaStatus StreamCreate(out nint stream, uint flags);

    public abstract CudaStatus StreamDestroy(nint stream);

    public abstract CudaStatus StreamSynchronize(nint stream);

    public abstract CudaStatus StreamWaitEvent(nint stream, nint @event, uint flags);

    public abstract CudaStatus EventCreate(out nint @event, uint flags);

    public abstract CudaStatus EventDestroy(nint @event);

    public abstract CudaStatus EventRecord(nint @event, nint stream);

    public abstract CudaStatus EventQuery(nint @event);

    public abstract CudaStatus EventSynchronize(nint @event);

    public abstract CudaStatus EventElapsedTime(out float milliseconds, nint start, nint end);

    // Modules and kernels.
    public abstract CudaStatus ModuleLoadDataEx(out nint module, byte* image, uint options, int* names, nint* values);

    public abstract CudaStatus ModuleUnload(nint module);

    public abstract CudaStatus ModuleGetFunction(out nint function, nint module, byte* name);

    public abstract CudaStatus FuncSetAttribute(nint function, int attribute, int value);

    public abstract CudaStatus FuncGetAttribute(out int value, int attribute, nint function);

    public abstract CudaStatus LaunchKernel(nint function, uint grid, uint threads, uint sharedBytes, nint stream, void** parameters);

    public abstract CudaStatus TensorMapEncodeTiled(
        TensorMap* map, int type, uint rank, nint address, ulong* lengths, ulong* byteStrides, uint* box, uint* elementStrides,
        int interleave, int swizzle, int promotion, int fill);

    // Errors: the driver's own static text.
    public abstract CudaStatus GetErrorName(CudaStatus status, out nint text);

    public abstract CudaStatus GetErrorString(CudaStatus status, out nint text);
}
