using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Reference;

/// <summary>The pairs that a pattern with a block gate attends by given routes.</summary>
internal static class RouteMask
{
    /// <summary>Of every sequence bits [query heads, queries, words of 32 keys]: those that the predicate allows in the row's blocks, and
    /// wherever else the pattern always attends.</summary>
    public static uint[][] Of(AttentionInputs inputs, ISparseExpert expert, BlockRoutes routes) =>
        [.. inputs.Sequences.Select(sequence => Of(inputs, sequence, expert, routes))];

    /// <summary>Whether query row token x heads + head attends a key token of its key head.</summary>
    public static bool Has(AttentionInputs inputs, ISparseExpert expert, BlockRoutes routes, int row, int keyToken)
    {
        (int token, int head) = Math.DivRem(row, inputs.QueryHeads);
        PlacedSequence sequence = inputs.Sequences.Single(one => token >= one.FirstQuery && token < one.FirstQuery + one.At.Queries);
        int query = sequence.At.Start + token - sequence.FirstQuery, key = keyToken - sequence.FirstKey;
        return key >= 0 && key < sequence.At.Keys
            && Attends(expert, routes.Of(token, head, inputs.QueryHeads).Contains(key / expert.Gate!.BlockSize), query, key, head);
    }

    private static uint[] Of(AttentionInputs inputs, PlacedSequence sequence, ISparseExpert expert, BlockRoutes routes)
    {
        (int queries, int keys, int start) = sequence.At;
        int words = (keys + 31) / 32, size = expert.Gate!.BlockSize;
        bool hasAlways = expert.Info.AlwaysPredicate is not null;
        uint[] mask = new uint[inputs.QueryHeads * queries * words];
        Parallel.For(0, inputs.QueryHeads * queries, row =>
        {
            (int head, int query) = Math.DivRem(row, queries);
            ReadOnlySpan<int> blocks = routes.Of(sequence.FirstQuery + query, head, inputs.QueryHeads);
            for (int first = 0; first < keys; first += size)
            {
                bool isChosen = blocks.Contains(first / size);
                for (int key = first; key < Math.Min(first + size, keys) && (isChosen || hasAlways); key++)
                {
                    if (Attends(expert, isChosen, start + query, key, head))
                        mask[(row * words) + (key / 32)] |= 1u << (key % 32);
                }
            }
        });
        return mask;
    }

    private static bool Attends(ISparseExpert expert, bool isChosen, int query, int key, int head) =>
        expert.Attends(query, key, head) && (isChosen || expert.Always(query, key, head));
}
