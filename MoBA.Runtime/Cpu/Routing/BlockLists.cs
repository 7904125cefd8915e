using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// Pass "index": the rows that were routed to each span of keys, ascending; a count, a scan and a stable scatter. A span is a block
/// where blocks are whole key tiles. Other blocks share key tiles: there a span is a key tile, and an entry says which columns of it
/// the row takes. Belongs to one worker.
/// </summary>
internal sealed class BlockLists
{
    private int _blockSize, _spanSize;
    private int[] _ends = [];       // [spans]: end of each list
    private int[] _lastRow = [];    // [spans]: the row that was entered last, where a row can be entered twice
    private int[] _entries = [];    // row * 16 + columns

    /// <summary>Spans of the sequence.</summary>
    public int Spans { get; private set; }

    /// <summary>Keys in a span.</summary>
    public int SpanSize => _spanSize;

    /// <summary>Whether rows take all of a span.</summary>
    public bool IsWhole => _spanSize == _blockSize;

    /// <summary>Sets the lists up for one sequence.</summary>
    public void Begin(int blockSize, int keys)
    {
        _blockSize = blockSize;
        _spanSize = blockSize % CpuTile.KeyTile == 0 ? blockSize : CpuTile.KeyTile;
        Spans = (int)(((long)keys + _spanSize - 1) / _spanSize);
        if (_ends.Length < Spans)
            (_ends, _lastRow) = (new int[Spans], new int[Spans]);
    }

    /// <summary>Lists the rows of <paramref name="which"/> by span.</summary>
    public void Build(ReadOnlySpan<int> which, BlockRoutes routes)
    {
        Count(which, routes);
        Scan();
        if (IsWhole)
            ScatterBlocks(which, routes);
        else
            ScatterColumns(which, routes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Count(ReadOnlySpan<int> which, BlockRoutes routes)
    {
        Span<int> ends = _ends.AsSpan(0, Spans);
        ends.Clear();
        if (!IsWhole)
            Array.Fill(_lastRow, -1, 0, Spans);
        foreach (int row in which)
        {
            foreach (int block in routes[row])
            {
                if (IsWhole)
                {
                    ends[block]++;
                    continue;
                }

                for (int span = First(block), last = Last(block); span <= last; span++)
                    ends[span] += Enter(span, row) ? 1 : 0;
            }
        }
    }

    // Ends become starts, which the scatter moves to the ends.
    private void Scan()
    {
        long sum = 0;
        for (int span = 0; span < Spans; span++)
            (_ends[span], sum) = ((int)sum, sum + _ends[span]);
        if (_entries.Length < sum)
        {
            _entries = [];
            _entries = MemoryBudget.Array<int>(sum + (sum / 4), "the queries of each block; a smaller TopK needs less");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScatterBlocks(ReadOnlySpan<int> which, BlockRoutes routes)
    {
        Span<int> ends = _ends.AsSpan(0, Spans), entries = _entries;
        foreach (int row in which)
        {
            foreach (int block in routes[row])
                entries[ends[block]++] = (row << 4) | RowSelection.AllColumns;
        }
    }

    private void ScatterColumns(ReadOnlySpan<int> which, BlockRoutes routes)
    {
        Array.Fill(_lastRow, -1, 0, Spans);
        foreach (int row in which)
        {
            foreach (int block in routes[row])
            {
                for (int span = First(block), last = Last(block); span <= last; span++)
                {
                    if (Enter(span, row))
                        _entries[_ends[span]++] = row << 4;
                    _entries[_ends[span] - 1] |= RowSelection.Bits((long)block * _blockSize, ((long)block + 1) * _blockSize, span * _spanSize);
                }
            }
        }
    }

    /// <summary>The entries of a span: row * 16 + columns.</summary>
    public ReadOnlySpan<int> this[int span]
    {
        get
        {
            int start = span == 0 ? 0 : _ends[span - 1];
            return _entries.AsSpan(start, _ends[span] - start);
        }
    }

    /// <summary>How many rows the arithmetic computes, which works on six at a time, if these rows stay side by side, and how many were
    /// routed to a span each; looks at every fourth six.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public (long Computed, long Routed) Overlap(ReadOnlySpan<int> which, BlockRoutes routes)
    {
        long blocksOfSix = 0, routed = 0;
        Array.Fill(_lastRow, -1, 0, Spans);
        const int sampled = 4 * TileMath.BlockRows;
        for (int i = 0; i < which.Length; i++)
        {
            if (i % sampled >= TileMath.BlockRows)
                continue;
            foreach (int block in routes[which[i]])
            {
                for (int span = First(block), last = Last(block); span <= last; span++, routed++)
                    blocksOfSix += Enter(span, i / sampled) ? 1 : 0;
            }
        }

        return (blocksOfSix * TileMath.BlockRows, routed);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Enter(int span, int row)
    {
        bool isNew = _lastRow[span] != row;
        _lastRow[span] = row;
        return isNew;
    }

    // Without a division where blocks are spans: this is done for every row and block.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int First(int block) => IsWhole ? block : (int)((long)block * _blockSize / CpuTile.KeyTile);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Last(int block) =>
        IsWhole ? block : Math.Min((int)((((long)block + 1) * _blockSize - 1) / CpuTile.KeyTile), Spans - 1);
}
