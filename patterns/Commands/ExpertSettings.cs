using System.Globalization;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>Parameters of a pattern as text: from the command line, and for people to read.</summary>
internal static class ExpertSettings
{
    private const long MaxTableFileBytes = 1L << 30;

    /// <summary>The expert with each <c>Name=Value</c> applied.</summary>
    public static ISparseExpert Apply(ISparseExpert expert, IReadOnlyList<string> settings)
    {
        Dictionary<string, object> values = Values(expert.Info.Name, expert.Info.Parameters, settings);
        return values.Count == 0 ? expert : UserErrorException.Around(() => Gated(expert.With(values)));
    }

    /// <summary>The mixture with each <c>Expert.Name=Value</c> applied.</summary>
    public static IExpertMixture Apply(IExpertMixture mixture, IReadOnlyList<string> settings)
    {
        ExpertParameter[] parameters = [.. mixture.Info.Experts.SelectMany(e => e.Info.Parameters.Select(p => p with { Name = $"{e.Name}.{p.Name}" }))];
        Dictionary<string, object> values = Values(mixture.Info.Name, parameters, settings);
        if (values.Count == 0)
        {
            return mixture;
        }

        IExpertMixture other = UserErrorException.Around(() => mixture.With(values));
        foreach (ExpertDispatch expert in mixture.Info.Experts)
        {
            _ = UserErrorException.Around(() => Gated(expert.Select(other)));
        }

        return other;
    }

    /// <summary>The expert, whose gate takes its values.</summary>
    private static ISparseExpert Gated(ISparseExpert expert)
    {
        _ = expert.Gate;
        return expert;
    }

    private static Dictionary<string, object> Values(string pattern, IReadOnlyList<ExpertParameter> parameters, IReadOnlyList<string> settings)
    {
        Dictionary<string, object> values = new(StringComparer.Ordinal);
        foreach (string setting in settings)
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
            {
                throw new UserErrorException($"--set is {Arguments.Quoted(setting)}: Name=Value is wanted, for example --set {Example(parameters)}.");
            }

            ExpertParameter parameter = Find(pattern, parameters, setting[..equals]);
            if (!values.TryAdd(parameter.Name, Parse(parameter, setting[(equals + 1)..])))
            {
                throw new UserErrorException($"--set gives {parameter.Name} twice; give it once.");
            }
        }

        return values;
    }

    /// <summary>The parameters with their values, for example <c>Window=256 Sinks=4</c>.</summary>
    public static string Describe(IReadOnlyDictionary<string, object?> values) =>
        string.Join(' ', values.Select(static parameter => $"{parameter.Key}={Text(parameter.Value)}"));

    private static ExpertParameter Find(string pattern, IReadOnlyList<ExpertParameter> parameters, string name) =>
        parameters.FirstOrDefault(parameter => string.Equals(parameter.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new UserErrorException(parameters.Count == 0
            ? $"--set {Arguments.Quoted(name)}: {pattern} has no parameters; leave --set out."
            : $"--set {Arguments.Quoted(name)}: {pattern} has no such parameter; it has {string.Join(", ", parameters.Select(Signature))}.");

    private static object Parse(ExpertParameter parameter, string text)
    {
        object? value = parameter.Kind switch
        {
            ParameterKind.Int32 => TryInt(text),
            ParameterKind.Boolean => bool.TryParse(text, out bool flag) ? flag : null,
            ParameterKind.Single => TrySingle(text),
            ParameterKind.Int32Table => Table(parameter, text, TryInt),
            _ => Table(parameter, text, TrySingle),
        };
        return value ?? throw new UserErrorException(
            $"--set {parameter.Name} is {Arguments.Quoted(text)}: {Wanted(parameter.Kind)} is wanted.");
    }

    private static T[] Table<T>(ExpertParameter parameter, string text, Func<string, T?> parse)
        where T : struct
    {
        string numbers = text.StartsWith('@') ? ReadTable(text[1..]) : text;
        string[] items = numbers.Split([',', ' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return Array.ConvertAll(items, item => parse(item) ?? throw new UserErrorException(
            $"--set {parameter.Name} holds {Arguments.Quoted(item)}: {Wanted(parameter.Kind)} is wanted."));
    }

    private static string ReadTable(string path)
    {
        if (!File.Exists(path))
        {
            throw new UserErrorException($"The table file {Arguments.Quoted(path)} is not there; give @FILE the path of a text file of numbers.");
        }

        var file = new FileInfo(path);
        return file.Length > MaxTableFileBytes
            ? throw new UserErrorException($"{path} is {file.Length} bytes long: a table of at most {MaxTableFileBytes} bytes is wanted.")
            : UserErrorException.Around(() => File.ReadAllText(path));
    }

    private static int? TryInt(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static float? TrySingle(string text) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number) ? number : null;

    private static string Signature(ExpertParameter parameter) => $"{parameter.Name} ({Kind(parameter.Kind)})";

    private static string Kind(ParameterKind kind) => kind switch
    {
        ParameterKind.Int32 => "int",
        ParameterKind.Boolean => "bool",
        ParameterKind.Single => "float",
        ParameterKind.Int32Table => "int table",
        _ => "float table",
    };

    private static string Wanted(ParameterKind kind) => kind switch
    {
        ParameterKind.Int32 => "a whole number",
        ParameterKind.Boolean => "true or false",
        ParameterKind.Single => "a number",
        ParameterKind.Int32Table => "whole numbers between commas, or @FILE of them,",
        _ => "numbers between commas, or @FILE of them,",
    };

    private static string Example(IReadOnlyList<ExpertParameter> parameters) =>
        parameters.Count == 0 ? "Window=512" : $"{parameters[0].Name}={parameters[0].Default ?? "..."}";

    private static string Text(object? value) => value switch
    {
        null => "?",
        Array table => $"[{table.Length} values]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "?",
    };
}
