namespace MoBA.Generators.Model;

/// <summary>One enclosing type of a class, for example <c>partial class Outer</c>.</summary>
internal sealed record ContainingType(string Keyword, string Name);

/// <summary>The class that something is emitted for: where it stands, and what its author calls it.</summary>
internal sealed record ClassSpec
{
    /// <summary>Namespace, or empty.</summary>
    public required string Namespace { get; init; }

    /// <summary>Enclosing types, outermost first.</summary>
    public required EquatableArray<ContainingType> ContainingTypes { get; init; }

    public required string Name { get; init; }

    /// <summary>The class from anywhere, as C#: <c>global::My.Patterns.Window</c>.</summary>
    public required string FullName { get; init; }

    /// <summary>Empty; or what tells the emitted file's name from that of a class whose name differs in case alone.</summary>
    public required string Twin { get; init; }

    /// <summary>First paragraph of the class's documentation comment, or empty.</summary>
    public required string Summary { get; init; }

    /// <summary>Why the class cannot be built as <c>new T { ... }</c> from what can be set in it; null if it can.</summary>
    public required string? CannotBuild { get; init; }
}
