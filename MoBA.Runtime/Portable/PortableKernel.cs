using ILGPU;
using ILGPU.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Portable;

/// <summary>An expert's kernel with its parameters and tables on the device, ready to be launched any number of times.</summary>
internal sealed class PortableKernel : PortableLaunch
{
    private readonly PortableCall _call;
    private Action<Index2D, PortableProblem>? _launch;

    private PortableKernel(PortableCall call) => _call = call;

    /// <summary>The kernel that <paramref name="expert"/>, one of an expert's launch methods, runs; null where it runs none.</summary>
    public static PortableKernel? Of(PortableCall call, Action<PortableLaunch> expert)
    {
        PortableKernel kernel = new(call);
        expert(kernel);
        return kernel._launch is null ? null : kernel;
    }

    /// <summary>Launches it over [rows, heads], or [units or entries, heads of a unit] where rows are gathered.</summary>
    public void Launch(int rows, int heads, PortableProblem problem)
    {
        if (rows > 0)
            _launch!(new Index2D(rows, heads), problem);
    }

    /// <inheritdoc/>
    public override PortableTable Table(ReadOnlyMemory<int> values, bool monotone)
    {
        RangeTree? ranges = monotone ? null : new(values.Span);
        PortableTable table = default;
        table.Length = values.Length;
        table.IsMonotone = monotone ? 1 : 0;
        table.Values = _call.Upload(values.Span).View.BaseView;
        table.Minima = ranges is null ? table.Values : _call.Upload<int>(ranges.Minima).View.BaseView;
        table.Maxima = ranges is null ? table.Values : _call.Upload<int>(ranges.Maxima).View.BaseView;
        return table;
    }

    /// <inheritdoc/>
    public override PortableFloatTable Table(ReadOnlyMemory<float> values)
    {
        PortableFloatTable table = default;
        table.Values = _call.Upload(values.Span).View.BaseView;
        return table;
    }

    /// <inheritdoc/>
    public override void Run<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel, TParameters parameters)
    {
        Action<Index2D, PortableProblem, TParameters> launch = _call.Device.Launcher(kernel);
        _launch = (index, problem) => launch(index, problem, parameters);
    }
}
