namespace MoBA.Runtime;

/// <summary>A run of key positions, <paramref name="Start"/> included and <paramref name="End"/> excluded.</summary>
/// <param name="Start">First key of the run.</param>
/// <param name="End">One past the last key; a run with <c>End &lt;= Start</c> is empty.</param>
public readonly record struct KeyRange(int Start, int End)
{
    /// <summary>Whether the run holds no key.</summary>
    public bool IsEmpty => End <= Start;
}
