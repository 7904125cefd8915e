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

/// <summary>A parsed expert: everything that the later stages need, and no compiler object.</summary>
internal sealed record PatternSpec
{
    public required ClassSpec Class { get; init; }

    public string Name => Class.Name;

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

    /// <summary>The block gate; null is none.</summary>
    public required GateSpec? Gate { get; init; }

    /// <summary>What is attended besides the routed blocks, over q, k and head; null is nothing.</summary>
    public required Expr? Always { get; init; }

    /// <summary>The author's <c>Always</c> takes the head.</summary>
    public required bool AlwaysTakesHead { get; init; }

    /// <summary>The predicate, and the score modifier where there is one.</summary>
    public IEnumerable<Expr> Methods => Score is null ? [Attends] : [Attends, Score];

    /// <summary>How many arguments the author's <c>Score</c> takes; 0 is none.</summary>
    public required int ScoreArity { get; init; }

    /// <summary>Comparisons in <see cref="Methods"/> that must hold at every position, as <c>Math.Clamp</c> demands of its bounds.</summary>
    public required EquatableArray<Expr> Demands { get; init; }

    /// <summary>Those in <see cref="Always"/>.</summary>
    public required EquatableArray<Expr> AlwaysDemands { get; init; }

    /// <summary>Names of convenience members that the author has given to something else.</summary>
    public required EquatableArray<string> TakenMembers { get; init; }

    /// <summary>The pattern of the pairs that are attended whatever the gate chose: an expert of its own to every later stage. Null
    /// where there is no <see cref="Always"/>.</summary>
    public PatternSpec? Besides => Always is null ? null : this with
    {
        Attends = new Binary(BinaryOp.And, Attends, Always),
        Demands = new(Demands.Concat(AlwaysDemands).Distinct()),
        Gate = null,
        Always = null,
        AlwaysDemands = default,
    };
}
