namespace MoBA.Runtime.Tests.Portable;

/// <summary>A mixture of sample experts.</summary>
internal sealed class MixtureSample(int topK, Combine combine, params ISparseExpert[] experts) : IExpertMixture
{
    public MixtureInfo Info { get; } = new()
    {
        Name = "MixtureSample",
        Summary = "",
        TopK = topK,
        Combine = combine,
        Experts = [.. experts.Select((expert, id) => new ExpertDispatch { Id = id, Name = $"Expert{id}", Info = expert.Info, Select = _ => expert })],
    };

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public IExpertMixture With(IReadOnlyDictionary<string, object> parameters) => this;
}
