namespace MoBA.Runtime.Cuda;

/// <summary>What the lengths of a call say of a mixture: its lists, before a router has been asked.</summary>
internal static class MixtureSchedule
{
    /// <summary>The first query token of every sequence.</summary>
    public static int[] Starts(ReadOnlySpan<AttentionSequence> sequences, int experts)
    {
        int[] starts = new int[sequences.Length];
        for (int i = 0; i < starts.Length; i++)
            starts[i] = sequences[i].FirstQueryToken;
        return starts;
    }

    /// <summary>The blocks that pass "index" knows: for each expert the sequences, whole, and one block behind them.</summary>
    public static KeyBlock[] Blocks(ReadOnlySpan<AttentionSequence> sequences, int experts)
    {
        KeyBlock[] blocks = new KeyBlock[checked((experts * sequences.Length) + 1)];
        for (int i = 0; i < blocks.Length - 1; i++)
        {
            AttentionSequence sequence = sequences[i % sequences.Length];
            blocks[i] = new() { KeyToken = sequence.FirstKeyToken, Keys = sequence.Keys, QueryShift = sequence.Position - sequence.FirstQueryToken };
        }

        return blocks;
    }

    /// <summary>Most items of a head: a list of n rows has at most (n + 127) / 128 of them.</summary>
    public static long MostItems(ReadOnlySpan<AttentionSequence> sequences, int experts, int topK)
    {
        long items = 0;
        foreach (AttentionSequence sequence in sequences)
        {
            long rows = (long)sequence.Queries * topK;
            items += (rows + ((CudaRouting.ItemRows - 1) * Math.Min(rows, experts))) / CudaRouting.ItemRows;
        }

        return items;
    }

    /// <summary>Most items of a head and an expert, which is given a row once at most.</summary>
    public static int MostItemsOfExpert(ReadOnlySpan<AttentionSequence> sequences)
    {
        int items = 0;
        foreach (AttentionSequence sequence in sequences)
            items += (int)(((long)sequence.Queries + CudaRouting.ItemRows - 1) / CudaRouting.ItemRows);
        return items;
    }

    /// <summary>For every expert its plane: those that are marked have one, in turn.</summary>
    public static int[] Planes(ReadOnlySpan<byte> hasPlane, int planes)
    {
        int[] places = new int[hasPlane.Length];
        for (int i = 0, next = 0; i < places.Length; i++)
            places[i] = hasPlane[i] != 0 ? next++ : -1;
        return places;
    }
}
