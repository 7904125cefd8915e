namespace MoBA.Runtime.Cpu.Routing;

/// <summary>Where a chunk of queries stands.</summary>
/// <param name="Problem">The call.</param>
/// <param name="Index">Index of its sequence.</param>
/// <param name="First">First query of the chunk within the sequence.</param>
/// <param name="Count">Queries of the chunk.</param>
internal readonly record struct ChunkPlace(AttentionProblem Problem, int Index, int First, int Count)
{
    /// <summary>The sequence.</summary>
    public AttentionSequence Sequence => Problem.Sequences[Index];

    /// <summary>Query token of row 0.</summary>
    public int FirstToken => Sequence.FirstQueryToken + First;

    /// <summary>Absolute position of a row.</summary>
    public int Position(int row) => Sequence.Position + First + row;
}

/// <summary>The rows 0, 1, 2 and so on.</summary>
internal static class Ascending
{
    private static readonly int[] _rows = [.. Enumerable.Range(0, QueryRows.MaxCount)];

    /// <summary>The first <paramref name="count"/> rows.</summary>
    public static ReadOnlySpan<int> Rows(int count) => _rows.AsSpan(0, count);
}
