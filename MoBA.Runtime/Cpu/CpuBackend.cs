using System.Collections.Concurrent;
using MoBA.Runtime.Cpu.Routing;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// Blocked attention on all cores. Pass "pack" copies keys and values to float in the order that the tile arithmetic reads
/// them; pass "attend" runs the expert's kernel for every tile of queries. Every tile is computed by one thread in one order, so
/// results do not depend on the number of threads.
/// </summary>
internal sealed class CpuBackend(TileMath math, int workers, long groupBytes = CpuBackend.GroupBytes) : AttentionBackend
{
    // Packed keys and values at a time, unless one sequence needs more: short sequences are padded to a key tile.
    private const long GroupBytes = 256L << 20;

    private readonly ConcurrentBag<CpuTile> _tiles = [];
    private readonly RoutedAttention _routed = new(math, workers);
    private NativeBuffer? _workspace;
    private volatile bool _disposed;

    /// <summary>The best arithmetic on all cores.</summary>
    public CpuBackend()
        : this(TileMath.Best, Environment.ProcessorCount)
    {
    }

    /// <summary>Key tiles that the last call packed.</summary>
    internal long LastPacked { get; private set; }

    /// <inheritdoc/>
    public override Target Target => Target.Cpu;

    /// <inheritdoc/>
    public override string Description => $"CPU: {workers} threads, {math.Name}";

    /// <inheritdoc/>
    public override void Attend(ISparseExpert expert, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken)
    {
        BoundExpert bound = new(expert, problem.Extent);
        Attend([bound], problem, clock, cancellationToken, (group, packed) =>
        {
            if (bound.Gate is null)
                AttendTiles(bound.Kernel, group, packed, clock, cancellationToken);
            else
                _routed.Attend(bound, group, packed, clock, cancellationToken);
        });
    }

    /// <inheritdoc/>
    public override void AttendMixture(MixtureCall mixture, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken)
    {
        BoundExpert[] experts = [.. mixture.Experts.Select(e => new BoundExpert(e, problem.Extent))];
        Route(new TokenRouting(mixture, problem), problem.Sequences.Max(static s => s.FirstQueryToken + s.Queries), cancellationToken);
        clock.End("route");
        using OutputApart? apart = OutputApart.Of(problem, experts);
        Attend(experts, apart?.Problem ?? problem, clock, cancellationToken, (group, packed) =>
            _routed.Attend(mixture, experts, group, packed, clock, cancellationToken));
        apart?.CopyTo(problem.Output);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _disposed = true;
        Interlocked.Exchange(ref _workspace, null)?.Dispose();
        _routed.Dispose();
        while (_tiles.TryTake(out CpuTile? tile))
            tile.Free();
    }

    // Group by group: pass "pack", then the passes of attend.
    private void Attend(
        BoundExpert[] experts, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken, Action<AttentionProblem, PackedKeys> attend)
    {
        AttentionProblem[] groups = [.. Groups(problem)];
        NativeBuffer workspace = RentWorkspace(groups.Max(PackedKeys.Bytes));
        LastPacked = 0;
        try
        {
            foreach (AttentionProblem group in groups)
            {
                PackedKeys packed = Pack(ReachedTiles.Of(experts, group), group, workspace, cancellationToken);
                LastPacked += packed.Packed;
                clock.End("pack");
                attend(group, packed);
            }
        }
        finally
        {
            ReturnWorkspace(workspace);
        }
    }

    private void Route(TokenRouting routing, int tokens, CancellationToken cancellationToken)
    {
        new WorkQueue((tokens + TokenRouting.Chunk - 1) / TokenRouting.Chunk, cancellationToken).Run(workers, queue =>
        {
            while (queue.TryTake(out long chunk))
                routing.Route(chunk, tokens);
        });
        routing.Check();
    }

    // Runs of sequences, each as long as fits.
    private IEnumerable<AttentionProblem> Groups(AttentionProblem problem)
    {
        AttentionSequence[] sequences = problem.Sequences;
        long bound = Math.Max(groupBytes, sequences.Max(s => PackedKeys.Bytes(problem, s)));
        int first = 0;
        long bytes = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            long more = PackedKeys.Bytes(problem, sequences[i]);
            if (bytes + more > bound)
            {
                yield return problem.Part(first..i);
                (first, bytes) = (i, 0);
            }

            bytes += more;
        }

        yield return problem.Part(first..);
    }

    private unsafe PackedKeys Pack(long[]? reached, AttentionProblem problem, NativeBuffer workspace, CancellationToken cancellationToken)
    {
        PackedKeys packed = new(problem, math, workspace.Floats);
        ForEachTile(reached, packed, packed.Pack, cancellationToken);
        if (packed.MustShrinkValues())
            ForEachTile(reached, packed, packed.ShrinkValues, cancellationToken);
        return packed;
    }

    private void ForEachTile(long[]? reached, PackedKeys packed, Action<long> work, CancellationToken cancellationToken)
    {
        new WorkQueue(reached?.Length ?? packed.Tiles, cancellationToken).Run(workers, queue =>
        {
            while (queue.TryTake(out long item))
                work(reached is null ? item : reached[item]);
        });
    }

    private void AttendTiles(
        CpuKernel? kernel, AttentionProblem problem, PackedKeys packed, PassClock clock, CancellationToken cancellationToken)
    {
        QueryTiles items = new(problem);
        new WorkQueue(items.Count, cancellationToken).Run(workers, queue =>
        {
            CpuTile tile = _tiles.TryTake(out CpuTile? kept) ? kept : new CpuTile(math);
            try
            {
                while (queue.TryTake(out long item))
                    AttendTile(kernel, problem, packed, tile, items[item], cancellationToken);
            }
            finally
            {
                ReturnTile(tile);
            }
        });
        clock.End("attend");
    }

    /// <summary>Bytes of the workspace that is kept.</summary>
    internal long KeptBytes => _workspace?.Bytes ?? 0;

    private static void AttendTile(
        CpuKernel? kernel, AttentionProblem problem, PackedKeys packed, CpuTile tile, QueryTileItem item, CancellationToken cancellationToken)
    {
        tile.Begin(problem, packed, item.Sequence, item.Head, item.First, item.Count, kernel, cancellationToken);
        if (kernel is not null)
            tile.Attend(kernel, 0, tile.Keys, selection: null);
        tile.End(problem);
    }

    // The largest workspace is kept between calls: fresh pages cost about as much as packing into them.
    private NativeBuffer RentWorkspace(long bytes)
    {
        NativeBuffer? kept = Interlocked.Exchange(ref _workspace, null);
        if (kept is not null && kept.Bytes >= bytes)
            return kept;
        kept?.Dispose();
        return new NativeBuffer(bytes, "packed keys and values");
    }

    private void ReturnWorkspace(NativeBuffer workspace)
    {
        NativeBuffer? kept = Interlocked.Exchange(ref _workspace, null);
        (NativeBuffer large, NativeBuffer? small) = kept is null || kept.Bytes <= workspace.Bytes ? (workspace, kept) : (kept, workspace);
        small?.Dispose();
        Interlocked.Exchange(ref _workspace, large)?.Dispose();
        if (_disposed)
            Interlocked.Exchange(ref _workspace, null)?.Dispose();
    }

    private void ReturnTile(CpuTile tile)
    {
        tile.Forget();
        if (_disposed)
            tile.Free();
        else
            _tiles.Add(tile);
    }
}
