using System.Reflection;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>Finds NVIDIA's driver library, also where only its versioned file name is installed.</summary>
internal static class CudaLibrary
{
    /// <summary>The name that imports have.</summary>
    public const string Name = "cuda";

    private static readonly string[] _candidates = OperatingSystem.IsWindows()
        ? ["nvcuda.dll"]
        : ["libcuda.so.1", "libcuda.so", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib64/nvidia/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];

    private static readonly Lazy<nint> _library = new(Load);

    /// <summary>Whether there is one.</summary>
    public static bool IsThere => _library.Value != 0;

    /// <summary>Where it is looked for, for people.</summary>
    public static string Candidates => string.Join(", ", _candidates);

    /// <summary>Lets the imports of <see cref="NativeCudaDriver"/> find it.</summary>
    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(CudaLibrary).Assembly, Resolve);

    /// <summary>Lets the imports of another assembly find it, unless that assembly has a resolver of its own and knows.</summary>
    public static void Register(Assembly assembly)
    {
        try
        {
            NativeLibrary.SetDllImportResolver(assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // It has one.
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == Name ? _library.Value : 0;

    private static nint Load()
    {
        foreach (string candidate in _candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
                return library;
        }

        return 0;
    }
}
