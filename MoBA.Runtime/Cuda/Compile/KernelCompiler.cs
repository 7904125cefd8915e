using System.Reflection;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Compiles attention kernels to PTX that still holds tile instructions, by ILGPU and without a device. ILGPU compiles one kernel
/// on all cores and starves the thread pool where several are compiled at once, so there is one compilation at a time in a process.
/// Each has a context of its own: a compilation that failed spoils its context, a new one takes milliseconds, and compiling a
/// second pattern in an old one is hardly faster.
/// </summary>
internal sealed class KernelCompiler
{
    /// <summary>What the text depends on beside the kernel; part of the key under which it is kept.</summary>
    public const string Options = "O1, algorithms, PTX 8.7";

    private static readonly Lock _one = new();
    private static readonly Lazy<Task> _warm = new(static () => Task.Run(CompileSmallest), LazyThreadSafetyMode.ExecutionAndPublication);

    private int _compilations;

    /// <summary>Kernels that this compiler has compiled or failed to.</summary>
    public int Compilations => Volatile.Read(ref _compilations);

    /// <summary>Has .NET compile what of ILGPU every kernel runs through, in the background and once in a process: it takes a third
    /// of the time of a first kernel off it.</summary>
    public static Task Warm() => _warm.Value;

    /// <summary>The PTX of a kernel, tile instructions included.</summary>
    /// <param name="source">The kernel.</param>
    /// <param name="target">The machine.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <exception cref="NotSupportedException">ILGPU cannot compile it; the message names the pattern.</exception>
    public string Compile(KernelSource source, KernelTarget target, int threads)
    {
        Interlocked.Increment(ref _compilations);
        try
        {
            return Compile(source.Method, target, threads);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new NotSupportedException(
                $"{source.Pattern} cannot be compiled as a tensor-core kernel for {target}: {Cause(e)} "
                + "Run it with Target.Portable or Target.Cpu; and please report its predicate and this message, as every pattern should compile.",
                e);
        }
    }

    private static string Compile(MethodInfo kernel, KernelTarget target, int threads)
    {
        lock (_one)
        {
            using Context context = Context.Create(static builder => builder.Optimize(OptimizationLevel.O1).EnableAlgorithms());
            using PTXBackend backend = new(context, Architecture(target), CudaInstructionSet.ISA_87, null!);
            EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
            return ((PTXCompiledKernel)backend.Compile(entry, new KernelSpecialization(threads, 1))).PTXAssembly;
        }
    }

    private static CudaArchitecture Architecture(KernelTarget target) => target switch
    {
        KernelTarget.Sm80 => CudaArchitecture.SM_80,
        KernelTarget.Sm90a => CudaArchitecture.SM_90,
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "not a machine that kernels are made for"),
    };

    // ILGPU wraps what went wrong in errors that say only that something did.
    private static string Cause(Exception e)
    {
        while (e.InnerException is not null)
            e = e.InnerException;
        return e.Message.EndsWith('.') ? e.Message : e.Message + ".";
    }

    private static void CompileSmallest() =>
        Compile(typeof(SmallestKernel).GetMethod(nameof(SmallestKernel.Attend))!, KernelTarget.Sm90a, 128);
}
