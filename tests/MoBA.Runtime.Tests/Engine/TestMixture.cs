namespace MoBA.Runtime.Tests;

/// <summary>A mixture written by hand.</summary>
internal sealed class TestMixture(int topK, Combine combine, params ISparseExpert[] experts) : IExpertMixture
{
    public MixtureInfo Info { get; } = new()
    {
        Name = "Mixture",
        Summary = "",
        TopK = topK,
        Combine = combine,
        Experts = [.. experts.Select((expert, id) => new ExpertDispatch
        {
            Id = id,
            Name = $"{expert.Info.Name}{id}",
            Info = expert.Info,
            Select = _ => expert,
        })],
    };

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public IExpertMixture With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException();
}
