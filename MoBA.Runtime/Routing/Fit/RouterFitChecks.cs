using System.Globalization;

namespace MoBA.Runtime;

/// <summary>Checks what <see cref="Router.Fit{T}"/> has besides q, k and v.</summary>
internal static class RouterFitChecks
{
    /// <summary>Checks the mixture, the teacher and the options before any work.</summary>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public static void Check(MixtureInfo mixture, ISparseExpert teacher, RouterFitOptions options)
    {
        if (mixture.Experts.Count < 2)
            throw new ArgumentException($"'{mixture.Name}' has {mixture.Experts.Count} expert: a router chooses among at least 2; add one, or use the expert without a mixture.", nameof(mixture));
        if (mixture.TopK != 1)
            throw new ArgumentException($"'{mixture.Name}' sends a token to {mixture.TopK} experts: a router is fitted to a mixture of TopK 1; fit it there, and use it here.", nameof(mixture));
        if (teacher.Gate is not null)
            throw new ArgumentException($"the teacher '{teacher.Info.Name}' has a block gate: a teacher attends every key that an expert could; give one without a gate, for example a dense causal expert.", nameof(teacher));

        Require(options.Epochs >= 1, nameof(options.Epochs), options.Epochs, "at least 1");
        Require(options.BatchSize >= 1, nameof(options.BatchSize), options.BatchSize, "at least 1");
        Require(options.SpanTokens >= 1, nameof(options.SpanTokens), options.SpanTokens, "at least 1");
        Require(options.HoldOutEvery >= 2, nameof(options.HoldOutEvery), options.HoldOutEvery, "at least 2");
        Require(options.LearningRate > 0 && double.IsFinite(options.LearningRate), nameof(options.LearningRate), options.LearningRate, "positive and finite");
        Require(options.L2 >= 0 && double.IsFinite(options.L2), nameof(options.L2), options.L2, "at least 0 and finite");
        Require(options.KeysPerToken is null or > 0 and < double.PositiveInfinity, nameof(options.KeysPerToken), options.KeysPerToken ?? 0, "positive and finite, or null for no limit");
        Require(Enum.IsDefined(options.Target), nameof(options.Target), (int)options.Target, "a RouterTarget");
        Require(Enum.IsDefined(options.Loss), nameof(options.Loss), (int)options.Loss, "a RouterLoss");
        string? modified = mixture.Experts.Select(e => e.Info).Append(teacher.Info).FirstOrDefault(info => info.ScoreModifier is not null)?.Name;
        if (options.Target == RouterTarget.CapturedMass && modified is not null)
            throw new ArgumentException($"Target is CapturedMass and '{modified}' has a score modifier: its log-sum-exp does not say what it captures; use RouterTarget.OutputError.", nameof(options));
    }

    /// <summary>Checks that some choice meets the budget.</summary>
    /// <exception cref="ArgumentException">None does.</exception>
    public static void CheckBudget(RouterSamples samples, int[] rows, RouterFitOptions options)
    {
        double cheapest = rows.Average(row => Enumerable.Range(0, samples.Experts).Min(e => samples.Keys(row, e)));
        if (options.KeysPerToken < cheapest)
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"KeysPerToken is {options.KeysPerToken}: the cheapest experts attend {cheapest:F1} keys per token at this length; allow more, or add a cheaper expert."),
                nameof(options));
        }
    }

    private static void Require(bool holds, string name, double value, string wanted)
    {
        if (!holds)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}: it must be {wanted}."), "options");
    }
}
