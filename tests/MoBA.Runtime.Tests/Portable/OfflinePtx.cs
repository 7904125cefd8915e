using System.Reflection;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Portable;

/// <summary>Compiles implicitly grouped kernels to PTX on machines without a GPU.</summary>
internal static class OfflinePtx
{
    /// <summary>PTX text of a kernel. Every call has a context of its own: one failed compilation spoils a context for all later
    /// ones.</summary>
    public static string Compile(MethodInfo kernel) => Compile(EntryPointDescription.FromImplicitlyGroupedKernel(kernel), 64);

    /// <summary>PTX text of a kernel that is started in groups of so many threads.</summary>
    public static string CompileGrouped(MethodInfo kernel, int threads) => Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), threads);

    private static string Compile(EntryPointDescription entry, int threads)
    {
        using Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O1).EnableAlgorithms());
        using var backend = new PTXBackend(context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_84, null!);
        var compiled = (PTXCompiledKernel)backend.Compile(entry, new KernelSpecialization(threads, null));
        return compiled.PTXAssembly;
    }
}
