using MoBA.Runtime.Cpu;

namespace MoBA.Runtime;

/// <summary>What an expert costs at given lengths: the keys that its queries attend, counted on up to 1,024 query tokens that are
/// spread evenly.</summary>
public sealed class ExpertCost
{
    private const int MaxSamples = 1024;
    private const int Leaf = 64;

    private readonly int _stride;
    private readonly float[][] _keys;

    private ExpertCost(string name, int tokens, int stride, float[][] keys)
    {
        (Name, _stride, _keys) = (name, stride, keys);
        KeysPerToken = tokens == 0 ? 0 : Enumerable.Range(0, tokens).Average(token => keys.Average(head => (double)head[token / stride]));
    }

    /// <summary>The expert's name.</summary>
    public string Name { get; }

    /// <summary>Keys that a token attends, the mean over tokens and heads.</summary>
    public double KeysPerToken { get; }

    /// <summary>Counts the keys that an expert attends. Of a block gate, which blocks it chooses is not known: every past block is
    /// taken to be as likely as another.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="queryTokens">Query tokens.</param>
    /// <param name="keyTokens">Key tokens.</param>
    /// <param name="queryHeads">Query heads.</param>
    /// <param name="options">Sequences and positions; null is one sequence with the last query at the last key.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <exception cref="ArgumentException">An option, or a parameter of the expert, does not fit.</exception>
    public static ExpertCost Measure(
        ISparseExpert expert, int queryTokens, int keyTokens, int queryHeads, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentOutOfRangeException.ThrowIfNegative(queryTokens);
        ArgumentOutOfRangeException.ThrowIfNegative(keyTokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(queryHeads, 1);
        AttentionSequence[] sequences = AttentionChecks.Sequences(options ?? new(), queryTokens, keyTokens);
        int stride = Math.Max(1, (queryTokens + MaxSamples - 1) / MaxSamples);
        int samples = (queryTokens + stride - 1) / stride;
        float[][] keys = [.. Enumerable.Range(0, queryHeads).Select(_ => new float[samples])];
        if (AttentionChecks.Extent(sequences, queryHeads) is { } extent)
        {
            Counter counter = new(expert, expert.Bind(extent), expert.BindAlways(extent));
            int distinct = expert.Info.DependsOnHead ? queryHeads : 1;
            Parallel.For(0, samples, new() { CancellationToken = cancellationToken }, sample =>
            {
                // Not the first of every stride, which a strided pattern would see as one residue.
                int token = Math.Min((sample * stride) + (int)(sample * 2654435761L % stride), queryTokens - 1);
                AttentionSequence s = Array.Find(sequences, s => token >= s.FirstQueryToken && token < s.FirstQueryToken + s.Queries);
                for (int head = 0; head < queryHeads; head++)
                {
                    keys[head][sample] = head < distinct
                        ? (float)counter.Keys(s.Position + token - s.FirstQueryToken, s.Keys, head)
                        : keys[0][sample];
                }
            });
        }

        return new(expert.Info.Name, queryTokens, stride, keys);
    }

    /// <summary>Keys that a query of one head attends, from the nearest token that was counted.</summary>
    internal float At(int token, int head) => _keys[head][token / _stride];

    /// <summary>Counts the keys of single rows.</summary>
    private sealed class Counter(ISparseExpert expert, CpuKernel kernel, CpuKernel? always)
    {
        public double Keys(int position, int keys, int head)
        {
            if (expert.Gate is not { } gate)
                return Attended(position, 0, keys, head);
            if (position < 0)
                return Besides(position, 0, keys, head);

            int own = (int)Math.Min(keys, (long)position / gate.BlockSize * gate.BlockSize);
            int next = (int)Math.Min(keys, (long)own + gate.BlockSize);
            int past = gate.Blocks(own);
            double chosen = past == 0 ? 0 : Math.Min(gate.TopK - 1, past) / (double)past;
            return Attended(position, own, next, head)
                + (chosen * Attended(position, 0, own, head))
                + ((1 - chosen) * Besides(position, 0, own, head))
                + Besides(position, next, keys, head);
        }

        private long Attended(int position, int first, int end, int head) =>
            Count(kernel, static (expert, q, k, head) => expert.Attends(q, k, head), position, first, end, head);

        private long Besides(int position, int first, int end, int head) => always is null
            ? 0
            : Count(always, static (expert, q, k, head) => expert.Always(q, k, head) && expert.Attends(q, k, head), position, first, end, head);

        private long Count(CpuKernel kernel, Func<ISparseExpert, int, int, int, bool> attends, int position, int first, int end, int head)
        {
            if (first >= end)
                return 0;
            switch (kernel.Classify(position, position, first, end - 1, head))
            {
                case TileKind.Full:
                    return end - first;
                case TileKind.Empty:
                    return 0;
            }

            if (end - first > Leaf)
            {
                int middle = first + ((end - first) / 2);
                return Count(kernel, attends, position, first, middle, head) + Count(kernel, attends, position, middle, end, head);
            }

            int count = 0;
            for (int key = first; key < end; key++)
            {
                count += attends(expert, position, key, head) ? 1 : 0;
            }

            return count;
        }
    }
}
