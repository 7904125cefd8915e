using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace MoBA.Gpu.Tests;

/// <summary>Asks NVIDIA's driver itself whether there is a GPU, so that an engine which fails to see one is not skipped over.</summary>
internal static partial class NvidiaDriver
{
    private static readonly string[] _candidates = ["libcuda.so.1", "libcuda.so", "/usr/local/nvidia/lib64/libcuda.so.1", "nvcuda.dll"];

    private static readonly Lazy<nint> _library = new(Load);

    static NvidiaDriver() => NativeLibrary.SetDllImportResolver(typeof(NvidiaDriver).Assembly, Resolve);

    /// <summary>Why there is no GPU, or null where there is one.</summary>
    public static string? Missing
    {
        get
        {
            if (_library.Value == 0)
                return $"no NVIDIA driver: none of {string.Join(", ", _candidates)} can be loaded";
            int status = Initialise(0);
            if (status != 0)
                return $"NVIDIA's driver does not start: cuInit returned {status}";
            status = DeviceCount(out int count);
            return status == 0 && count > 0 ? null : $"no NVIDIA GPU: cuDeviceGetCount returned {status} and {count} devices";
        }
    }

    /// <summary>Lets ILGPU find the driver where only its versioned file is installed.</summary>
    public static void Register()
    {
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(CudaAPI).Assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The engine has told ILGPU already.
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == "cuda" ? _library.Value : 0;

    private static nint Load()
    {
        foreach (string candidate in _candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
                return library;
        }

        return 0;
    }

    [LibraryImport("cuda", EntryPoint = "cuInit")]
    private static partial int Initialise(uint flags);

    [LibraryImport("cuda", EntryPoint = "cuDeviceGetCount")]
    private static partial int DeviceCount(out int count);
}
