using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Program;

/// <summary>Counts attended pairs of a range of queries and one of keys: what is proven full or empty is counted whole, and the rest is
/// halved until it is small.</summary>
/// <param name="Kernel">What proves it.</param>
/// <param name="Attends">The predicate: of a query, a key and a head.</param>
internal readonly record struct PatternPairs(CpuKernel Kernel, Func<int, int, int, bool> Attends)
{
    /// <summary>Pairs that are asked one by one rather than halved.</summary>
    private const long FewPairs = 64;

    /// <summary>What an expert attends, were there no gate.</summary>
    public static PatternPairs Of(ISparseExpert expert, in AttentionExtent extent) => new(expert.Bind(extent), expert.Attends);

    /// <summary>What an expert with a gate attends wherever its routes go; null where there is no <c>Always</c>.</summary>
    public static PatternPairs? OfAlways(ISparseExpert expert, in AttentionExtent extent) => expert.BindAlways(extent) is { } kernel
        ? new(kernel, (q, k, head) => expert.Attends(q, k, head) && expert.Always(q, k, head))
        : null;

    /// <summary>Attended pairs; the last query and the last key are included.</summary>
    public long Count(int q0, int q1, int k0, int k1, int head)
    {
        long queries = q1 - q0 + 1L, keys = k1 - k0 + 1L;
        switch (Kernel.Classify(q0, q1, k0, k1, head))
        {
            case TileKind.Empty:
                return 0;
            case TileKind.Full:
                return queries * keys;
        }

        if (queries * keys <= FewPairs)
        {
            return Asked(q0, q1, k0, k1, head);
        }

        int q = q0 + (int)(queries / 2), k = k0 + (int)(keys / 2);
        return queries >= keys
            ? Count(q0, q - 1, k0, k1, head) + Count(q, q1, k0, k1, head)
            : Count(q0, q1, k0, k - 1, head) + Count(q0, q1, k, k1, head);
    }

    private long Asked(int q0, int q1, int k0, int k1, int head)
    {
        long pairs = 0;
        for (int q = q0; q <= q1; q++)
        {
            for (int k = k0; k <= k1; k++)
            {
                pairs += Attends(q, k, head) ? 1 : 0;
            }
        }

        return pairs;
    }
}
