namespace MoBA.Runtime.Cpu.Routing;

/// <summary>Which keys each row of a tile takes, apart from what its expert's predicate says: in runs of sixteen, since blocks are
/// multiples of it.</summary>
internal abstract class RowSelection
{
    /// <summary>Keys that are selected together.</summary>
    public const int Columns = BlockGate.BlockStep;

    /// <summary>All columns of a key tile.</summary>
    public const int AllColumns = (1 << (CpuTile.KeyTile / Columns)) - 1;

    /// <summary>Writes what each row takes of the key tile at <paramref name="k0"/>: bit g are the keys from k0 + 16 g on.</summary>
    /// <param name="k0">Start of the key tile.</param>
    /// <param name="positions">Absolute positions of the rows.</param>
    /// <param name="columns">Takes the bits, one byte a row.</param>
    /// <returns>Whether every row takes all of it, so that nothing needs to be hidden.</returns>
    public abstract bool Select(int k0, ReadOnlySpan<int> positions, Span<byte> columns);

    /// <summary>The bits of the keys [<paramref name="first"/>, <paramref name="end"/>), both multiples of 16, in the key tile at
    /// <paramref name="k0"/>.</summary>
    public static int Bits(long first, long end, int k0)
    {
        const int groups = CpuTile.KeyTile / Columns;
        int from = (int)Math.Clamp((first - k0) / Columns, 0, groups);
        int to = (int)Math.Clamp((end - k0) / Columns, 0, groups);
        return ((1 << to) - 1) & ~((1 << from) - 1);
    }
}
