using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>A block gate by its definition: what it knows of every block, and the blocks that it chooses for every row.</summary>
internal sealed class ReferenceGate<T>
    where T : unmanaged
{
    private readonly ReferenceProblem<T> _problem;
    private readonly BlockGate _gate;
    private readonly int _group;
    private readonly Dictionary<(int FirstKey, int Keys), Block[]> _blocks = [];

    public ReferenceGate(ReferenceProblem<T> problem, BlockGate gate, CancellationToken cancellationToken)
    {
        (_problem, _gate) = (problem, gate);
        RouteHeads = gate.RouteHeads(problem.Heads, problem.KeyHeads);
        _group = problem.Heads / RouteHeads;
        foreach (ReferenceRow row in problem.Rows().DistinctBy(Sequence))
        {
            cancellationToken.ThrowIfCancellationRequested();
            _blocks[Sequence(row)] = [.. Enumerable.Range(0, gate.Blocks(row.Keys)).SelectMany(
                block => Enumerable.Range(0, problem.KeyHeads), (block, head) => Pool(row, block, head))];
        }
    }

    /// <summary>Heads that have routes of their own.</summary>
    public int RouteHeads { get; }

    /// <summary>The routes of every row.</summary>
    public ReferenceRoutes Routes(CancellationToken cancellationToken)
    {
        var routes = new ReferenceRoutes(_gate, _problem.QueryTokens, RouteHeads, _group);
        Parallel.ForEach(_problem.Rows(), new() { CancellationToken = cancellationToken }, row =>
        {
            for (int head = 0; head < RouteHeads; head++)
            {
                Choose(row, head, routes.Row(row.Token, head));
            }
        });
        return routes;
    }

    /// <summary>The row's own block, or -1 where it has none.</summary>
    public int OwnBlock(ReferenceRow row) =>
        row.Position >= 0 && row.Position / _gate.BlockSize < _gate.Blocks(row.Keys) ? row.Position / _gate.BlockSize : -1;

    /// <summary>How many blocks have ended before the row: these compete.</summary>
    public int PastBlocks(ReferenceRow row) =>
        row.Position < 0 ? 0 : Math.Min(row.Position / _gate.BlockSize, _gate.Blocks(row.Keys));

    /// <summary>The gates of a row's past blocks, and for each the sum of its terms' magnitudes, to which rounding is relative.</summary>
    public (double Gate, double Magnitude)[] Gates(ReferenceRow row, int routeHead)
    {
        var gates = new (double Gate, double Magnitude)[PastBlocks(row)];
        for (int i = 0; i < gates.Length; i++)
        {
            for (int head = routeHead * _group; head < (routeHead + 1) * _group; head++)
            {
                Block block = _blocks[Sequence(row)][(i * _problem.KeyHeads) + _problem.KeyHead(head)];
                (double gate, double magnitude) = block.Gate(_problem.Query(row, head));
                gates[i] = (gates[i].Gate + gate, gates[i].Magnitude + magnitude);
            }
        }

        return gates;
    }

    // Sequences without keys start where the next one does.
    private static (int FirstKey, int Keys) Sequence(ReferenceRow row) => (row.FirstKey, row.Keys);

    private void Choose(ReferenceRow row, int routeHead, Span<int> route)
    {
        // CompareTo ranks NaN lowest; of equal gates the later block wins.
        int[] best = [.. Gates(row, routeHead)
            .Select((gate, block) => (gate.Gate, Block: block))
            .OrderByDescending(x => x.Gate).ThenByDescending(x => x.Block)
            .Take(_gate.TopK - 1).Select(x => x.Block).Order()];
        route.Fill(-1);
        route[0] = OwnBlock(row);
        best.CopyTo(route[1..]);
    }

    private Block Pool(ReferenceRow row, int block, int keyHead)
    {
        int first = block * _gate.BlockSize, count = Math.Min(_gate.BlockSize, row.Keys - first);
        return _gate.Pooling == Pooling.Mean
            ? new(Mean(row, first, count, keyHead), null)
            : new(Fold(row, first, count, keyHead, Math.Min), Fold(row, first, count, keyHead, Math.Max));
    }

    private double[] Fold(ReferenceRow row, int first, int count, int keyHead, Func<double, double, double> fold)
    {
        double[] result = _problem.Key(row, first, keyHead).ToArray();
        for (int key = first + 1; key < first + count; key++)
        {
            ReadOnlySpan<double> vector = _problem.Key(row, key, keyHead);
            for (int i = 0; i < result.Length; i++)
            {
                result[i] = fold(result[i], vector[i]);
            }
        }

        return result;
    }

    /// <summary>The mean that the definition asks for: summed in float, rounded once to the keys' own type.</summary>
    private double[] Mean(ReferenceRow row, int first, int count, int keyHead)
    {
        double[] mean = new double[_problem.Dim];
        for (int i = 0; i < mean.Length; i++)
        {
            float largest = 0, sum = 0;
            for (int key = first; key < first + count; key++)
            {
                largest = Math.Max(largest, Math.Abs((float)_problem.Key(row, key, keyHead)[i]));
            }

            // Huge keys are summed as a fraction of a power of two: the same digits, without the overflow.
            float fraction = largest > float.MaxValue / count ? 1f / (1L << 32) : 1;
            for (int key = first; key < first + count; key++)
            {
                sum += (float)_problem.Key(row, key, keyHead)[i] * fraction;
            }

            mean[i] = Round(sum / count / fraction);
        }

        return mean;
    }

    private static double Round(float value) =>
        typeof(T) == typeof(Half) ? (double)(Half)value
        : typeof(T) == typeof(BFloat16) ? (float)(BFloat16)value
        : value;

    /// <summary>What the gate knows of a block and key head: the mean, or the least and the greatest values.</summary>
    private sealed record Block(double[] Low, double[]? High)
    {
        public (double Gate, double Magnitude) Gate(ReadOnlySpan<double> query)
        {
            (double gate, double magnitude) = (0, 0);
            for (int i = 0; i < query.Length; i++)
            {
                double term = query[i] * Low[i];
                if (High is not null)
                    term = Math.Max(term, query[i] * High[i]);
                gate += term;
                magnitude += Math.Abs(term);
            }

            return (gate, magnitude);
        }
    }
}
