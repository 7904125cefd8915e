using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>What the entries of a list take of one span.</summary>
internal sealed class ListedColumns : RowSelection
{
    private readonly byte[] _columns = new byte[CpuTile.QueryTile];

    /// <summary>The columns of each row of the tile; the same for every key tile of the span.</summary>
    public Span<byte> Of => _columns;

    /// <inheritdoc/>
    public override bool Select(int k0, ReadOnlySpan<int> positions, Span<byte> columns)
    {
        Span<byte> rows = _columns.AsSpan(0, positions.Length);
        rows.CopyTo(columns);
        return !rows.ContainsAnyExcept((byte)AllColumns);
    }
}

/// <summary>Every row's own block.</summary>
internal sealed class OwnBlock : RowSelection
{
    /// <summary>Keys in a block.</summary>
    public int BlockSize { get; set; }

    /// <summary>The own block's columns of a query in the key tile at <paramref name="k0"/>; none before the first key.</summary>
    public int Bits(int position, int k0)
    {
        long first = (long)(position / BlockSize) * BlockSize;
        return position < 0 ? 0 : Bits(first, first + BlockSize, k0);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override bool Select(int k0, ReadOnlySpan<int> positions, Span<byte> columns)
    {
        int all = AllColumns;
        for (int row = 0; row < positions.Length; row++)
        {
            columns[row] = (byte)Bits(positions[row], k0);
            all &= columns[row];
        }

        return all == AllColumns;
    }
}

/// <summary>What neither a row's own block nor its routed blocks have: the keys that are left for <c>Always</c>.</summary>
internal sealed class BesideRoutes(OwnBlock own) : RowSelection
{
    private BlockRoutes? _routes;
    private int[] _rows = [];

    /// <summary>Says where the rows of the tile find their routes.</summary>
    public void Of(BlockRoutes routes, ReadOnlySpan<int> rows)
    {
        _routes = routes;
        if (_rows.Length < rows.Length)
            _rows = new int[CpuTile.QueryTile];
        rows.CopyTo(_rows);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override bool Select(int k0, ReadOnlySpan<int> positions, Span<byte> columns)
    {
        int size = own.BlockSize, first = k0 / size, last = (int)(((long)k0 + CpuTile.KeyTile - 1) / size), all = AllColumns;
        for (int row = 0; row < positions.Length; row++)
        {
            int taken = own.Bits(positions[row], k0);
            ReadOnlySpan<int> blocks = _routes![_rows[row]];
            for (int block = first; block <= last; block++)
            {
                if (blocks.Contains(block))
                    taken |= Bits((long)block * size, ((long)block + 1) * size, k0);
            }

            columns[row] = (byte)(AllColumns & ~taken);
            all &= columns[row];
        }

        return all == AllColumns;
    }
}
