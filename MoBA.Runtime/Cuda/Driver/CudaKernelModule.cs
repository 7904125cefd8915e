using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>A loaded module with the one kernel that is launched from it.</summary>
internal sealed class CudaKernelModule : IDisposable
{
    private const int MaxDynamicSharedBytes = 8;
    private const int LocalBytesAttribute = 3;
    private const int RegistersAttribute = 4;

    private readonly CudaDeviceContext _context;
    private readonly ModuleHandle _module;
    private readonly nint _function;
    private readonly uint _threads;
    private readonly uint _sharedBytes;

    private CudaKernelModule(CudaDeviceContext context, ModuleHandle module, nint function, string name, int threads, int sharedBytes)
    {
        (_context, _module, _function) = (context, module, function);
        (Name, _threads, _sharedBytes) = (name, (uint)threads, (uint)sharedBytes);
    }

    /// <summary>The kernel's name.</summary>
    public string Name { get; }

    /// <summary>Registers of a thread.</summary>
    public int Registers => Attribute(RegistersAttribute);

    /// <summary>Bytes of local memory of a thread: spilled registers among them.</summary>
    public int LocalBytes => Attribute(LocalBytesAttribute);

    /// <summary>Loads a kernel on the device.</summary>
    /// <param name="context">The device's.</param>
    /// <param name="ptx">The kernel's text, which the driver compiles and keeps in a cache of its own.</param>
    /// <param name="entry">The kernel's name in it.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="dynamicSharedBytes">Dynamic shared memory of a block in bytes; more than 48 KB is opted in.</param>
    /// <exception cref="CudaException">The driver refused; the message has the whole log of its compiler.</exception>
    public static unsafe CudaKernelModule Load(
        CudaDeviceContext context, ReadOnlySpan<byte> ptx, string entry, int threads, int dynamicSharedBytes)
    {
        using CurrentContext current = context.Enter();
        ModuleHandle module = LoadModule(context, ptx, entry);
        try
        {
            nint function;
            fixed (byte* name = Encoding.ASCII.GetBytes(entry + '\0'))
                context.Check(context.Driver.ModuleGetFunction(out function, module.Value, name), $"cuModuleGetFunction of {entry}");
            context.Check(
                context.Driver.FuncSetAttribute(function, MaxDynamicSharedBytes, dynamicSharedBytes),
                $"cuFuncSetAttribute of {entry} to {dynamicSharedBytes} bytes of shared memory, of which a block may have {context.Device.SharedBytes}");
            return new(context, module, function, entry, threads, dynamicSharedBytes);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    /// <summary>Launches the kernel and returns; the context must be current.</summary>
    /// <param name="stream">Where it runs.</param>
    /// <param name="grid">Blocks, at least 1.</param>
    /// <param name="parameters">A pointer to the value of each of the kernel's parameters; they are copied before this returns.</param>
    /// <exception cref="CudaException">The driver refused; the message names the kernel.</exception>
    public unsafe void Launch(CudaStream stream, uint grid, void** parameters)
    {
        CudaStatus status = _context.Driver.LaunchKernel(_function, grid, _threads, _sharedBytes, stream.Handle, parameters);
        if (status != CudaStatus.Success)
            _context.Throw(status, $"cuLaunchKernel of {Name} with {grid} blocks of {_threads} threads and {_sharedBytes} bytes of shared memory");
        GC.KeepAlive(this);
    }

    /// <summary>Unloads the module.</summary>
    public void Dispose() => _module.Dispose();

    private static unsafe ModuleHandle LoadModule(CudaDeviceContext context, ReadOnlySpan<byte> ptx, string entry)
    {
        byte[] terminated = new byte[ptx.Length + 1];   // PTX is a C string
        ptx.CopyTo(terminated);
        using JitLog log = new();
        nint module;
        CudaStatus status;
        fixed (byte* bytes = terminated)
        {
            do
                status = context.Driver.ModuleLoadDataEx(out module, bytes, log.Count, log.Names, log.Values);
            while (status != CudaStatus.Success && log.Grow());
        }

        if (status != CudaStatus.Success)
            context.Throw(status, $"cuModuleLoadDataEx of {entry}", log.Text);
        return new(context.Primary, module);
    }

    private int Attribute(int attribute)
    {
        using CurrentContext current = _context.Enter();
        _context.Check(_context.Driver.FuncGetAttribute(out int value, attribute, _function), "cuFuncGetAttribute");
        return value;
    }
}
