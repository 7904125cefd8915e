namespace MoBA.Runtime;

/// <summary>
/// A mixture of sparse attention experts as the engine sees it. The source generator implements it on every class with
/// <c>[ExpertMixture]</c>; it is not meant to be implemented by hand.
/// </summary>
public interface IExpertMixture
{
    /// <summary>What the compiler knows of the mixture, and the table by which its router dispatches.</summary>
    MixtureInfo Info { get; }

    /// <summary>The values of the experts' parameters by name, <c>Expert.Parameter</c>. What <see cref="With"/> takes.</summary>
    IReadOnlyDictionary<string, object?> ParameterValues { get; }

    /// <summary>A copy of this mixture whose experts have other parameter values.</summary>
    /// <param name="parameters"><c>Expert.Parameter</c> to value, as for <see cref="ISparseExpert.With"/>.</param>
    /// <exception cref="ArgumentException">A name is no parameter of an expert, or a value is of another type.</exception>
    IExpertMixture With(IReadOnlyDictionary<string, object> parameters);
}

/// <summary>What the compiler knows of a mixture.</summary>
public sealed record MixtureInfo
{
    /// <summary>The class's name.</summary>
    public required string Name { get; init; }

    /// <summary>First paragraph of the class's documentation comment, or empty.</summary>
    public required string Summary { get; init; }

    /// <summary>Experts that a token is sent to.</summary>
    public required int TopK { get; init; }

    /// <summary>How their outputs become one.</summary>
    public required Combine Combine { get; init; }

    /// <summary>The router's dispatch table: entry i is expert i.</summary>
    public required IReadOnlyList<ExpertDispatch> Experts { get; init; }
}

/// <summary>One entry of a router's dispatch table.</summary>
public sealed record ExpertDispatch
{
    /// <summary>The id that the router gives; the expert's place in the table.</summary>
    public required int Id { get; init; }

    /// <summary>The expert's name within the mixture: the property that holds it.</summary>
    public required string Name { get; init; }

    /// <summary>What is known and proven of the expert, its block gate's geometry and its cost estimate.</summary>
    public required ExpertInfo Info { get; init; }

    /// <summary>The expert of a mixture's instance, and with it the kernels for every target.</summary>
    public required Func<IExpertMixture, ISparseExpert> Select { get; init; }
}
