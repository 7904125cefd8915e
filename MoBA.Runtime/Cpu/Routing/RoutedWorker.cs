using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// One worker of a routed call: attends chunks of queries, expert by expert. Every row meets its keys in one order, the routed past
/// blocks ascending, the own block, then what <c>Always</c> adds, so that neither chunks nor tiles nor threads change a bit.
/// </summary>
internal sealed class RoutedWorker : IDisposable
{
    // Rows that are attended side by side may cost this much more than their routes ask for, and still be cheaper than gathering.
    private const double WorthwhileOverlap = 1.25;

    private readonly TileMath _math;
    private readonly CpuTile _tile;
    private readonly BlockLists _lists = new();
    private readonly ListedColumns _listed = new();
    private readonly OwnBlock _own = new();
    private readonly BesideRoutes _beside;
    private readonly int[] _gathered = new int[QueryRows.MaxCount];
    private readonly int[] _tileRows = new int[CpuTile.QueryTile];
    private readonly bool[] _isGathered = new bool[(QueryRows.MaxCount / CpuTile.QueryTile) + 1];
    private readonly Dictionary<BlockGate, BlockChooser> _choosers = [];

    /// <summary>A worker that computes with <paramref name="math"/>.</summary>
    public RoutedWorker(TileMath math)
    {
        _math = math;
        _tile = new(math);
        _beside = new(_own);
    }

    /// <summary>The chunk's queries and softmax states.</summary>
    public QueryRows Rows { get; } = new();

    /// <summary>The blocks that the rows of the chunk were routed to.</summary>
    public BlockRoutes Routes { get; } = new();

    /// <summary>Rows of the chunk that were routed to the expert at hand.</summary>
    public int[] Routed { get; } = new int[QueryRows.MaxCount];

    /// <summary>The weighted sums of the chunk.</summary>
    public WeightedRows Weighted { get; } = new();

    /// <summary>Where this worker's time goes.</summary>
    public PassTimes Times { get; private set; } = new();

    /// <summary>Starts a call.</summary>
    public void Begin() => Times = new();

    /// <summary>Pass "gate": routes rows of a chunk.</summary>
    public void Choose(BoundExpert expert, in ChunkPlace place, Range heads, ReadOnlySpan<int> which, CancellationToken cancellation)
    {
        BlockGate gate = expert.Gate!;
        if (!_choosers.TryGetValue(gate, out BlockChooser? chooser))
            _choosers.Add(gate, chooser = BlockChooser.Create(gate, _math));
        Routes.Reserve(place.Count, gate.Slots(place.Sequence.Keys));
        chooser.Choose(expert.Centroids!, place, heads, which, Routes, cancellation);
        Times.End("gate");
    }

    /// <summary>Attends rows of a chunk with an expert that has no gate.</summary>
    public void Attend(BoundExpert expert, ReadOnlySpan<int> which, ITileSink sink, CancellationToken cancellation)
    {
        for (int first = 0; first < which.Length; first += CpuTile.QueryTile)
        {
            ReadOnlySpan<int> rows = which.Slice(first, Math.Min(CpuTile.QueryTile, which.Length - first));
            _tile.Take(Rows, rows, cancellation);
            if (expert.Kernel is { } kernel)
                _tile.Attend(kernel, 0, _tile.Keys, selection: null);
            sink.Take(_tile, rows);
        }

        Times.End("attend");
    }

    /// <summary>Attends rows of a chunk, which were routed to blocks, with an expert that has a gate.</summary>
    public void AttendRouted(BoundExpert expert, ReadOnlySpan<int> which, ITileSink sink, CancellationToken cancellation)
    {
        int keys = Rows.Problem.Sequences[Rows.Sequence].Keys;
        _own.BlockSize = expert.Gate!.BlockSize;
        _lists.Begin(_own.BlockSize, keys);
        ReadOnlySpan<int> gathered = Split(which);
        _lists.Build(gathered, Routes);
        Times.End("index");

        AttendGathered(expert, cancellation);
        for (int first = 0; first < which.Length; first += CpuTile.QueryTile)
        {
            ReadOnlySpan<int> rows = which.Slice(first, Math.Min(CpuTile.QueryTile, which.Length - first));
            _tile.Take(Rows, rows, cancellation);
            if (!_isGathered[first / CpuTile.QueryTile])
                AttendSideBySide(expert, rows);
            AttendOwnAndAlways(expert, rows, keys);
            sink.Take(_tile, rows);
        }

        Times.End("attend");
    }

