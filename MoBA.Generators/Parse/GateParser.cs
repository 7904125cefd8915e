using Microsoft.CodeAnalysis;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>Parse: <c>[BlockGate]</c> becomes a <see cref="GateSpec"/>.</summary>
internal static class GateParser
{
    /// <summary>The gate of an expert, or null where it has none.</summary>
    public static GateSpec? Parse(INamedTypeSymbol type, DiagnosticSink sink, CancellationToken cancellation)
    {
        if (AttributeReader.Find(type, AttributeReader.BlockGate) is not { } attribute)
        {
            return null;
        }

        // The defaults are those of the attribute's properties.
        AttributeReader reader = new(attribute, sink, cancellation);
        GateSpec gate = new(
            reader.Int("BlockSize", 128), reader.Int("TopK", 8), reader.Enum<Pooling>("Pooling"), reader.Enum<RouteScope>("Scope"));
        reader.Demand(
            gate.BlockSize is >= GateSpec.BlockStep and <= Overflow.MaxPosition && gate.BlockSize % GateSpec.BlockStep == 0, "BlockSize", gate.BlockSize,
            gate.BlockSize > Overflow.MaxPosition ? $"at most {Overflow.MaxPosition}" : $"a multiple of {GateSpec.BlockStep}, at least {GateSpec.BlockStep}");
        reader.Demand(gate.TopK >= 1, "TopK", gate.TopK, "at least 1, the query's own block");
        ISymbol? gated = ParameterTable.Lineage(type).Skip(1).FirstOrDefault(static t => AttributeReader.Find(t, AttributeReader.BlockGate) is not null);
        foreach (string name in gate.Parameters.Select(static p => p.Path))
        {
            if ((ClassParser.Taken(type, name) ?? gated) is { } taken)
            {
                ClassParser.ReportTaken(type, name, taken, "its block gate", sink);
            }
        }

        return gate;
    }
}
