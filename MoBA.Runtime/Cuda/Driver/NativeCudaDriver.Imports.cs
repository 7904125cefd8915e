using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

// The functions as the library exports them.
internal sealed unsafe partial class NativeCudaDriver
{
    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuInit(uint flags);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDriverGetVersion(out int version);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDeviceGetCount(out int count);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDeviceGet(out int device, int ordinal);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDeviceGetAttribute(out int value, int attribute, int device);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDeviceTotalMem_v2(out nuint bytes, int device);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuCtxGetCurrent(out nint context);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuCtxPushCurrent_v2(nint context);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuCtxPopCurrent_v2(out nint context);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemGetInfo_v2(out nuint free, out nuint total);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemAlloc_v2(out nint pointer, nuint bytes);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemFree_v2(nint pointer);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemHostAlloc(out nint pointer, nuint bytes, uint flags);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemFreeHost(nint pointer);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemcpyHtoDAsync_v2(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemcpyDtoHAsync_v2(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemcpyDtoDAsync_v2(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuMemsetD32Async(nint destination, uint value, nuint words, nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuPointerGetAttribute(void* value, int attribute, nint pointer);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuStreamCreate(out nint stream, uint flags);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuStreamDestroy_v2(nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuStreamSynchronize(nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuStreamWaitEvent(nint stream, nint @event, uint flags);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuEventCreate(out nint @event, uint flags);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuEventDestroy_v2(nint @event);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuEventRecord(nint @event, nint stream);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuEventQuery(nint @event);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuEventSynchronize(nint @event);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuEventElapsedTime(out float milliseconds, nint start, nint end);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuModuleLoadDataEx(out nint module, byte* image, uint options, int* names, nint* values);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuModuleUnload(nint module);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuModuleGetFunction(out nint function, nint module, byte* name);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuFuncSetAttribute(nint function, int attribute, int value);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuFuncGetAttribute(out int value, int attribute, nint function);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuTensorMapEncodeTiled(
        TensorMap* map, int type, uint rank, nint address, ulong* lengths, ulong* byteStrides, uint* box, uint* elementStrides, int interleave, int swizzle, int promotion, int fill);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuGetErrorName(CudaStatus status, out nint text);

    [LibraryImport(CudaLibrary.Name)]
    private static partial CudaStatus cuGetErrorString(CudaStatus status, out nint text);
}
