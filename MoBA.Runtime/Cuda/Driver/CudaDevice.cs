using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>An NVIDIA device as its driver describes it.</summary>
/// <param name="Ordinal">Its number among the devices that the process sees.</param>
/// <param name="Name">Its name.</param>
/// <param name="Major">Compute capability, major.</param>
/// <param name="Minor">Compute capability, minor.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="L2Bytes">Bytes of the second-level cache.</param>
/// <param name="SharedBytes">The most shared memory of a block in bytes, with the opt-in.</param>
/// <param name="MemoryBytes">Bytes of its memory.</param>
internal sealed record CudaDevice(
    int Ordinal, string Name, int Major, int Minor, int Multiprocessors, long L2Bytes, int SharedBytes, long MemoryBytes)
{
    private const int MultiprocessorCount = 16;
    private const int L2CacheSize = 38;
    private const int CapabilityMajor = 75;
    private const int CapabilityMinor = 76;
    private const int SharedMemoryOptIn = 97;

    /// <summary>The driver's own handle of the device.</summary>
    public int Handle { get; init; }

    /// <summary>Compute capability, for people.</summary>
    public string Capability => $"{Major}.{Minor}";

    /// <summary>All devices of an initialised driver, in its order.</summary>
    /// <exception cref="CudaException">The driver failed.</exception>
    public static IReadOnlyList<CudaDevice> All(CudaDriver driver)
    {
        CudaStatus status = driver.DeviceGetCount(out int count);
        if (status == CudaStatus.NoDevice)
            return [];
        CudaException.ThrowIfFailed(driver, status, "cuDeviceGetCount");
        return [.. Enumerable.Range(0, count).Select(i => Describe(driver, i))];
    }

    private static unsafe CudaDevice Describe(CudaDriver driver, int ordinal)
    {
        const int length = 256;
        byte* name = stackalloc byte[length];
        CudaException.ThrowIfFailed(driver, driver.DeviceGet(out int device, ordinal), "cuDeviceGet");
        CudaException.ThrowIfFailed(driver, driver.DeviceGetName(name, length, device), "cuDeviceGetName");
        CudaException.ThrowIfFailed(driver, driver.DeviceTotalMem(out nuint bytes, device), "cuDeviceTotalMem");
        int bytesOfName = new ReadOnlySpan<byte>(name, length).IndexOf((byte)0);
        return new(
            ordinal, Encoding.UTF8.GetString(name, bytesOfName < 0 ? length : bytesOfName), Attribute(CapabilityMajor), Attribute(CapabilityMinor),
            Attribute(MultiprocessorCount), Attribute(L2CacheSize), Attribute(SharedMemoryOptIn), (long)bytes)
        { Handle = device };

        int Attribute(int attribute)
        {
            CudaException.ThrowIfFailed(driver, driver.DeviceGetAttribute(out int value, attribute, device), "cuDeviceGetAttribute");
            return value;
        }
    }
}
