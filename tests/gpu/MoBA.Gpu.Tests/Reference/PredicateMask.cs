using System.Collections.Concurrent;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Reference;

/// <summary>Where the queries and keys of a sequence stand: query i at position Start + i, key i at i.</summary>
internal readonly record struct Positions(int Queries, int Keys, int Start);

/// <summary>The author's predicate over all pairs of a sequence, a bit a pair; what was asked once is remembered.</summary>
internal sealed class PredicateMask
{
    // Masks of one case that are worth keeping: beyond, the memory is better free.
    private const int MostBits = 1 << 27;

    private readonly ConcurrentDictionary<(object Expert, Positions At, int Heads), uint[]> _known = new();

    /// <summary>Heads that the mask has: 1, unless the predicate differs by head.</summary>
    public static int Heads(ISparseExpert expert, int queryHeads) => expert.Info.DependsOnHead ? queryHeads : 1;

    /// <summary>Bits [mask heads, queries, words of 32 keys].</summary>
    /// <param name="key">What stands for the expert and its parameters.</param>
    /// <param name="expert">The pattern.</param>
    /// <param name="at">The sequence.</param>
    /// <param name="queryHeads">Query heads of the call.</param>
    public uint[] Of(object key, ISparseExpert expert, Positions at, int queryHeads)
    {
        int heads = Heads(expert, queryHeads);
        return (long)heads * at.Queries * at.Keys > MostBits
            ? Ask(expert, at, heads)
            : _known.GetOrAdd((key, at, heads), _ => Ask(expert, at, heads));
    }

    /// <summary>Scores as the author modifies them, in place, and minus infinity where the predicate says no.</summary>
    /// <param name="expert">The pattern.</param>
    /// <param name="at">The sequence.</param>
    /// <param name="firstHead">Query head of the first scores.</param>
    /// <param name="queryHeads">Query heads of the call.</param>
    /// <param name="scores">[heads, queries, keys], scaled.</param>
    public static void Modify(ISparseExpert expert, Positions at, int firstHead, int queryHeads, float[] scores)
    {
        int heads = scores.Length / (at.Queries * at.Keys);
        Parallel.For(0, heads * at.Queries, row =>
        {
            int head = firstHead + (row / at.Queries), q = at.Start + (row % at.Queries);
            Span<float> values = scores.AsSpan(row * at.Keys, at.Keys);
            for (int k = 0; k < values.Length; k++)
                values[k] = expert.Attends(q, k, head) ? expert.Score(values[k], q, k, head, queryHeads) : float.NegativeInfinity;
        });
    }

    private static uint[] Ask(ISparseExpert expert, Positions at, int heads)
    {
        int words = (at.Keys + 31) / 32;
        uint[] mask = new uint[heads * at.Queries * words];
        Parallel.For(0, heads * at.Queries, row =>
        {
            int head = row / at.Queries, q = at.Start + (row % at.Queries);
            for (int k = 0; k < at.Keys; k++)
            {
                if (expert.Attends(q, k, head))
                    mask[(row * words) + (k / 32)] |= 1u << (k % 32);
            }
        });
        return mask;
    }
}
