using System.Collections.Concurrent;
using System.Reflection;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Portable;

/// <summary>An ILGPU device with the portable kernels compiled for it so far.</summary>
internal sealed class PortableDevice : IDisposable
{
    private readonly Context _context;
    private readonly ConcurrentDictionary<MethodInfo, Delegate> _launchers = new();

    private PortableDevice(Context context, Accelerator accelerator)
    {
        _context = context;
        Accelerator = accelerator;
        Interleaves = IsGpu;
    }

    /// <summary>The device.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Whether it is more than ILGPU's CPU accelerator.</summary>
    public bool IsGpu => Accelerator.AcceleratorType != AcceleratorType.CPU;

    /// <summary>Whether rows are interleaved: best where neighbouring threads run in step and share memory transactions.</summary>
    public bool Interleaves { get; private init; }

    /// <summary>About how much memory the partial results of routed attention may take at a time.</summary>
    public long ScratchBytes { get; private init; } = 256L << 20;

    /// <summary>A CUDA device if there is one, else an OpenCL one, else ILGPU's CPU accelerator.</summary>
    public static PortableDevice Best()
    {
        CudaLibrary.Register(typeof(CudaAPI).Assembly);

        // O1: O2 moves loads past the last store of a loop.
        Context context = Context.Create(builder =>
            builder.Cuda().OpenCL().CPU(CpuDevice()).EnableAlgorithms().Optimize(OptimizationLevel.O1));
        foreach (Device device in context.Devices.OrderBy(Rank))
        {
            try
            {
                return new(context, device.CreateAccelerator(context));
            }
            catch (Exception exception) when (exception is AcceleratorException or NotSupportedException && device is not CPUDevice)
            {
                // Listed by its driver but not usable: the next best device will do.
            }
        }

        context.Dispose();
        throw new PlatformNotSupportedException("ILGPU found no device, not even its CPU accelerator.");
    }

    /// <summary>ILGPU's CPU accelerator.</summary>
    public static PortableDevice Cpu(long scratchBytes = 256L << 20, bool interleaves = false)
    {
        Context context = Context.Create(builder =>
            builder.CPU(CpuDevice()).EnableAlgorithms().Optimize(OptimizationLevel.O1));
        return new(context, context.GetCPUDevice(0).CreateCPUAccelerator(context)) { ScratchBytes = scratchBytes, Interleaves = interleaves };
    }

    /// <summary>The launcher of a kernel, compiled at its first use on this device. A group is one warp of neighbouring rows of one
    /// head: a larger one would be filled up with heads, of which there may be one.</summary>
    public Action<Index2D, PortableProblem, TParameters> Launcher<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel)
        where TParameters : struct =>
        (Action<Index2D, PortableProblem, TParameters>)_launchers.GetOrAdd(
            kernel.Method,
            _ => Accelerator.LoadImplicitlyGroupedStreamKernel(kernel, Accelerator.WarpSize));

    /// <inheritdoc/>
    public void Dispose()
    {
        Accelerator.Dispose();
        _context.Dispose();
    }

    // One group of two lanes per pair of cores: a lane is a thread of the operating system, and rows share nothing.
    private static CPUDevice CpuDevice() => new(2, 1, Math.Max(1, Environment.ProcessorCount / 2));

    private static int Rank(Device device) => device.AcceleratorType switch
    {
        AcceleratorType.Cuda => 0,
        AcceleratorType.OpenCL => 1,
        _ => 2,
    };
}