    /// <summary>Pass "combine": hands rows on as they are.</summary>
    public void Finish(ReadOnlySpan<int> which, ITileSink sink, CancellationToken cancellation)
    {
        for (int first = 0; first < which.Length; first += CpuTile.QueryTile)
        {
            ReadOnlySpan<int> rows = which.Slice(first, Math.Min(CpuTile.QueryTile, which.Length - first));
            _tile.Take(Rows, rows, cancellation);
            sink.Take(_tile, rows);
        }

        Times.End("combine");
    }

    /// <summary>Forgets the call, so that a worker which is kept keeps nothing else.</summary>
    public void Forget()
    {
        _tile.Forget();
        Rows.Forget();
        foreach (BlockChooser chooser in _choosers.Values)
            chooser.Dispose();
        _choosers.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tile.Free();
        Rows.Dispose();
    }

    // Tiles whose rows agree on their blocks are attended side by side; the rows of the others are gathered block by block.
    private ReadOnlySpan<int> Split(ReadOnlySpan<int> which)
    {
        int count = 0;
        for (int first = 0; first < which.Length; first += CpuTile.QueryTile)
        {
            ReadOnlySpan<int> rows = which.Slice(first, Math.Min(CpuTile.QueryTile, which.Length - first));
            (long computed, long routed) = _lists.Overlap(rows, Routes);
            bool isGathered = computed > WorthwhileOverlap * routed;
            _isGathered[first / CpuTile.QueryTile] = isGathered;
            if (isGathered)
            {
                rows.CopyTo(_gathered.AsSpan(count));
                count += rows.Length;
            }
        }

        return _gathered.AsSpan(0, count);
    }

    // Key-block-major: all rows of the chunk that were routed to a block, a tile at a time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendGathered(BoundExpert expert, CancellationToken cancellation)
    {
        for (int span = 0; span < _lists.Spans; span++)
        {
            ReadOnlySpan<int> entries = _lists[span];
            for (int first = 0; first < entries.Length; first += CpuTile.QueryTile)
            {
                int count = Math.Min(CpuTile.QueryTile, entries.Length - first);
                for (int i = 0; i < count; i++)
                {
                    _tileRows[i] = entries[first + i] >> 4;
                    _listed.Of[i] = (byte)(entries[first + i] & RowSelection.AllColumns);
                }

                ReadOnlySpan<int> rows = _tileRows.AsSpan(0, count);
                _tile.Take(Rows, rows, cancellation);
                AttendSpan(expert, span, _lists.IsWhole ? null : _listed);
                _tile.PutBack(Rows, rows);
            }
        }
    }

    // Query-tile-major: the union of the blocks of a tile's rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendSideBySide(BoundExpert expert, ReadOnlySpan<int> rows)
    {
        Times.End("attend");
        _lists.Build(rows, Routes);
        Times.End("index");
        for (int span = 0; span < _lists.Spans; span++)
        {
            ReadOnlySpan<int> entries = _lists[span];
            if (entries.IsEmpty)
                continue;
            Span<byte> columns = _listed.Of;
            for (int row = 0, entry = 0; row < rows.Length; row++)
            {
                bool isListed = entry < entries.Length && entries[entry] >> 4 == rows[row];
                columns[row] = isListed ? (byte)(entries[entry++] & RowSelection.AllColumns) : (byte)0;
            }

            AttendSpan(expert, span, _listed);
        }
    }

    private void AttendSpan(BoundExpert expert, int span, RowSelection? selection)
    {
        long first = (long)span * _lists.SpanSize;
        _tile.Attend(expert.Kernel!, (int)first, (int)Math.Min(first + _lists.SpanSize, _tile.Keys), selection);
    }

    private void AttendOwnAndAlways(BoundExpert expert, ReadOnlySpan<int> rows, int keys)
    {
        int size = _own.BlockSize;
        if (expert.Kernel is { } kernel && _tile.Q1 >= 0)
        {
            long first = (long)(Math.Max(_tile.Q0, 0) / size) * size, end = ((long)(_tile.Q1 / size) + 1) * size;
            _tile.Attend(kernel, (int)Math.Min(first, keys), (int)Math.Min(end, keys), _own);
        }

        if (expert.Always is { } always)
        {
            _beside.Of(Routes, rows);
            _tile.Attend(always, 0, keys, _beside);
        }
    }
}
