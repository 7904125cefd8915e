namespace MoBA.Runtime.Cpu.Routing;

/// <summary>The past blocks that each row of a chunk was routed to, ascending; the own block is not among them.</summary>
internal sealed class BlockRoutes
{
    private int[] _blocks = [];
    private readonly int[] _counts = new int[QueryRows.MaxCount];
    private int _slots;

    /// <summary>Makes room for <paramref name="slots"/> blocks a row.</summary>
    public void Reserve(int slots)
    {
        _slots = slots;
        if (_blocks.Length < (long)slots * QueryRows.MaxCount)
            _blocks = new int[slots * QueryRows.MaxCount];
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
