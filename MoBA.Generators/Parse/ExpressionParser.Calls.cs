using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

// Calls, and the bodies of what is called.
internal sealed partial class ExpressionParser
{
    /// <summary>Functions of a score modifier and how many arguments they take in every kernel.</summary>
    private static readonly ImmutableHashSet<(string Name, int Arguments)> FloatFunctions =
    [
        ("Exp", 1), ("Exp2", 1), ("Log", 1), ("Log2", 1), ("Tanh", 1), ("Sin", 1), ("Cos", 1), ("Sqrt", 1), ("Pow", 2),
        ("Floor", 1), ("Ceiling", 1), ("Abs", 1), ("Min", 2), ("Max", 2), ("Clamp", 3),
    ];

    private Expr ParseCall(IInvocationOperation call, Scope scope)
    {
        IMethodSymbol method = call.TargetMethod;
        if (IsMath(method.ContainingType))
        {
            return ParseMath(call, method, scope);
        }

        string? fault =
            method.IsAbstract || method.IsVirtual || method.IsOverride ? "it is virtual"
            : method.IsGenericMethod ? "it is generic"
            : method.Parameters.Any(static p => p.RefKind != RefKind.None) ? "it takes an argument by reference"
            : method.IsVararg ? "it takes any number of arguments"
            : TypeOf(method.ReturnType) is null ? $"it returns {method.ReturnType.ToDisplayString()}"
            : BodyOf(method) is null ? "its source is not in this project"
            : method.IsStatic || method.MethodKind == MethodKind.LocalFunction || PathOf(call.Instance, scope) is not null ? null
            : "it is called on an object that is no parameter";
        if (fault is not null)
        {
            return UnknownCall(call, method, fault);
        }

        if (PathOf(call.Instance, scope) is { Length: > 0 } expert && expert != scope.Prefix)
        {
            parameters.ReadExpert(expert.TrimEnd('.'));
        }

        ImmutableDictionary<ISymbol, Expr> values = method.MethodKind == MethodKind.LocalFunction ? scope.Values : scope.Values.Clear();
        foreach (IArgumentOperation argument in call.Arguments)
        {
            values = values.SetItem(Implementation(method).Parameters[argument.Parameter!.Ordinal], Parse(argument.Value, scope));
        }

        string prefix = method.IsStatic ? "" : PathOf(call.Instance, scope) ?? scope.Prefix;
        return Inline(call, method, BodyOf(method)!, scope with { Prefix = prefix, Values = values });
    }

    private static bool IsMath(INamedTypeSymbol? type) =>
        type is { ContainingNamespace: { Name: "System", ContainingNamespace.IsGlobalNamespace: true }, Name: "Math" or "MathF" or "Single" or "Int32" };

    private Expr ParseMath(IInvocationOperation call, IMethodSymbol method, Scope scope) => Typed(call, type =>
    {
        Expr[] a = [.. call.Arguments.OrderBy(static x => x.Parameter!.Ordinal).Select(x => Parse(x.Value, scope))];
        return (type, method.Name, a) switch
        {
            (ExprType.Int, "Min", [var x, var y]) => new Binary(BinaryOp.Min, x, y),
            (ExprType.Int, "Max", [var x, var y]) => new Binary(BinaryOp.Max, x, y),
            (ExprType.Int, "Abs", [var x]) => new Unary(UnaryOp.Abs, x),
            (ExprType.Int, "Clamp", [var x, var low, var high]) => Clamp(x, low, high),
            (ExprType.Float, var name, _) when FloatFunctions.Contains((name, a.Length)) && a.All(static x => x.Type == ExprType.Float) =>
                new FloatCall(name, new EquatableArray<Expr>(a)),
            _ => UnknownCall(call, method, "it is not one of the functions that a kernel has"),
        };
    });

    /// <summary>Math.Clamp throws where its bounds are the wrong way round; a call refuses such parameters before it runs.</summary>
    private Binary Clamp(Expr x, Expr low, Expr high)
    {
        _demands.Add(new Binary(BinaryOp.LessOrEqual, low, high));
        return new Binary(BinaryOp.Min, new Binary(BinaryOp.Max, x, low), high);
    }

    private Expr UnknownCall(IInvocationOperation call, IMethodSymbol method, string why)
    {
        string name = method.ContainingType is { } type ? $"{type.Name}.{method.Name}" : method.Name;
        sink.Report(Diagnostics.UnknownCall, call.Syntax.GetLocation(), name, Where, why, Allowed.In(_isScore));
        return StandIn(call.Type);
    }

    /// <summary>The value of a method or property where it is used.</summary>
    private Expr Inline(IOperation use, ISymbol member, IBlockOperation body, Scope scope)
    {
        if (scope.Callers.Contains(member, SymbolEqualityComparer.Default))
        {
            return TooComplex(use, member, "it calls itself");
        }

        Expr value = ParseBlock(body, member, scope with { Callers = scope.Callers.Add(member) });
        return IsLarge(value) ? TooComplex(use, member, $"the pattern would have {TooLarge}") : value;
    }

