using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>NVIDIA's driver. Where the header maps a name to a later version of the function, that version is called.</summary>
internal sealed unsafe partial class NativeCudaDriver : CudaDriver
{
    static NativeCudaDriver() => CudaLibrary.Register();

    public override bool IsThere => CudaLibrary.IsThere;

    public override CudaStatus Init() => cuInit(0);

    public override CudaStatus DriverGetVersion(out int version) => cuDriverGetVersion(out version);

    public override CudaStatus DeviceGetCount(out int count) => cuDeviceGetCount(out count);

    public override CudaStatus DeviceGet(out int device, int ordinal) => cuDeviceGet(out device, ordinal);

    public override CudaStatus DeviceGetName(byte* name, int length, int device) => cuDeviceGetName(name, length, device);

    public override CudaStatus DeviceGetAttribute(out int value, int attribute, int device) => cuDeviceGetAttribute(out value, attribute, device);

    public override CudaStatus DeviceTotalMem(out nuint bytes, int device) => cuDeviceTotalMem_v2(out bytes, device);

    public override CudaStatus DevicePrimaryCtxRetain(out nint context, int device) => cuDevicePrimaryCtxRetain(out context, device);

    public override CudaStatus DevicePrimaryCtxRelease(int device) => cuDevicePrimaryCtxRelease_v2(device);

    public override CudaStatus CtxGetCurrent(out nint context) => cuCtxGetCurrent(out context);

    public override CudaStatus CtxPushCurrent(nint context) => cuCtxPushCurrent_v2(context);

    public override CudaStatus CtxPopCurrent(out nint context) => cuCtxPopCurrent_v2(out context);

    public override CudaStatus MemGetInfo(out nuint free, out nuint total) => cuMemGetInfo_v2(out free, out total);

    public override CudaStatus MemAlloc(out nint pointer, nuint bytes) => cuMemAlloc_v2(out pointer, bytes);

    public override CudaStatus MemFree(nint pointer) => cuMemFree_v2(pointer);

    public override CudaStatus MemHostAlloc(out nint pointer, nuint bytes, uint flags) => cuMemHostAlloc(out pointer, bytes, flags);

    public override CudaStatus MemFreeHost(nint pointer) => cuMemFreeHost(pointer);

    public override CudaStatus MemcpyHtoDAsync(nint destination, nint source, nuint bytes, nint stream) =>
        cuMemcpyHtoDAsync_v2(destination, source, bytes, stream);

    public override CudaStatus MemcpyDtoHAsync(nint destination, nint source, nuint bytes, nint stream) =>
        cuMemcpyDtoHAsync_v2(destination, source, bytes, stream);

    public override CudaStatus MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream) =>
        cuMemcpyDtoDAsync_v2(destination, source, bytes, stream);

    public override CudaStatus MemsetD32Async(nint destination, uint value, nuint words, nint stream) =>
        cuMemsetD32Async(destination, value, words, stream);

    public override CudaStatus PointerGetAttribute(void* value, int attribute, nint pointer) => cuPointerGetAttribute(value, attribute, pointer);

    public override CudaStatus StreamCreate(out nint stream, uint flags) => cuStreamCreate(out stream, flags);

    public override CudaStatus StreamDestroy(nint stream) => cuStreamDestroy_v2(stream);

    public override CudaStatus StreamSynchronize(nint stream) => cuStreamSynchronize(stream);

    public override CudaStatus StreamWaitEvent(nint stream, nint @event, uint flags) => cuStreamWaitEvent(stream, @event, flags);

    public override CudaStatus EventCreate(out nint @event, uint flags) => cuEventCreate(out @event, flags);

    public override CudaStatus EventDestroy(nint @event) => cuEventDestroy_v2(@event);

    public override CudaStatus EventRecord(nint @event, nint stream) => cuEventRecord(@event, stream);

    public override CudaStatus EventQuery(nint @event) => cuEventQuery(@event);

    public override CudaStatus EventSynchronize(nint @event) => cuEventSynchronize(@event);

    // The version that drivers older than 12.8 export too; the later one differs for events of graphs alone.
    public override CudaStatus EventElapsedTime(out float milliseconds, nint start, nint end) => cuEventElapsedTime(out milliseconds, start, end);

    public override CudaStatus ModuleLoadDataEx(out nint module, byte* image, uint options, int* names, nint* values) =>
        cuModuleLoadDataEx(out module, image, options, names, values);

    public override CudaStatus ModuleUnload(nint module) => cuModuleUnload(module);

    public override CudaStatus ModuleGetFunction(out nint function, nint module, byte* name) => cuModuleGetFunction(out function, module, name);

    public override CudaStatus FuncSetAttribute(nint function, int attribute, int value) => cuFuncSetAttribute(function, attribute, value);

    public override CudaStatus FuncGetAttribute(out int value, int attribute, nint function) => cuFuncGetAttribute(out value, attribute, function);

    public override CudaStatus LaunchKernel(nint function, uint grid, uint threads, uint sharedBytes, nint stream, void** parameters) =>
        cuLaunchKernel(function, grid, 1, 1, threads, 1, 1, sharedBytes, stream, parameters, null);

    public override CudaStatus TensorMapEncodeTiled(
        TensorMap* map, int type, uint rank, nint address, ulong* lengths, ulong* byteStrides, uint* box, uint* elementStrides, int interleave, int swizzle, int promotion, int fill) =>
        cuTensorMapEncodeTiled(map, type, rank, address, lengths, byteStrides, box, elementStrides, interleave, swizzle, promotion, fill);

    public override CudaStatus GetErrorName(CudaStatus status, out nint text) => cuGetErrorName(status, out text);

    public override CudaStatus GetErrorString(CudaStatus status, out nint text) => cuGetErrorString(status, out text);
}
