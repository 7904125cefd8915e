namespace MoBA.Runtime.Cpu.Routing;

/// <summary>The past blocks that each row of a chunk was routed to, ascending; the own block is not among them.</summary>
internal sealed class BlockRoutes
{
    private int[] _blocks = [];
    private readonly int[] _counts = new int[QueryRows.MaxCount];
    private int _slots;

    /// <summary>Makes room for <paramref name="slots"/> blocks in each of <paramref name="rows"/> rows.</summary>
    /// <exception cref="InsufficientMemoryException">There is not as much memory.</exception>
    public void Reserve(int rows, int slots)
    {
        _slots = slots;
        long size = (long)rows * slots;
        if (_blocks.Length >= size)
            return;
        _blocks = [];
        _blocks = MemoryBudget.Array<int>(size, "the routes of a chunk of queries; a smaller TopK or a larger BlockSize needs less");
    }

    /// <summary>The blocks of a row.</summary>
    public ReadOnlySpan<int> this[int row] => _blocks.AsSpan(row * _slots, _counts[row]);

    /// <summary>Where the blocks of a row are written; <paramref name="count"/> of them.</summary>
    public Span<int> Write(int row, int count)
    {
        _counts[row] = count;
        return _blocks.AsSpan(row * _slots, count);
    }
}
