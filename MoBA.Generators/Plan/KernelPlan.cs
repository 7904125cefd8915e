using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>A value with a name, computed before what uses it.</summary>
internal sealed record NamedValue(string Name, Expr Value);

/// <summary>A tile's class: <paramref name="All"/> is full, not <paramref name="Any"/> is empty.</summary>
internal sealed record ClassifyPlan(EquatableArray<NamedValue> Values, Expr All, Expr Any);

/// <summary>The runs of keys that a tile of queries can see.</summary>
internal sealed record KeyRangesPlan(EquatableArray<NamedValue> Values, EquatableArray<KeyRun> Runs);

/// <summary>An expression that is evaluated for sixteen keys at once; what does not depend on both query and key comes out of
/// the loops.</summary>
/// <param name="PerTile">Values that are the same for the whole tile.</param>
/// <param name="PerKey">Values that are the same for a column of the tile.</param>
/// <param name="PerRow">Values that are the same for a row of the tile.</param>
/// <param name="Body">What remains, for every pair.</param>
internal sealed record RowPlan(
    EquatableArray<NamedValue> PerTile, EquatableArray<NamedValue> PerKey, EquatableArray<NamedValue> PerRow, Expr Body)
{
    /// <summary>Every expression of the plan.</summary>
    public IEnumerable<Expr> All => [.. PerTile.Concat(PerKey).Concat(PerRow).Select(static v => v.Value), Body];
}

/// <summary>What a call must check before a kernel runs.</summary>
/// <param name="Values">Ends of the ranges below.</param>
/// <param name="Divisors">Expressions that divide, and so must be positive.</param>
/// <param name="Fits">Operations that must stay within <c>int</c>, with their ranges.</param>
/// <param name="Covers">Tables and the range of indices that they are read at.</param>
/// <param name="Demands">Conditions, and when they hold at every position.</param>
internal sealed record ChecksPlan(
    EquatableArray<NamedValue> Values,
    EquatableArray<Expr> Divisors,
    EquatableArray<RangeCheck> Fits,
    EquatableArray<TableCheck> Covers,
    EquatableArray<DemandCheck> Demands)
{
    /// <summary>Every expression over the positions of a call.</summary>
    public IEnumerable<Expr> Ends =>
    [
        .. Fits.SelectMany(static f => new[] { f.Low, f.High }),
        .. Covers.SelectMany(static c => new[] { c.Low, c.High }),
        .. Demands.Select(static d => d.Always)
    ];
}

internal sealed record RangeCheck(Expr What, Expr Low, Expr High);

internal sealed record DemandCheck(Expr What, Expr Always);

internal sealed record TableCheck(string Table, Expr Low, Expr High);

/// <summary>Everything that is decided about a pattern's kernels; the emission only spells it.</summary>
/// <param name="Spec">The pattern.</param>
/// <param name="Facts">What is proven of it.</param>
/// <param name="Classify">How a tile is classified.</param>
/// <param name="KeyRanges">Which keys a tile of queries can see.</param>
/// <param name="Checks">What a call must check.</param>
/// <param name="Mask">The predicate on partial tiles; null where every tile is proven full.</param>
/// <param name="Modifier">The score modifier; null is none.</param>
/// <param name="Pair">Predicate and modifier as a GPU's threads evaluate them, with its bounds of tiles.</param>
/// <param name="Besides">The kernels of what is attended whatever the gate chose; null is nothing.</param>
internal sealed record KernelPlan(
    PatternSpec Spec,
    PatternFacts Facts,
    ClassifyPlan Classify,
    KeyRangesPlan KeyRanges,
    ChecksPlan Checks,
    RowPlan? Mask,
    RowPlan? Modifier,
    PairPlan Pair,
    KernelPlan? Besides)
{
    /// <summary>The parameters that the kernels read.</summary>
    public IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            HashSet<string> read = [.. Spec.Methods.Concat(Spec.Demands).SelectMany(ExprWalk.All).Select(static e => e switch
            {
                ParameterRef p => p.Path,
                Lookup l => l.Table,
                _ => "",
            })];
            return Spec.Parameters.Where(p => read.Contains(p.Path));
        }
    }

    public static KernelPlan Of(PatternSpec spec, PatternFacts facts)
    {
        ClassifyPlan classify = PlanClassify(spec);
        KeyRangesPlan keyRanges = PlanKeyRanges(spec);
        bool isDense = facts.Dense == Proof.Always;
        return new(
            spec,
            facts,
            classify,
            keyRanges,
            ChecksPlanner.Plan(spec),
            isDense ? null : RowPlanner.Plan(spec.Attends),
            spec.Score is null ? null : RowPlanner.Plan(spec.Score),
            PairPlanner.Plan(isDense ? Fold.True : spec.Attends, spec.Score, classify, keyRanges, Overflow.AnyCall(spec)),
            spec.Besides is { } besides ? Of(besides, facts.Besides!) : null);
    }

    private static ClassifyPlan PlanClassify(PatternSpec spec)
    {
        NamedValues names = new();
        Interval bounds = TileClassifier.Bounds(spec.Attends, new SymbolicTile(names));
        return new ClassifyPlan(Used(names, bounds.Low, bounds.High), bounds.Low, bounds.High);
    }

    private static KeyRangesPlan PlanKeyRanges(PatternSpec spec)
    {
        NamedValues names = new();
        IReadOnlyList<KeyRun> runs = Analyze.KeyRanges.Of(spec.Attends, new SymbolicTile(names, allKeys: true));
        return new KeyRangesPlan(Used(names, [.. runs.SelectMany(static r => new[] { r.Low, r.High, r.When })]), new(runs));
    }

    /// <summary>The named values that some expressions need, in order.</summary>
    public static EquatableArray<NamedValue> Used(NamedValues names, params Expr[] users) =>
        new(Used([.. names.Values.Select(static v => new NamedValue(v.Name.Name, v.Value))], users));

    /// <inheritdoc cref="Used(NamedValues, Expr[])"/>
    public static IEnumerable<NamedValue> Used(IReadOnlyList<NamedValue> values, params Expr[] users)
    {
        HashSet<string> needed = [.. users.SelectMany(Names)];
        foreach (NamedValue value in values.Reverse().Where(v => needed.Contains(v.Name)))
        {
            needed.UnionWith(Names(value.Value));
        }

        return values.Where(v => needed.Contains(v.Name));

        static IEnumerable<string> Names(Expr e) => ExprWalk.All(e).OfType<LocalRef>().Select(static l => l.Name);
    }
}
