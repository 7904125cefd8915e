using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>What names mean inside the method that is being read.</summary>
/// <param name="Prefix">Path of the expert that <c>this</c> is: empty, or <c>Local.</c> for a nested one.</param>
/// <param name="Values">Arguments and locals.</param>
/// <param name="Callers">Methods that are being inlined, to stop at a recursion.</param>
internal sealed record Scope(string Prefix, ImmutableDictionary<ISymbol, Expr> Values, ImmutableArray<ISymbol> Callers)
{
    public static Scope Root(IEnumerable<KeyValuePair<ISymbol, Expr>> arguments, IMethodSymbol method) => new(
        "", ImmutableDictionary.CreateRange<ISymbol, Expr>(SymbolEqualityComparer.Default, arguments), [method]);

    public Scope With(ISymbol symbol, Expr value) => this with { Values = Values.SetItem(symbol, value) };
}
