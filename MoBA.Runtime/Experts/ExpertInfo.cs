namespace MoBA.Runtime;

/// <summary>What a proof holds for.</summary>
public enum Proof
{
    /// <summary>Not proven: it may hold or not.</summary>
    None,

    /// <summary>Proven for the default parameter values.</summary>
    AtDefaults,

    /// <summary>Proven for every value of every parameter.</summary>
    Always,
}

/// <summary>Kinds of expert parameter.</summary>
public enum ParameterKind
{
    /// <summary><c>int</c>.</summary>
    Int32,

    /// <summary><c>bool</c>.</summary>
    Boolean,

    /// <summary><c>float</c>, for score modifiers.</summary>
    Single,

    /// <summary><c>int[]</c> or <c>ReadOnlyMemory&lt;int&gt;</c>.</summary>
    Int32Table,

    /// <summary><c>float[]</c> or <c>ReadOnlyMemory&lt;float&gt;</c>, for score modifiers.</summary>
    SingleTable,
}

/// <summary>A parameter of an expert: one public <c>init</c> property.</summary>
/// <param name="Name">The property's name; a parameter of a nested expert is <c>Property.Name</c>.</param>
/// <param name="Kind">Its type.</param>
/// <param name="Default">Its default as C# text, or null where it is required or not a constant.</param>
/// <param name="IsMonotone">Whether a table is promised never to decrease.</param>
public sealed record ExpertParameter(string Name, ParameterKind Kind, string? Default, bool IsMonotone = false);

/// <summary>What the compiler knows and has proven of an expert.</summary>
public sealed record ExpertInfo
{
    /// <summary>The class's name.</summary>
    public required string Name { get; init; }

    /// <summary>First line of the class's documentation comment, or empty.</summary>
    public required string Summary { get; init; }

    /// <summary>The predicate as the compiler understood it, with helpers inlined, as C#.</summary>
    public required string Predicate { get; init; }

    /// <summary>The score modifier as C#, or null where the expert has none.</summary>
    public string? ScoreModifier { get; init; }

    /// <summary>The parameters in declaration order.</summary>
    public required IReadOnlyList<ExpertParameter> Parameters { get; init; }

    /// <summary>No query attends a later key.</summary>
    public required Proof Causal { get; init; }

    /// <summary>Every query attends the key at its own position.</summary>
    public required Proof AttendsItself { get; init; }

    /// <summary>Every pair is attended.</summary>
    public required Proof Dense { get; init; }

    /// <summary>Whether the predicate, or <c>Always</c>, depends on the query head.</summary>
    public required bool DependsOnHead { get; init; }

    /// <summary>Tokens up to which no subexpression of the predicate overflows <c>int</c> at the default parameters.</summary>
    public required int TokenLimit { get; init; }

    /// <summary>The most runs of keys that one tile of queries can see.</summary>
    public required int MaxKeyRanges { get; init; }

    /// <summary>The block gate at the attribute's values, or null where the expert has none.</summary>
    public BlockGate? Gate { get; init; }

    /// <summary>What is attended besides the routed blocks as C#, or null where the expert has no <c>Always</c>.</summary>
    public string? AlwaysPredicate { get; init; }

    /// <summary>Estimated cost: keys that a token visits on average in a sequence of <see cref="CostTokens"/> tokens at the default
    /// parameters; null where these are not known at compile time.</summary>
    public double? KeysPerToken { get; init; }

    /// <summary>Tokens of the sequence that <see cref="KeysPerToken"/> speaks of.</summary>
    public const int CostTokens = 32768;

    /// <summary>A picture of the pattern at its default parameters, one character a tile (<c>#</c> full, <c>+</c> partial,
    /// <c>.</c> empty), one line a row of tiles.</summary>
    public required string Picture { get; init; }
}
