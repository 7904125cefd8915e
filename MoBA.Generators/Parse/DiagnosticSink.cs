using Microsoft.CodeAnalysis;

namespace MoBA.Generators.Parse;

/// <summary>
/// Where the parser reports: the analyzer shows what it gets, the generator only asks whether there was an error. One
/// parser, two clients.
/// </summary>
internal sealed class DiagnosticSink(Action<Diagnostic>? report)
{
    public bool HasErrors { get; private set; }

    public void Report(DiagnosticDescriptor descriptor, Location? location, params object[] arguments)
    {
        HasErrors |= descriptor.DefaultSeverity == DiagnosticSeverity.Error;
        report?.Invoke(Diagnostic.Create(descriptor, location, arguments));
    }
}
