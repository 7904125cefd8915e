using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Program;

/// <summary>The share of dense causal attention that lies on the keys that a pattern attends: the mean over rows of
/// exp(lse - dense lse), which needs a pattern that changes no score and sees no later key.</summary>
internal static class CapturedMass
{
    /// <summary>Dense causal attention's log-sum-exp, [tokens, heads].</summary>
    public static Tensor<float> Dense(
        AttentionEngine engine, (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors, AttentionOptions options, CancellationToken cancellationToken) =>
        new ExpertPattern(new Causal()).Attend(engine, tensors, options with { ReturnLse = true, ReturnRoutes = false }, cancellationToken).Lse!;

    /// <summary>The share, 0 to 1, or null where it says nothing.</summary>
    /// <param name="pattern">What attended.</param>
    /// <param name="lse">Its log-sum-exp, [tokens, heads], or null.</param>
    /// <param name="dense">Of dense causal attention.</param>
    /// <param name="rows">The longest sequence.</param>
    public static double? Of(Pattern pattern, Tensor<float>? lse, Tensor<float> dense, SequenceRows rows)
    {
        if (lse is null || pattern.Experts.Any(expert => expert.Info.ScoreModifier is not null || SeesLater(expert, rows, (int)dense.Lengths[1])))
        {
            return null;
        }

        float[] sparse = lse.ToFlat(), all = dense.ToFlat();
        double[] shares = [.. sparse.Zip(all).Where(pair => !float.IsNegativeInfinity(pair.Second)).Select(pair => Math.Min(1, Math.Exp((double)pair.First - pair.Second)))];
        return shares.Length == 0 ? null : shares.Average();
    }

    /// <summary>Per cent for people.</summary>
    public static string Text(double? share) => share is { } known ? string.Create(CultureInfo.InvariantCulture, $"{100 * known:0.0} %") : "-";

    private static bool SeesLater(ISparseExpert expert, SequenceRows rows, int heads)
    {
        if (expert.Info.Causal == Proof.Always)
        {
            return false;
        }

        CpuKernel kernel = expert.Bind(new AttentionExtent(rows.Position(0), rows.Position(rows.Queries - 1), rows.Keys, heads));
        for (int query = 0; query < rows.Queries; query++)
        {
            int q = rows.Position(query);
            for (int head = 0; head < (expert.Info.DependsOnHead ? heads : 1) && q + 1 < rows.Keys; head++)
            {
                bool empty = kernel.Classify(q, q, q + 1, rows.Keys - 1, head) == TileKind.Empty;
                if (!empty && Enumerable.Range(q + 1, rows.Keys - q - 1).Any(k => expert.Attends(q, k, head)))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
