namespace MoBA.Runtime;

/// <summary>New values for some parameters of an expert, checked against what it has.</summary>
public sealed class NewParameterValues
{
    private readonly IReadOnlyDictionary<string, object> _values;

    /// <summary>Checks names and types.</summary>
    /// <exception cref="ArgumentException">A name is no parameter of the expert, or a value has another type.</exception>
    public NewParameterValues(ExpertInfo info, IReadOnlyDictionary<string, object> values)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(values);
        foreach ((string name, object value) in values)
        {
            ExpertParameter parameter = info.Parameters.FirstOrDefault(p => p.Name == name)
                ?? throw new ArgumentException(
                    $"'{info.Name}' has no parameter '{name}'; it has {(info.Parameters.Count == 0 ? "none" : string.Join(", ", info.Parameters.Select(static p => p.Name)))}.", name);
            Type wanted = TypeOf(parameter.Kind);
            if (value is null || value.GetType() != wanted)
            {
                throw new ArgumentException(
                    $"parameter '{name}' of '{info.Name}' is {wanted.Name}, but was given {value?.GetType().Name ?? "null"}.", name);
            }
        }

        _values = values;
    }

    /// <summary>The new value of a parameter, or the <paramref name="current"/> one.</summary>
    public int Get(string name, int current) => _values.TryGetValue(name, out object? value) ? (int)value : current;

    /// <inheritdoc cref="Get(string, int)"/>
    public bool Get(string name, bool current) => _values.TryGetValue(name, out object? value) ? (bool)value : current;

    /// <inheritdoc cref="Get(string, int)"/>
    public float Get(string name, float current) => _values.TryGetValue(name, out object? value) ? (float)value : current;

    /// <inheritdoc cref="Get(string, int)"/>
    public int[] Get(string name, int[] current) => _values.TryGetValue(name, out object? value) ? (int[])value : current;

    /// <inheritdoc cref="Get(string, int)"/>
    public float[] Get(string name, float[] current) => _values.TryGetValue(name, out object? value) ? (float[])value : current;

    /// <inheritdoc cref="Get(string, int)"/>
    public ReadOnlyMemory<int> Get(string name, ReadOnlyMemory<int> current) =>
        _values.TryGetValue(name, out object? value) ? (int[])value : current;

    /// <inheritdoc cref="Get(string, int)"/>
    public ReadOnlyMemory<float> Get(string name, ReadOnlyMemory<float> current) =>
        _values.TryGetValue(name, out object? value) ? (float[])value : current;

    private static Type TypeOf(ParameterKind kind) => kind switch
    {
        ParameterKind.Int32 => typeof(int),
        ParameterKind.Boolean => typeof(bool),
        ParameterKind.Single => typeof(float),
        ParameterKind.Int32Table => typeof(int[]),
        _ => typeof(float[]),
    };
}
