namespace MoBA.Runtime;

/// <summary>Chooses experts so that the mean number of keys meets a budget.</summary>
internal static class RouterBudget
{
    private const int Halvings = 60;
    private const double FirstStep = 1e-9, LastStep = 1e9;

    /// <summary>The price of a key at which a choice costs no more than the budget: the lowest such price, or, unless
    /// <paramref name="spend"/>, 0 where that is enough.</summary>
    /// <param name="meanKeys">Mean keys a token at a price; it never rises with the price.</param>
    /// <param name="budget">What it may be.</param>
    /// <param name="spend">Whether a budget that is not used up is to be used, by a negative price.</param>
    public static double Price(Func<double, double> meanKeys, double budget, bool spend)
    {
        bool cheap = meanKeys(0) <= budget;
        if (cheap && !spend)
            return 0;

        // From 0 outwards to where the budget is met, or no longer met.
        double near = 0, far = cheap ? -FirstStep : FirstStep;
        while (meanKeys(far) <= budget == cheap)
        {
            if (Math.Abs(far) >= LastStep)
                return cheap ? 0 : far;
            (near, far) = (far, far * 2);
        }

        (double met, double missed) = cheap ? (near, far) : (far, near);
        for (int i = 0; i < Halvings; i++)
        {
            double middle = (met + missed) / 2;
            (met, missed) = meanKeys(middle) <= budget ? (middle, missed) : (met, middle);
        }

        return met;
    }

    /// <summary>The middle of the widest range of prices without a change, from <paramref name="met"/> upwards.</summary>
    /// <param name="met">A price that meets the budget.</param>
    /// <param name="changes">Where choices change above it, in any order.</param>
    /// <param name="open">What to take as the width of the range above the last change.</param>
    /// <param name="spare">Mean keys that may be saved beyond those at <paramref name="met"/>.</param>
    /// <param name="meets">Whether a price meets the budget.</param>
    public static double Clear(double met, List<PriceChange> changes, double open, double spare, Func<double, bool> meets)
    {
        List<(double Low, double High)> ranges = [];
        (double low, double saved) = (met, 0);
        foreach (PriceChange change in changes.OrderBy(change => change.Price))
        {
            if (saved <= spare)
                ranges.Add((low, change.Price));
            low = change.Price;
            saved += change.Saved;
        }

        if (saved <= spare)
            ranges.Add((low, low + open));
        return ranges.OrderByDescending(range => range.High - range.Low).Select(range => (range.Low + range.High) / 2).FirstOrDefault(meets, met);
    }

    /// <summary>The best expert of every row when a key has a price.</summary>
    public static int[] Choose(RouterSamples samples, int[] rows, double price) => Array.ConvertAll(rows, row =>
    {
        int best = 0;
        for (int e = 1; e < samples.Experts; e++)
        {
            best = Objective(samples, row, e, price) < Objective(samples, row, best, price) ? e : best;
        }

        return best;
    });

    /// <summary>Loss and the price of the keys.</summary>
    public static double Objective(RouterSamples samples, int row, int expert, double price) =>
        samples.Loss(row, expert) + (price * samples.Keys(row, expert));

    /// <summary>Mean keys of a choice.</summary>
    public static double MeanKeys(RouterSamples samples, int[] rows, int[] choice) =>
        rows.Zip(choice, samples.Keys).DefaultIfEmpty(0).Average();

    /// <summary>The price at which the oracle's choice for these rows meets the budget; 0 where there is none.</summary>
    public static double OraclePrice(RouterSamples samples, int[] rows, double? budget) =>
        budget is { } keys ? Price(price => MeanKeys(samples, rows, Choose(samples, rows, price)), keys, spend: false) : 0;
}

/// <summary>A price above which a row goes to a cheaper expert, and the mean keys that this saves.</summary>
internal readonly record struct PriceChange(double Price, double Saved);
