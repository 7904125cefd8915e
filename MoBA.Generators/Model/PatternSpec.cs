namespace MoBA.Generators.Model;

/// <summary>What a parameter of an expert holds.</summary>
internal enum ParameterKind
{
    Int32,
    Boolean,
    Single,
    Int32Table,
    SingleTable,
}

/// <summary>A parameter of an expert: one public init property, or one of a nested expert.</summary>
/// <param name="Path">The property's name; <c>Local.Window</c> for a parameter of the nested expert <c>Local</c>.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Default">Its default value, or null where it is required or not a constant.</param>
/// <param name="IsMonotone">A table that never decreases.</param>
/// <param name="IsMemory">A table given as ReadOnlyMemory rather than as an array.</param>
/// <param name="IsRead">Whether the predicate or the score modifier reads it.</param>
internal sealed record ParameterSpec(
    string Path, ParameterKind Kind, Expr? Default, bool IsMonotone, bool IsMemory, bool IsRead)
{
    /// <summary>Whether <c>With</c> can set it: parameters of nested experts are set on those.</summary>
    public bool IsOwn => !Path.Contains('.');

    public bool IsTable => Kind is ParameterKind.Int32Table or ParameterKind.SingleTable;
}

/// <summary>One enclosing type of a nested expert, for example <c>partial class Outer</c>.</summary>
internal sealed record ContainingType(string Keyword, string Name);

/// <summary>
/// A parsed expert: everything that the later stages need, and no compiler object. Block gates and mixtures join it as
/// further specs beside the predicate.
/// </summary>
internal sealed record PatternSpec
{
    /// <summary>Namespace, or empty.</summary>
    public required string Namespace { get; init; }

    /// <summary>Enclosing types, outermost first.</summary>
    public required EquatableArray<ContainingType> ContainingTypes { get; init; }

    public required string Name { get; init; }

    /// <summary>Empty; or what tells the emitted file's name from that of a class whose name differs in case alone.</summary>
    public required string Twin { get; init; }

    /// <summary>First paragraph of the class's documentation comment, or empty.</summary>
    public required string Summary { get; init; }

    /// <summary>Parameters in declaration order.</summary>
    public required EquatableArray<ParameterSpec> Parameters { get; init; }

    /// <summary>Nested experts that parameters are read through, which must not be null.</summary>
    public required EquatableArray<string> NestedExperts { get; init; }

    /// <summary>The predicate over q, k and head.</summary>
    public required Expr Attends { get; init; }

    /// <summary>The author's <c>Attends</c> takes the head.</summary>
    public required bool AttendsTakesHead { get; init; }

    /// <summary>The score modifier over score, q, k, head and heads; null is none.</summary>
    public required Expr? Score { get; init; }

    /// <summary>The predicate, and the score modifier where there is one.</summary>
    public IEnumerable<Expr> Methods => Score is null ? [Attends] : [Attends, Score];

    /// <summary>How many arguments the author's <c>Score</c> takes; 0 is none.</summary>
    public required int ScoreArity { get; init; }

    /// <summary>Comparisons that must hold at every position, as <c>Math.Clamp</c> demands of its bounds.</summary>
    public required EquatableArray<Expr> Demands { get; init; }

    /// <summary>Why the class cannot be built as <c>new T { ... }</c> from its parameters; null if it can.</summary>
    public required string? CannotBuild { get; init; }

    /// <summary>Names of convenience members that the author has given to something else.</summary>
    public required EquatableArray<string> TakenMembers { get; init; }
}
