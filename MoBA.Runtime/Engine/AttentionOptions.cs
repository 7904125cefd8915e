namespace MoBA.Runtime;

/// <summary>What a call of <see cref="AttentionEngine"/> may ask for besides q, k and v.</summary>
public sealed record AttentionOptions : ICallOptions
{
    /// <summary>Factor of the raw scores; null is 1 / sqrt(dim).</summary>
    public float? Scale { get; init; }

    /// <summary>Packed sequences: batch + 1 ascending offsets from 0 to the number of query tokens, as in flash-attention's varlen
    /// interface. No query sees a key of another sequence, and positions start at 0 in each. Null is one sequence.</summary>
    public int[]? Sequences { get; init; }

    /// <summary>Offsets of the key tokens where they differ from <see cref="Sequences"/>; batch + 1 ascending offsets from 0 to
    /// the number of key tokens. Null is <see cref="Sequences"/>, which then must end at the number of key tokens too.</summary>
    public int[]? KeySequences { get; init; }

    /// <summary>Absolute position of the first query of every sequence; null aligns the last query with the last key
    /// (query i of a sequence stands at keys - queries + i).</summary>
    public int? QueryStart { get; init; }

    /// <summary>Whether the result carries the log-sum-exp of every row.</summary>
    public bool ReturnLse { get; init; }

    /// <summary>Whether the result carries the routes: which blocks a block gate chose, or which experts a router chose.</summary>
    public bool ReturnRoutes { get; init; }

    /// <summary>How chosen blocks are attended on a CUDA device; other engines have one way. The rounding of the result depends on it: see
    /// <see cref="MoBA.Runtime.AttendPath"/>. <see cref="AttendPath.Union"/> throws <see cref="InsufficientMemoryException"/> where there are too
    /// many blocks for it.</summary>
    public AttendPath AttendPath { get; init; }

    /// <summary>Whether the result carries how much the choices of neighbouring queries overlapped, and which path was taken.</summary>
    public bool ReturnOverlap { get; init; }
}
