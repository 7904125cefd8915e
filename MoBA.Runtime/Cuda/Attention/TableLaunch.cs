using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Cuda;

/// <summary>A launch that has copied the tables of a pattern to the device, once for all calls with equal ones.</summary>
internal abstract class TableLaunch(DeviceData data) : CudaLaunch
{
    /// <summary>Where tables are.</summary>
    protected DeviceData Data => data;

    /// <inheritdoc/>
    public sealed override CudaTable Table(ReadOnlyMemory<int> values, bool monotone)
    {
        CudaTable table = default;
        table.Length = values.Length;
        table.IsMonotone = monotone ? 1 : 0;
        if (values.IsEmpty)
            return table;
        TableContent<int> content = TableContent<int>.Of(values);
        if (monotone)
        {
            table.Values = table.Minima = table.Maxima = data.Get(content, static content => content.Values);
            return table;
        }

        // Both trees end in the values themselves.
        long bytes = (long)values.Length * sizeof(int);
        table.Minima = data.Get(content, static content => [.. RangeTree.Of(content).Minima, .. RangeTree.Of(content).Maxima]);
        table.Values = table.Minima + bytes;
        table.Maxima = table.Values + bytes;
        return table;
    }

    /// <inheritdoc/>
    public sealed override CudaFloatTable Table(ReadOnlyMemory<float> values)
    {
        CudaFloatTable table = default;
        if (!values.IsEmpty)
            table.Values = data.Get(TableContent<float>.Of(values), static content => content.Values);
        return table;
    }
}
