using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Gpu;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>
/// Calls of a gated expert with a NaN or an infinity in q, k or v. What a query does not attend never reaches its output, and what it attends
/// does. A bad key changes its block's gate besides, and so routes: these must be the definition's, and outputs are judged by them. Rows whose
/// routes stay as they were, and which do not attend the bad number, are the same bits.
/// </summary>
/// <param name="At">The case.</param>
/// <param name="Inputs">Its tensors, whose bits are spoilt in turn.</param>
/// <param name="Reference">What judges.</param>
/// <param name="Run">Attends with the bits as they are.</param>
internal sealed record GatedSpoiling(GatedCase At, AttentionInputs Inputs, ReferenceDevice Reference, Func<GpuOutcome> Run)
{
    // Keys within which a tile of queries and one of keys may meet in a pass over own blocks.
    private const int Near = 256;

    private static readonly float[] _values = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    private readonly ISparseExpert _expert = At.Expert;

    /// <summary>What is wrong with the call as it is; null where nothing is.</summary>
    public string? CleanFault() => GatedRunner.Fault(Reference, _expert, Inputs, Run()) is { } fault ? $"{At}: {fault}" : null;

    /// <summary>What is wrong when a key or a value of key head 0 is bad.</summary>
    public string? KeyFault(GpuOutcome clean, int key)
    {
        foreach ((string name, ushort[] bits) in ((string, ushort[])[])[("k", Inputs.KBits), ("v", Inputs.VBits)])
        {
            // A score that is masked is gone. A value goes through the product of its tile, and spoilt rows are done again.
            foreach (float value in _values)
            {
                if (Spoil(bits, key * At.KeyHeads, value, actual => Fault(
                    clean, actual, row => OfFirstKeyHead(row) && RouteMask.Has(Inputs, _expert, actual.Routes!, row, key),
                    row => name == "v" && OfFirstKeyHead(row) && MayShareTile(row, key))) is { } fault)
                    return $"{At}: {value} in {name} at key {key} of head 0: {fault}";
            }
        }

        return null;
    }

    /// <summary>What is wrong when the query of row token x heads + head is bad.</summary>
    public string? QueryFault(GpuOutcome clean, int row)
    {
        foreach (float value in _values)
        {
            if (Spoil(Inputs.QBits, row, value, actual => Fault(clean, actual, other => other == row, _ => false)) is { } fault)
                return $"{At}: {value} in q at row {row}: {fault}";
        }

        return null;
    }

    // Rows with other routes than before are judged, and not compared.
    private string? Fault(GpuOutcome clean, GpuOutcome actual, Func<int, bool> isSpoilt, Func<int, bool> isRedone)
    {
        BlockGate gate = _expert.Gate!;
        AttentionInputs spoilt = At.With([Inputs.QBits, Inputs.KBits, Inputs.VBits], Inputs.Scale);
        if (RouteJudge.Fault(new(spoilt, gate), gate, actual.Routes!) is { } fault)
            return fault;
        ReferenceResult wanted = Reference.Attend(Inputs, _expert, RouteMask.Of(Inputs, _expert, actual.Routes!));
        (ushort[] output, float[] lse) = ([.. clean.Output], [.. clean.Lse]);
        for (int row = 0; row < lse.Length; row++)
        {
            (int token, int head) = Math.DivRem(row, At.QueryHeads);
            if (clean.Routes!.Of(token, head, At.QueryHeads).SequenceEqual(actual.Routes!.Of(token, head, At.QueryHeads)))
                continue;
            for (int i = row * At.Dim; i < (row + 1) * At.Dim; i++)
                output[i] = isSpoilt(row) ? Bits.Of(wanted.Output[i], At.Element) : actual.Output[i];
            lse[row] = isSpoilt(row) ? wanted.Lse[row] : actual.Lse[row];
        }

        return SpoiltRows.Fault(Inputs, wanted, clean with { Output = output, Lse = lse }, actual, isSpoilt, isRedone);
    }

    private string? Spoil(ushort[] bits, int row, float value, Func<GpuOutcome, string?> faultOf)
    {
        Span<ushort> place = bits.AsSpan(row * At.Dim, At.Dim);
        ushort[] before = place.ToArray();
        place.Fill(Bits.Of(value, At.Element));
        try
        {
            return faultOf(Run());
        }
        finally
        {
            before.CopyTo(bits, row * At.Dim);
        }
    }

    private bool OfFirstKeyHead(int row) => row % At.QueryHeads < At.QueryHeads / At.KeyHeads;

    // A pass over own blocks reads the keys from the first query's block on, and what is always attended wherever it is.
    private bool MayShareTile(int row, int key)
    {
        int token = row / At.QueryHeads;
        PlacedSequence sequence = Inputs.Sequences.Single(one => token >= one.FirstQuery && token < one.FirstQuery + one.At.Queries);
        int distance = key - sequence.FirstKey - (sequence.At.Start + token - sequence.FirstQuery);
        return distance <= Near && (At.Pattern == nameof(MobaSinks) || distance >= -(Near + At.BlockSize));
    }
}
