using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>A tile whose corners are names: its intervals are the code of <c>Classify</c>.</summary>
/// <param name="names">Where values that are used twice get their names.</param>
/// <param name="allKeys">The tile starts at key 0 and ends at the last key of the sequence.</param>
internal sealed class SymbolicTile(NamedValues names, bool allKeys = false) : Box
{
    private static readonly Interval Queries = new(new VariableRef(Variable.FirstQuery), new VariableRef(Variable.LastQuery));
    private static readonly Interval Keys = new(new VariableRef(Variable.FirstKey), new VariableRef(Variable.LastKey));

    public override Interval Of(Variable variable) => variable switch
    {
        Variable.Query => Queries,
        Variable.Key => allKeys ? Keys with { Low = Fold.Zero } : Keys,
        _ => Interval.Point(new VariableRef(variable)),
    };

    public override Interval Of(Lookup lookup, Interval index)
    {
        if (index.IsPoint)
        {
            return Interval.Point(Let(lookup with { Index = index.Low }));
        }

        index = Let(index);
        return new Interval(
            new TableBound(lookup.Table, TableQuery.Min, index.Low, index.High),
            new TableBound(lookup.Table, TableQuery.Max, index.Low, index.High));
    }

    public override Expr Let(Expr e) => names.Let(e);

    public override Expr? ValueOf(LocalRef name) => names.Values.FirstOrDefault(v => v.Name.Equals(name)).Value;
}

/// <summary>A box of numbers, with the values of parameters where they are known.</summary>
internal sealed class NumericBox(
    Func<Variable, Interval> variables, Func<ParameterRef, Interval> parameters, Func<Lookup, Interval, Interval> tables) : Box
{
    public override Interval Of(Variable variable) => variables(variable);

    public override Interval Of(ParameterRef parameter) => parameters(parameter);

    public override Interval Of(Lookup lookup, Interval index) => tables(lookup, index);
}

/// <summary>Values that were given a name, in the order that they must be computed in.</summary>
internal sealed class NamedValues
{
    private readonly Dictionary<Expr, LocalRef> _names = [];
    private readonly List<(LocalRef Name, Expr Value)> _values = [];

    public IReadOnlyList<(LocalRef Name, Expr Value)> Values => _values;

    public Expr Let(Expr e)
    {
        if (e is IntLiteral or BoolLiteral or VariableRef or ParameterRef or LocalRef)
        {
            return e;
        }

        if (!_names.TryGetValue(e, out LocalRef? name))
        {
            name = new LocalRef($"t{_values.Count}", e.Type);
            _names[e] = name;
            _values.Add((name, e));
        }

        return name;
    }
}
