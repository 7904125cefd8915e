using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MoBA.Generators.Analyze;
using MoBA.Generators.Emit;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>What is legal but is probably not what the author means (MOBA2xxx).</summary>
internal static class PatternLints
{
    public static void Report(INamedTypeSymbol type, PatternSpec spec, Action<Diagnostic> report, CancellationToken cancellation)
    {
        PatternFacts facts = PatternFacts.Of(spec);
        IMethodSymbol attends = type.GetMembers("Attends").OfType<IMethodSymbol>().First();
        Location? location = attends.Locations.FirstOrDefault();
        if (facts.TokenLimit < PatternFacts.MaxTokens && Overflow.First(spec.Besides ?? spec, facts.TokenLimit + 1) is { } overflow)
        {
            Report(Diagnostics.MayOverflow, location, Print(overflow), facts.TokenLimit.ToString("N0", CultureInfo.InvariantCulture));
        }

        if (facts.Void != Proof.None)
        {
            Report(Diagnostics.AlwaysEmpty, location, spec.Name, Scope(facts.Void));
        }
        else if (facts.Dense != Proof.None && spec.Attends is not BoolLiteral)
        {
            Report(Diagnostics.AlwaysFull, location, spec.Name, Scope(facts.Dense));
        }
        else if (facts.EmptyRow is { } row)
        {
            Report(Diagnostics.EmptyRow, location, spec.Name, row);
        }

        if (facts.Causal == Proof.None && MixedOr(attends, cancellation) is { } mixed && LeakyAlternative(spec) is { } leak)
        {
            Report(Diagnostics.Precedence, mixed.GetLocation(), spec.Name, Print(leak));
        }
        else if (facts.Causal == Proof.None && spec.Gate is not null)
        {
            Report(Diagnostics.GateNotCausal, location, spec.Name);
        }

        if (Always(type) is { } always)
        {
            ReportAlways(spec, facts, always.Locations.FirstOrDefault(), Report);
        }

        void Report(DiagnosticDescriptor descriptor, Location? where, params object[] arguments) =>
            report(Diagnostic.Create(descriptor, where, arguments));
    }

    private static IMethodSymbol? Always(INamedTypeSymbol type) =>
        type.GetMembers("Always").OfType<IMethodSymbol>().FirstOrDefault(static m => PatternParser.PredicateFault(m) is null);

    private static void ReportAlways(
        PatternSpec spec, PatternFacts facts, Location? location, Action<DiagnosticDescriptor, Location?, object[]> report)
    {
        if (spec.Gate is null)
        {
            report(Diagnostics.AlwaysWithoutGate, location, [spec.Name]);
        }
        else if (spec.Always is { } always && facts.Void == Proof.None)
        {
            Proof adds = facts.Besides!.Void, leaves = PatternFacts.IsVoid(spec.Besides!, Fold.And(spec.Attends, Fold.Not(always)));
            if (adds != Proof.None)
            {
                report(Diagnostics.AlwaysIdle, location, [spec.Name, "no", Scope(adds), "it adds nothing to the routed blocks"]);
            }
            else if (leaves != Proof.None)
            {
                report(Diagnostics.AlwaysIdle, location, [spec.Name, "every", Scope(leaves), "the gate has nothing left to choose"]);
            }
        }
    }

    private static string Scope(Proof proof) => proof == Proof.Always ? "" : " at the default parameters";

    private static string Print(Expr e) => new CSharpPrinter(new AuthorDialect()).Print(e);

    /// <summary>An || whose operand is an && without parentheses.</summary>
    private static SyntaxNode? MixedOr(IMethodSymbol attends, CancellationToken cancellation) => attends.DeclaringSyntaxReferences
        .SelectMany(r => r.GetSyntax(cancellation).DescendantNodes())
        .OfType<BinaryExpressionSyntax>()
        .FirstOrDefault(static b => b.IsKind(SyntaxKind.LogicalOrExpression)
            && (b.Left.IsKind(SyntaxKind.LogicalAndExpression) || b.Right.IsKind(SyntaxKind.LogicalAndExpression)));

    /// <summary>Of alternatives among which an && is causal, the first that is not.</summary>
    private static Expr? LeakyAlternative(PatternSpec spec)
    {
        Expr[] alternatives = [.. Alternatives(spec.Attends)];
        return alternatives.Any(e => e is Binary { Op: BinaryOp.And } && PatternFacts.IsCausal(spec, e))
            ? alternatives.FirstOrDefault(e => !PatternFacts.IsCausal(spec, e))
            : null;
    }

    private static IEnumerable<Expr> Alternatives(Expr e) =>
        e is Binary { Op: BinaryOp.Or } b ? Alternatives(b.Left).Concat(Alternatives(b.Right)) : [e];
}
