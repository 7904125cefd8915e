using System.Collections.Concurrent;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// Routed attention on all cores, chunk by chunk: a chunk's passes run one after another while its queries are in the cache, and
/// memory does not grow with what is routed. Passes: centroids (once a call), then gate, index, attend and combine.
/// </summary>
internal sealed class RoutedAttention(TileMath math, int workers) : IDisposable
{
    private static readonly string[] _passes = ["gate", "index", "attend", "combine"];

    private readonly ConcurrentBag<RoutedWorker> _workers = [];
    private volatile bool _disposed;

    /// <summary>Attends one group of sequences with an expert that has a gate.</summary>
    public void Attend(BoundExpert expert, AttentionProblem problem, PackedKeys packed, PassClock clock, CancellationToken cancellation)
    {
        int heads = expert.Gate!.RouteHeads(problem.QueryHeads, problem.KeyHeads);
        Pool([expert], problem, packed, clock, cancellation);
        using Centroids? pooled = expert.Centroids;
        WriteRows sink = new(problem);
        Run(problem, heads, clock, cancellation, (worker, place, routeHead) =>
        {
            int group = problem.QueryHeads / heads;
            Range queryHeads = new(routeHead * group, (routeHead + 1) * group);
            ReadOnlySpan<int> all = Ascending.Rows(place.Count);
            worker.Choose(expert, place, queryHeads, all);
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
        Pool(experts, problem, packed, clock, cancellation);
        try
        {
            Run(problem, problem.QueryHeads, clock, cancellation, (worker, place, head) =>
                new MixtureChunk(mixture, experts, worker, place, head, packed).Attend(cancellation));
        }
        finally
        {
            foreach (BoundExpert expert in experts)
                expert.Centroids?.Dispose();
        }
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
        AttentionProblem problem, int heads, PassClock clock, CancellationToken cancellation, Action<RoutedWorker, ChunkPlace, int> attend)
    {
        QueryTiles chunks = new(problem, ChunkRows(problem, heads), heads);
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

    // Long lists fill tiles better; short chunks keep every core busy. What is computed is the same.
    private int ChunkRows(AttentionProblem problem, int heads)
    {
        int rows = QueryRows.MaxCount;
        while (rows > 512 && problem.Sequences.Sum(s => ((long)s.Queries + rows - 1) / rows * heads) < 4 * workers)
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

/// <summary>The rows 0, 1, 2 and so on.</summary>
internal static class Ascending
{
    private static readonly int[] _rows = [.. Enumerable.Range(0, QueryRows.MaxCount)];

    /// <summary>The first <paramref name="count"/> rows.</summary>
    public static ReadOnlySpan<int> Rows(int count) => _rows.AsSpan(0, count);
}
