using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>One launch of a portable kernel: the tensors of one call on the device, and what a generated expert needs to start
/// its kernel on them.</summary>
public abstract class PortableLaunch
{
    /// <summary>Copies an int table to the device.</summary>
    public abstract PortableTable Table(ReadOnlyMemory<int> values, bool monotone);

    /// <summary>Copies a float table to the device.</summary>
    public abstract PortableFloatTable Table(ReadOnlyMemory<float> values);

    /// <summary>Runs <paramref name="kernel"/> over [query rows, query heads] of every sequence.</summary>
    /// <param name="kernel">A public static method of a public class.</param>
    /// <param name="parameters">The expert's parameters; at least one field.</param>
    public abstract void Run<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel, TParameters parameters)
        where TParameters : struct;
}
