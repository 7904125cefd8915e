using System.Reflection;

namespace MoBA.Runtime.Cuda;

/// <summary>What a kernel is compiled from.</summary>
/// <param name="Method">The attention kernel of an architecture, closed over a pattern's types.</param>
/// <param name="Hash">The hash of the pattern's emitted text.</param>
internal readonly record struct KernelSource(MethodInfo Method, string Hash)
{
    /// <summary>The pattern, for people.</summary>
    public string Pattern => Method.IsGenericMethod ? Innermost(Method.GetGenericArguments()[0]).Name : Method.Name;

    /// <summary>The kernel and every type that it is closed over.</summary>
    public string FullName =>
        $"{Method.DeclaringType!.FullName}.{Method.Name}<{string.Join(", ", Method.GetGenericArguments().Select(static t => t.FullName))}>";

    // Of a pattern within another one.
    private static Type Innermost(Type pattern) => pattern.IsGenericType ? Innermost(pattern.GetGenericArguments()[0]) : pattern;
}
