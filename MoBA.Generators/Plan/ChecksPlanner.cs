using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>
/// What a call has to check so that the compile-time proofs hold for its parameters, tables and positions: with these,
/// 64-bit intervals speak for C#'s 32-bit arithmetic and no table is read outside its length.
/// </summary>
internal static class ChecksPlanner
{
    public static ChecksPlan Plan(PatternSpec spec)
    {
        Expr[] roots = [.. spec.Methods];
        NamedValues names = new();
        Box call = new WholeCall(names);
        RangeCheck[] fits = [.. roots.SelectMany(r => Overflow.ToCheck(r, spec)).Distinct()
            .Select(e => new RangeCheck(e, call.Of(e).Low, call.Of(e).High))];
        TableCheck[] covers = [.. roots.SelectMany(ExprWalk.All).OfType<Lookup>().Distinct()
            .Select(l => new TableCheck(l.Table, call.Of(l.Index).Low, call.Of(l.Index).High))];
        Expr[] divisors = [.. roots.SelectMany(ExprWalk.All).OfType<Binary>()
            .Where(static b => b is { Type: ExprType.Int, Op: BinaryOp.Divide or BinaryOp.Remainder, Right: not IntLiteral })
            .Select(static b => b.Right).Distinct()];
        DemandCheck[] demands = [.. spec.Demands
            .Select(d => new DemandCheck(d, TileClassifier.Bounds(d, call).Low))
            .Where(static d => !d.Always.Equals(Fold.True))];
        ChecksPlan plan = new(default, new(divisors), new(fits), new(covers), new(demands));
        return plan with { Values = KernelPlan.Used(names, [.. plan.Ends]) };
    }

    /// <summary>Every position and every head of a call.</summary>
    private sealed class WholeCall(NamedValues names) : Box
    {
        private readonly SymbolicTile _tile = new(names);

        public override Interval Of(Variable variable) => variable == Variable.Head
            ? new(Fold.Zero, Fold.Subtract(new VariableRef(Variable.Heads), Fold.Int(1)))
            : _tile.Of(variable);

        public override Interval Of(Lookup lookup, Interval index) => _tile.Of(lookup, index);

        public override Expr Let(Expr e) => names.Let(e);
    }
}
