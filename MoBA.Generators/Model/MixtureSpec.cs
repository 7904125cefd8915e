namespace MoBA.Generators.Model;

/// <summary>How the outputs of a token's experts become one; named as MoBA.Combine is.</summary>
internal enum Combine
{
    Weighted,
    LogSumExp,
}

/// <summary>A parsed mixture. What its experts mean is not in here: each is parsed where it is declared.</summary>
internal sealed record MixtureSpec
{
    public required ClassSpec Class { get; init; }

    public required int TopK { get; init; }

    public required Combine Combine { get; init; }

    /// <summary>The experts by id.</summary>
    public required EquatableArray<MixtureExpert> Experts { get; init; }

    /// <summary>Name of the static property that holds the dispatch table: <c>Info</c>, unless the author has given that to
    /// something else.</summary>
    public required string InfoName { get; init; }
}

/// <summary>An expert of a mixture.</summary>
/// <param name="Name">Name of the property that holds it: the class's own.</param>
/// <param name="FullName">The class from anywhere, as C#.</param>
/// <param name="Accessibility">Accessibility of the property; null where the author has declared it.</param>
/// <param name="IsRequired">Whoever builds the mixture must give the expert, which has no parameters to be built without.</param>
/// <param name="Assembly">The assembly that the expert was compiled in, if that is another one; else null.</param>
internal sealed record MixtureExpert(string Name, string FullName, string? Accessibility, bool IsRequired, string? Assembly);
