using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>Takes out of the loops over queries and keys what does not depend on both and is worth a name.</summary>
internal static class RowPlanner
{
    public static RowPlan Plan(Expr e)
    {
        List<NamedValue> perTile = [];
        List<NamedValue> perKey = [];
        List<NamedValue> perRow = [];
        Expr body = ExprWalk.Replace(e, node =>
        {
            if (!IsCostly(node) || ExprWalk.Mentions(node, Variable.Score))
            {
                return null;
            }

            return (ExprWalk.Mentions(node, Variable.Query), ExprWalk.Mentions(node, Variable.Key)) switch
            {
                (true, true) => null,
                (true, false) => Name(perRow, "row", node),
                (false, true) => node.Type == ExprType.Bool ? null : Name(perKey, "key", node),
                (false, false) => Name(perTile, "tile", node),
            };
        });
        return new RowPlan(new(perTile), new(perKey), new(perRow), body);
    }

    /// <summary>Sums and comparisons cost less than a name does.</summary>
    private static bool IsCostly(Expr e) => e is not (VariableRef or ParameterRef or IntLiteral or BoolLiteral or FloatLiteral)
        && ExprWalk.Any(e, static n => n is Lookup or FloatCall or Binary { Op: BinaryOp.Divide or BinaryOp.Remainder });

    private static LocalRef Name(List<NamedValue> values, string prefix, Expr value)
    {
        NamedValue? known = values.Find(v => v.Value.Equals(value));
        if (known is null)
        {
            known = new NamedValue($"{prefix}{values.Count}", value);
            values.Add(known);
        }

        return new LocalRef(known.Name, value.Type);
    }
}