    private Expr TooComplex(IOperation use, ISymbol member, string why)
    {
        sink.Report(Diagnostics.TooComplex, use.Syntax.GetLocation(), member.Name, Where, why);
        return StandIn(use.Type);
    }

    /// <summary>Too many operations, or too many inside each other: later stages walk down to the leaves.</summary>
    private static bool IsLarge(Expr e)
    {
        int budget = MostNodes;
        return !Fits(e, MostDepth, ref budget);

        static bool Fits(Expr e, int depth, ref int budget)
        {
            if (--budget < 0 || depth == 0)
            {
                return false;
            }

            foreach (Expr child in ExprWalk.Children(e))
            {
                if (!Fits(child, depth - 1, ref budget))
                {
                    return false;
                }
            }

            return true;
        }
    }

    private Expr? ParseBody(IMethodSymbol method, Scope scope)
    {
        if (BodyOf(method) is { } body)
        {
            Expr value = ParseBlock(body, method, scope);
            if (IsLarge(value))
            {
                sink.Report(Diagnostics.TooComplex, method.Locations.FirstOrDefault(), method.Name, Where, $"it has {TooLarge}");
            }

            return value;
        }

        sink.Report(Diagnostics.WrongSignature, method.Locations.FirstOrDefault(), method.Name, "it has no body", $"'{method.ToDisplayString()}' with a body");
        return null;
    }

    private static IMethodSymbol Implementation(IMethodSymbol method) => method.PartialImplementationPart ?? method;

    private IBlockOperation? BodyOf(ISymbol member)
    {
        if (member is IMethodSymbol method)
        {
            member = Implementation(method);
        }

        SyntaxNode? syntax = member.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellation) switch
        {
            PropertyDeclarationSyntax { ExpressionBody: { } arrow } => arrow,
            PropertyDeclarationSyntax { AccessorList.Accessors: [{ Body: { } block }] } => block,
            PropertyDeclarationSyntax { AccessorList.Accessors: [{ ExpressionBody: { } arrow }] } => arrow,
            BaseMethodDeclarationSyntax { ExpressionBody: { } arrow } => arrow,
            BaseMethodDeclarationSyntax { Body: { } block } => block,
            LocalFunctionStatementSyntax { ExpressionBody: { } arrow } => arrow,
            LocalFunctionStatementSyntax { Body: { } block } => block,
            _ => null,
        };

        // A referenced project's tree is not in this compilation, even where the compiler can show it.
        return syntax is not null && compilation.ContainsSyntaxTree(syntax.SyntaxTree)
            ? compilation.GetSemanticModel(syntax.SyntaxTree).GetOperation(syntax, cancellation) as IBlockOperation
            : null;
    }

    private Expr ParseBlock(IBlockOperation block, ISymbol member, Scope scope) =>
        ParseStatements([.. block.Operations], scope) ?? Unsupported(block, $"'{member.Name}', which does not return on every path,");

    /// <summary>The value that a run of statements returns, or null where it runs off the end.</summary>
    private Expr? ParseStatements(ImmutableArray<IOperation> statements, Scope scope)
    {
        for (int i = 0; i < statements.Length; i++)
        {
            Step();
            switch (statements[i])
            {
                case IReturnOperation { ReturnedValue: { } value }:
                    return Parse(value, scope);
                case IBlockOperation inner:
                    return ParseStatements([.. inner.Operations, .. statements.Skip(i + 1)], scope);
                case IConditionalOperation branch:
                    ImmutableArray<IOperation> rest = [.. statements.Skip(i + 1)];
                    Expr condition = Parse(branch.Condition, scope);
                    Expr? whenTrue = ParseStatements([branch.WhenTrue, .. rest], scope);
                    Expr? whenFalse = ParseStatements(branch.WhenFalse is { } other ? [other, .. rest] : rest, scope);
                    return whenTrue is null || whenFalse is null ? null : Select(condition, whenTrue, whenFalse);
                case IVariableDeclarationGroupOperation group:
                    scope = Declare(group, scope);
                    break;
                case ILocalFunctionOperation or IEmptyOperation:
                    break;
                default:
                    return Unsupported(statements[i]);
            }
        }

        return null;
    }

    private Scope Declare(IVariableDeclarationGroupOperation group, Scope scope)
    {
        foreach (IVariableDeclaratorOperation variable in group.Declarations.SelectMany(static d => d.Declarators))
        {
            Expr value = variable.Initializer is { } initializer
                ? Parse(initializer.Value, scope)
                : Unsupported(variable, $"the variable '{variable.Symbol.Name}' without a value");
            scope = scope.With(variable.Symbol, IsLarge(value) ? throw new TooLargeException() : value);
        }

        return scope;
    }
}
