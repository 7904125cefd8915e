using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoBA.Runtime.Cpu;

/// <summary>A <c>float</c> table that a score modifier reads by position. It holds a copy of the values.</summary>
public sealed unsafe class FloatTable
{
    private readonly float[] _values;
    private readonly string _name;

    /// <summary>Copies a table.</summary>
    /// <param name="values">The values by position.</param>
    /// <param name="name">The table's name for messages.</param>
    /// <exception cref="ArgumentException"><paramref name="values"/> is null.</exception>
    public FloatTable(float[]? values, string name)
        : this(
            (ReadOnlyMemory<float>)(values ?? throw new ArgumentException($"table '{name}' is null; give it one value for every position.", name)),
            name)
    {
    }

    /// <inheritdoc cref="FloatTable(float[], string)"/>
    public FloatTable(ReadOnlyMemory<float> values, string name)
    {
        _values = TableContent<float>.Of(values).Values;
        _name = name;
    }

    /// <summary>Number of values.</summary>
    public int Length => _values.Length;

    /// <summary>The value at a position.</summary>
    public float this[long index] => _values[index];

    /// <summary>The values at sixteen positions.</summary>
    /// <exception cref="IndexOutOfRangeException">A position is outside the table.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Vector512<float> Gather(Vector512<int> index)
    {
        TableIndex.Check(index, _values.Length);
        fixed (float* values = _values)
        {
            if (Avx2.IsSupported)
            {
                return Vector512.Create(
                    Avx2.GatherVector256(values, index.GetLower(), sizeof(float)),
                    Avx2.GatherVector256(values, index.GetUpper(), sizeof(float)));
            }

            Vector512<float> result = default;
            for (int lane = 0; lane < Vector512<float>.Count; lane++)
                result = result.WithElement(lane, values[index[lane]]);
            return result;
        }
    }

    /// <inheritdoc cref="IntTable.Covering"/>
    public FloatTable Covering(long first, long last)
    {
        TableIndex.CheckCovers(_name, _values.Length, first, last);
        return this;
    }
}
