using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>What the parameters of a pattern may be: any value that a call would accept, or their defaults.</summary>
internal sealed class ParameterRanges
{
    private readonly Dictionary<string, Interval> _known = [];
    private readonly Interval _unknown;

    /// <param name="spec">The pattern.</param>
    /// <param name="useDefaults">Take the default of every parameter that has one.</param>
    /// <param name="unknown">Range of parameters and table values that nothing is known of; null is every int.</param>
    public ParameterRanges(PatternSpec spec, bool useDefaults, Interval? unknown = null)
    {
        _unknown = unknown ?? Interval.Int32;
        foreach (Expr node in ExprWalk.All(spec.Attends))
        {
            // A divisor that is not positive is refused before a kernel runs.
            if (node is Binary { Op: BinaryOp.Divide or BinaryOp.Remainder, Right: ParameterRef divisor })
            {
                _known[divisor.Path] = _unknown with { Low = Fold.Int(1) };
            }
        }

        foreach (ParameterSpec parameter in spec.Parameters.Where(p => useDefaults && p.Default is not null))
        {
            _known[parameter.Path] = Interval.Point(parameter.Default!);
        }
    }

    public Box Box(Interval queries, Interval keys, Interval? distance = null) => new NumericBox(
        v => v switch
        {
            Variable.Query => queries,
            Variable.Key => keys,
            Variable.Distance => distance ?? throw new InvalidOperationException("this box has no distance"),
            _ => Interval.Of(0, ushort.MaxValue),
        },
        p => _known.TryGetValue(p.Path, out Interval range) ? range : p.Type == ExprType.Bool ? Interval.Unknown : _unknown,
        (_, _) => _unknown);
}
