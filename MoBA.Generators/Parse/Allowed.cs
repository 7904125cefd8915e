using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace MoBA.Generators.Parse;

/// <summary>What a pattern may be written with, in words: every refusal lists it.</summary>
internal static class Allowed
{
    public const string InPredicate =
        "q, k, head, int and bool constants and parameters, + - * / % & | ^ ~ << >>, comparisons, 'is' with constants and relations, && || ! ?:, Math.Min/Max/Abs/Clamp, int tables, locals, if/return, and helpers with source";

    public const string InScore =
        "score, q, k, head, heads, int, bool and float constants and parameters, arithmetic, comparisons, ?:, Min/Max/Abs/Clamp, float.Exp/Exp2/Log/Log2/Tanh/Sin/Cos/Sqrt/Pow/Floor/Ceiling (or MathF), int and float tables, locals, if/return, and helpers with source";

    public static string In(bool isScore) => isScore ? InScore : InPredicate;

    /// <summary>The name of an operation as an author would say it.</summary>
    public static string Describe(IOperation operation) => operation switch
    {
        ILoopOperation => "a loop",
        IObjectCreationOperation or IArrayCreationOperation or IAnonymousObjectCreationOperation => "'new'",
        IAssignmentOperation or IIncrementOrDecrementOperation => "an assignment",
        IExpressionStatementOperation { Operation: var inner } => Describe(inner),
        IAwaitOperation => "'await'",
        IThrowOperation => "'throw'",
        ITryOperation => "'try'",
        ILockOperation => "'lock'",
        IUsingOperation or IUsingDeclarationOperation => "'using'",
        ISwitchOperation or ISwitchExpressionOperation => "'switch'",
        IAnonymousFunctionOperation or IDelegateCreationOperation => "a lambda",
        IFieldReferenceOperation f => $"the field '{f.Field.Name}'",
        IInvocationOperation i => $"a call of '{i.TargetMethod.Name}'",
        ILiteralOperation or IConversionOperation => $"a value of type '{operation.Type?.ToDisplayString() ?? "?"}'",
        IInterpolatedStringOperation => "a string",
        ITupleOperation => "a tuple",
        ICoalesceOperation => "'??'",
        _ => $"'{Shorten(operation.Syntax.ToString())}'",
    };

    public static string Shorten(string text)
    {
        string line = string.Join(" ", text.Split(['\r', '\n', ' '], StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= 60 ? line : line.Substring(0, 57) + "...";
    }
}
