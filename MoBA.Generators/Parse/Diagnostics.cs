using Microsoft.CodeAnalysis;

namespace MoBA.Generators.Parse;

/// <summary>Every diagnostic that an author can get. Ids are stable; docs/diagnostics.md has a heading for each.</summary>
internal static class Diagnostics
{
    public static readonly DiagnosticDescriptor NotPartial = Error(
        "MOBA1001", "A sparse expert or a mixture must be partial",
        "'{0}' must be declared partial, and so must every type around it: the compiler adds code to it");

    public static readonly DiagnosticDescriptor NotAPlainClass = Error(
        "MOBA1002", "A sparse expert or a mixture must be a plain class",
        "'{0}' is {1}; a sparse expert or a mixture is a non-generic, non-static, non-abstract class that is not file-local and not nested in a generic type");

    public static readonly DiagnosticDescriptor NoAttends = Error(
        "MOBA1003", "A sparse expert needs a predicate",
        "'{0}' has no predicate; add 'private bool Attends(int q, int k)' or 'private bool Attends(int q, int k, int head)'");

    public static readonly DiagnosticDescriptor WrongSignature = Error(
        "MOBA1004", "Wrong signature",
        "'{0}' has the wrong signature ({1}); write {2}");

    public static readonly DiagnosticDescriptor UnsupportedSyntax = Error(
        "MOBA1005", "Unsupported syntax in a pattern",
        "{0} cannot be used in {1}; allowed are {2}");

    public static readonly DiagnosticDescriptor UnknownCall = Error(
        "MOBA1006", "A call that the compiler cannot see through",
        "'{0}' cannot be called in {1}: {2}; allowed are {3}");

    public static readonly DiagnosticDescriptor NotAParameter = Error(
        "MOBA1007", "A member that is no parameter",
        "'{0}' is no parameter of a pattern ({1}); parameters are public init properties of type int, bool, float, int[], float[], ReadOnlyMemory<int>, ReadOnlyMemory<float> or another sparse expert; constants and expression-bodied properties are read through");

    public static readonly DiagnosticDescriptor BadOperand = Error(
        "MOBA1008", "An operand that the compiler cannot reason about",
        "{0} must be {1}, but is '{2}'");

    public static readonly DiagnosticDescriptor BadMonotone = Error(
        "MOBA1009", "[Monotone] marks something that is not an int table",
        "[Monotone] cannot mark '{0}' of type '{1}'; it marks public init properties of type int[] or ReadOnlyMemory<int>");

    public static readonly DiagnosticDescriptor TooComplex = Error(
        "MOBA1010", "A pattern that is recursive or too large",
        "'{0}' cannot be inlined into {1}: {2}");

    public static readonly DiagnosticDescriptor NoRuntime = Error(
        "MOBA1011", "The runtime is not referenced",
        "What is emitted for '{0}' needs MoBA.Runtime, which this project does not reference; add a reference to it beside MoBA.Dsl and MoBA.Generators");

    public static readonly DiagnosticDescriptor BadAttributeValue = Error(
        "MOBA1012", "An attribute's value is out of range",
        "{0} of [{1}] is {2}; it must be {3}");

    public static readonly DiagnosticDescriptor LoneAttribute = Error(
        "MOBA1013", "An attribute that needs another",
        "[{0}] on '{1}' says nothing without [{2}]; add [{2}], or remove it");

    public static readonly DiagnosticDescriptor TakenName = Error(
        "MOBA1014", "A name that the compiler needs is taken",
        "The compiler adds a property '{0}' to '{1}' for {2}, but {3}; rename that");

    public static readonly DiagnosticDescriptor NoExperts = Error(
        "MOBA1015", "A mixture without experts",
        "'{0}' has no experts; name them, as in [Expert<SinkWindow>, Expert<Strided>]");

    public static readonly DiagnosticDescriptor NotAnExpert = Error(
        "MOBA1016", "A class that cannot be an expert of a mixture",
        "'{0}' cannot be an expert of '{1}': {2}");

    public static readonly DiagnosticDescriptor SameExpert = Error(
        "MOBA1017", "Two experts of one name",
        "'{0}' names {1}; {2}");

    public static readonly DiagnosticDescriptor ExpertAndMixture = Error(
        "MOBA1018", "A class that is an expert and a mixture",
        "'{0}' has both [SparseExpert] and [ExpertMixture]; a mixture has no predicate of its own, so make them two classes");

    public static readonly DiagnosticDescriptor MayOverflow = Warning(
        "MOBA2001", "A pattern that may overflow",
        "'{0}' overflows int beyond {1} tokens at the default parameters; a call with more is refused, so reorder the arithmetic (for example 'q - k < Window' instead of 'q < k + Window')");

    public static readonly DiagnosticDescriptor AlwaysEmpty = Warning(
        "MOBA2002", "A pattern that attends nothing",
        "The predicate of '{0}' is false for every query and key{1}");

    public static readonly DiagnosticDescriptor AlwaysFull = Warning(
        "MOBA2003", "A pattern that attends everything",
        "The predicate of '{0}' is true for every query and key{1}: it is dense attention");

    public static readonly DiagnosticDescriptor Precedence = Warning(
        "MOBA2004", "A pattern that is not causal because of operator precedence",
        "'{0}' is not causal: && binds tighter than ||, so '{1}' also lets later keys through; write 'causal && (a || b)', or put parentheses around the && part if this is meant");

    public static readonly DiagnosticDescriptor EmptyRow = Warning(
        "MOBA2005", "A query that sees no key",
        "The query at position {1} attends no key under '{0}': its output will be 0 and its log-sum-exp -infinity; 'q >= k' lets a query attend itself");

    public static readonly DiagnosticDescriptor UnusedParameter = Warning(
        "MOBA2006", "A parameter that is never read",
        "The parameter '{0}' is read neither by Attends nor by Score, so setting it changes nothing; use it or remove it");

    public static readonly DiagnosticDescriptor AlwaysWithoutGate = Warning(
        "MOBA2007", "An Always without a gate",
        "'{0}' has 'Always' and no [BlockGate], so nothing asks it; add [BlockGate], or remove it");

    public static readonly DiagnosticDescriptor AlwaysIdle = Warning(
        "MOBA2008", "An Always that makes a gate or itself idle",
        "'Always' of '{0}' holds for {1} pair that 'Attends' allows{2}: {3}");

    public static readonly DiagnosticDescriptor GateNotCausal = Warning(
        "MOBA2009", "A block gate on a pattern that is not causal",
        "'{0}' may attend later keys, but its gate routes a query to its own and to past blocks alone; write 'q >= k &&' in Attends if nothing later is meant");

    public static readonly DiagnosticDescriptor MethodOfMixture = Warning(
        "MOBA2010", "A method of an expert in a mixture",
        "'{0}' of '{1}' is never asked: a mixture attends what its experts attend; move it to an expert, or rename it");

    private static DiagnosticDescriptor Error(string id, string title, string message) =>
        Descriptor(id, title, message, DiagnosticSeverity.Error);

    private static DiagnosticDescriptor Warning(string id, string title, string message) =>
        Descriptor(id, title, message, DiagnosticSeverity.Warning);

    private static DiagnosticDescriptor Descriptor(string id, string title, string message, DiagnosticSeverity severity) =>
        new(id, title, message, "MoBA", severity, isEnabledByDefault: true);
}
