namespace MoBA.Runtime;

/// <summary>New values for some parameters of a mixture's experts, by name, <c>Expert.Parameter</c>.</summary>
public sealed class NewMixtureValues
{
    private readonly Dictionary<string, Dictionary<string, object>> _values = [];
    private readonly string _mixture;

    /// <summary>Checks names; values are checked by the experts that get them.</summary>
    /// <exception cref="ArgumentException">A name is no parameter of an expert of the mixture.</exception>
    public NewMixtureValues(IExpertMixture mixture, IReadOnlyDictionary<string, object> values)
    {
        ArgumentNullException.ThrowIfNull(mixture);
        ArgumentNullException.ThrowIfNull(values);
        _mixture = mixture.Info.Name;
        foreach ((string name, object value) in values)
        {
            ExpertDispatch expert = mixture.Info.Experts.FirstOrDefault(e => Names(e).Contains(name))
                ?? throw new ArgumentException(
                    $"'{_mixture}' has no parameter '{name}'; it has {(mixture.Info.Experts.SelectMany(Names).Any() ? string.Join(", ", mixture.Info.Experts.SelectMany(Names)) : "none")}.", name);
            if (!_values.TryGetValue(expert.Name, out Dictionary<string, object>? own))
                _values[expert.Name] = own = [];
            own[name[(expert.Name.Length + 1)..]] = value;
        }
    }

    /// <summary>The values that the experts of a mixture have now, <c>Expert.Parameter</c> to value.</summary>
    public static IReadOnlyDictionary<string, object?> Current(IExpertMixture mixture)
    {
        ArgumentNullException.ThrowIfNull(mixture);
        return mixture.Info.Experts
            .SelectMany(e => e.Select(mixture).ParameterValues.Select(p => KeyValuePair.Create($"{e.Name}.{p.Key}", p.Value)))
            .ToDictionary();
    }

    /// <summary>The expert with its new values, or the <paramref name="current"/> one where it gets none.</summary>
    /// <exception cref="ArgumentException">A value is of another type than its parameter, or there is no expert to give it to.</exception>
    public TExpert Get<TExpert>(string name, TExpert current)
        where TExpert : class, ISparseExpert => _values.TryGetValue(name, out Dictionary<string, object>? values)
        ? (TExpert)Require.Expert(current, _mixture, name).With(values)
        : current;

    private static IEnumerable<string> Names(ExpertDispatch expert) => expert.Info.Parameters.Select(p => $"{expert.Name}.{p.Name}");
}
