using System.Collections.Concurrent;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// Routed attention on all cores, chunk by chunk: a chunk's passes run one after another while its queries are in the cache, and
/// memory does not grow with what is routed. Passes: centroids (once a call), then gate, index, attend and combine.
/// </summary>
internal sealed class RoutedAttention(TileMath math, int workers) : IDisposable
{
    private const int FewestRows = 512;
    private const int MostRoutes = 1 << 22;

    private static readonly string[] _passes = ["gate", "index", "attend", "combine"];

    private readonly ConcurrentBag<RoutedWorker> _workers = [];
    private volatile bool _disposed;

    /// <summary>Attends one group of sequences with an expert that has a gate.</summary>
    public void Attend(BoundExpert expert, AttentionProblem problem, PackedKeys packed, PassClock clock, CancellationToken cancellation)
    {
        int heads = expert.Gate!.RouteHeads(problem.QueryHeads, problem.KeyHeads);
        WriteRows sink = new(problem);
        Run([expert], problem, packed, heads, clock, cancellation, (worker, place, routeHead) =>
        {
            int group = problem.QueryHeads / heads;
            Range queryHeads = new(routeHead * group, (routeHead + 1) * group);
            ReadOnlySpan<int> all = Ascending.Rows(place.Count);
            worker.Choose(expert, place, queryHeads, all, cancellation);
            WriteRoutes(expert.Gate, worker.Routes, place, routeHead, heads);
            for (int head = queryHeads.Start.Value; head < queryHeads.End.Value; head++)
            {
                worker.Rows.Load(place, packed, head, expert.NaturalScores);
                worker.Rows.Clear();
                worker.Times.End("attend");
                worker.AttendRouted(expert, all, sink, cancellation);
            }
        });
    }

    /// <summary>Attends one group of sequences with a mixture whose tokens have been routed.</summary>
    public void Attend(MixtureCall mixture, BoundExpert[] experts, AttentionProblem problem, PackedKeys packed, PassClock clock, CancellationToken cancellation)
    {
        Run(experts, problem, packed, problem.QueryHeads, clock, cancellation, (worker, place, head) =>
            new MixtureChunk(mixture, experts, worker, place, head, packed).Attend(cancellation));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        while (_workers.TryTake(out RoutedWorker? worker))
            worker.Dispose();
    }

    // Pass "centroids".
    private void Pool(
        IEnumerable<BoundExpert> experts, AttentionProblem problem, PackedKeys packed, PassClock clock, CancellationToken cancellation)
    {
        foreach (BoundExpert expert in experts.Where(static e => e.Gate is not null))
        {
            Centroids centroids = expert.Centroids = new(problem, expert.Gate!);
            new WorkQueue(centroids.Blocks, cancellation).Run(workers, queue =>
            {
                while (queue.TryTake(out long block))
                    centroids.Pool(packed, block);
            });
            clock.End("centroids");
        }
    }

    private void Run(
        BoundExpert[] experts, AttentionProblem problem, PackedKeys packed, int heads, PassClock clock, CancellationToken cancellation,
        Action<RoutedWorker, ChunkPlace, int> attend)
    {
        try
        {
            Pool(experts, problem, packed, clock, cancellation);
            int slots = experts.Max(e => problem.Sequences.Max(s => e.Gate?.Slots(s.Keys) ?? 0));
            RunChunks(new(problem, ChunkRows(problem, heads, slots), heads), problem, clock, cancellation, attend);
        }
        finally
        {
            foreach (BoundExpert expert in experts)
                expert.Centroids?.Dispose();
        }
    }

    private void RunChunks(
        QueryTiles chunks, AttentionProblem problem, PassClock clock, CancellationToken cancellation, Action<RoutedWorker, ChunkPlace, int> attend)
    {
        ConcurrentBag<PassTimes> times = [];
        new WorkQueue(chunks.Count, cancellation).Run(workers, queue =>
        {
            RoutedWorker worker = _workers.TryTake(out RoutedWorker? kept) ? kept : new(math);
            try
            {
                worker.Begin();
                while (queue.TryTake(out long item))
                {
                    QueryTileItem chunk = chunks[item];
                    worker.Times.Start();
                    attend(worker, new(problem, chunk.Sequence, chunk.First, chunk.Count), chunk.Head);
                }

                times.Add(worker.Times);
            }
            finally
            {
                Return(worker);
            }
        });
        PassTimes.Share(times, _passes, clock);
    }

    // Long lists fill tiles better; short chunks keep every core busy, and routes to many blocks small. What is computed is the same.
    private int ChunkRows(AttentionProblem problem, int heads, int slots)
    {
        int rows = QueryRows.MaxCount;
        while (rows > FewestRows && problem.Sequences.Sum(s => ((long)s.Queries + rows - 1) / rows * heads) < 8 * workers)
            rows /= 2;
        while (rows > CpuTile.QueryTile && (long)rows * slots > MostRoutes)
            rows /= 2;
        return rows;
    }

    private static unsafe void WriteRoutes(BlockGate gate, BlockRoutes routes, in ChunkPlace place, int head, int heads)
    {
        if (place.Problem.Routes is null)
            return;
        for (int row = 0; row < place.Count; row++)
        {
            Span<int> slots = new(place.Problem.Routes + ((long)(place.FirstToken + row) * heads + head) * gate.TopK, gate.TopK);
            slots.Fill(-1);
            int position = place.Position(row), own = position / gate.BlockSize;
            if (position >= 0 && own < gate.Blocks(place.Sequence.Keys))
                slots[0] = own;
            routes[row].CopyTo(slots[1..]);
        }
    }

    private void Return(RoutedWorker worker)
    {
        worker.Forget();
        if (_disposed)
            worker.Dispose();
        else
            _workers.Add(worker);
    }
}
