using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>What one thread evaluates for a query and a key, with what depends on one of them alone taken out; the predicate and the
/// score modifier share what was taken out. Beside it the bounds of tiles, which share the divisors.</summary>
/// <param name="Divisors">What integers are divided by, the same for every pair: <c>Divisor0</c>, <c>Divisor1</c> and so on.</param>
/// <param name="Classify">How the thread that copies classifies a tile.</param>
/// <param name="KeyRanges">Which keys it visits.</param>
/// <param name="PerQuery">Values that are the same for every key: <c>Query0</c>, <c>Query1</c> and so on.</param>
/// <param name="PerKey">Values that are the same for every query of the head: <c>Key0</c>, <c>Key1</c> and so on.</param>
/// <param name="Mask">What remains of the predicate.</param>
/// <param name="Columns">The predicate as bits of a thread's columns, of which it knows the first key; null where it has no such form.</param>
/// <param name="Modifier">What remains of the score modifier; null is none.</param>
/// <param name="Near">The modifier for scores near 0, where that is shorter; null is none.</param>
/// <param name="ScoreBound">What no modified score exceeds in size; null is unknown.</param>
internal sealed record PairPlan(
    EquatableArray<NamedValue> Divisors,
    ClassifyPlan Classify,
    KeyRangesPlan KeyRanges,
    EquatableArray<NamedValue> PerQuery,
    EquatableArray<NamedValue> PerKey,
    Expr Mask,
    Expr? Columns,
    Expr? Modifier,
    NearForm? Near,
    Expr? ScoreBound);
