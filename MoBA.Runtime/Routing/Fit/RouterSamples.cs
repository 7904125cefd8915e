using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>What every expert makes of every token and head, beside the teacher. A row is token * heads + head.</summary>
internal sealed class RouterSamples
{
    // Of log-sum-exp, relative where it is large: rounding of float, and of 16-bit scores that a kernel may keep.
    private const double LseTolerance = 1e-3;

    private readonly float[] _errors, _keys;
    private readonly float[]? _misses;
    private readonly bool[] _sees;
    private readonly RouterTarget _target;

    private RouterSamples((int Tokens, int Heads, int Experts) sizes, RouterTarget target, bool[] sees, float[] errors, float[]? misses, float[] keys)
    {
        ((Tokens, Heads, Experts), _target, _sees, _errors, _misses, _keys) = (sizes, target, sees, errors, misses, keys);
    }

    public int Tokens { get; }

    public int Heads { get; }

    public int Experts { get; }

    /// <summary>Whether <see cref="Mass"/> means anything.</summary>
    public bool HasMass => _misses is not null;

    /// <summary>Whether the teacher sees a key in this row: otherwise there is nothing to learn.</summary>
    public bool Sees(int row) => _sees[row];

    /// <summary>What the router is to make small.</summary>
    public double Loss(int row, int expert) => _target == RouterTarget.OutputError ? Error(row, expert) : _misses![(row * Experts) + expert];

    /// <summary>|o_expert - o_teacher| / |o_teacher|.</summary>
    public double Error(int row, int expert) => _errors[(row * Experts) + expert];

    /// <summary>Share of the teacher's attention that the expert captures.</summary>
    public double Mass(int row, int expert) => 1 - _misses![(row * Experts) + expert];

    /// <summary>Keys that the expert attends in this row.</summary>
    public double Keys(int row, int expert) => _keys[(row * Experts) + expert];

    /// <summary>Attends with the teacher and with every expert alone.</summary>
    /// <exception cref="ArgumentException">A tensor or an option does not fit, the target has no meaning for an expert, or an output
    /// is infinite or NaN.</exception>
    public static RouterSamples Gather<T>(
        AttentionEngine engine, IReadOnlyList<NamedExpert> experts, ISparseExpert teacher, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors,
        RouterFitOptions options, Action<string> done, CancellationToken cancellationToken)
        where T : unmanaged
    {
        (int tokens, int heads, int count) = ((int)tensors.Q.Lengths[0], (int)tensors.Q.Lengths[1], experts.Count);
        AttentionOptions asked = options.Attention with { ReturnLse = true, ReturnRoutes = false };
        (float[] wanted, float[] lse) = Attend(teacher, teacher.Info.Name);
        bool hasMass = teacher.Info.ScoreModifier is null && experts.All(e => e.Expert.Info.ScoreModifier is null);
        float[] errors = new float[lse.Length * count], misses = new float[lse.Length * count], keys = new float[lse.Length * count];
        foreach (NamedExpert expert in experts)
        {
            (float[] output, float[] captured) = Attend(expert.Expert, expert.Name);
            for (int row = 0; row < lse.Length; row++)
            {
                int place = (row * count) + expert.Id, dim = wanted.Length / lse.Length;
                errors[place] = Error(output.AsSpan(row * dim, dim), wanted.AsSpan(row * dim, dim));
                keys[place] = expert.Cost.At(row / heads, row % heads);
                if (!float.IsFinite(errors[place]))
                {
                    throw new ArgumentException(
                        $"the outputs of '{expert.Name}' and of the teacher at token {row / heads} and head {row % heads} differ by {errors[place]}: q, k or v has a value there that is infinite, NaN or too large; give finite tensors.", "q");
                }

                misses[place] = float.IsNegativeInfinity(captured[row]) ? 1 : (float)Math.Clamp(1 - Math.Exp((double)captured[row] - lse[row]), 0, 1);
                if (captured[row] > lse[row] + (LseTolerance * Math.Max(1, Math.Abs(lse[row]))))
                {
                    hasMass = options.Target != RouterTarget.CapturedMass
                        ? false
                        : throw new ArgumentException(
                            $"'{expert.Name}' attends keys that the teacher '{teacher.Info.Name}' does not, at token {row / heads} and head {row % heads}: the captured mass needs a teacher that attends every key that an expert does, for example a dense causal one.", nameof(teacher));
                }
            }
        }

        bool[] sees = Array.ConvertAll(lse, x => !float.IsNegativeInfinity(x));
        return new((tokens, heads, count), options.Target, sees, errors, hasMass ? misses : null, keys);

        (float[] Output, float[] Lse) Attend(ISparseExpert expert, string name)
        {
            AttentionResult<T> result = engine.Attend(expert, tensors.Q, tensors.K, tensors.V, asked, cancellationToken);
            done($"attend {name}");
            return (RouterQueries.Flat(result.Output), RouterQueries.Flat(result.Lse!));
        }
    }

    private static float Error(ReadOnlySpan<float> output, ReadOnlySpan<float> wanted)
    {
        float difference = TensorPrimitives.Distance(output, wanted);
        return difference == 0 ? 0 : difference / Math.Max(TensorPrimitives.Norm(wanted), float.Epsilon);
    }
}

/// <summary>An expert of a mixture under its name there.</summary>
internal sealed record NamedExpert(int Id, string Name, ISparseExpert Expert, ExpertCost Cost);
