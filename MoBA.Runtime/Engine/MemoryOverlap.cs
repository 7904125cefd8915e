namespace MoBA.Runtime;

/// <summary>Refuses outputs that would be written over inputs which are still to be read.</summary>
internal static unsafe class MemoryOverlap
{
    /// <summary>Checks the output of a call against its inputs. The view of an input itself is good: each row is read before
    /// the same row is written.</summary>
    public static void Check(AttentionProblem problem, ReadOnlySpan<nint> queries, ReadOnlySpan<nint> keys)
    {
        // A key row is packed with the sequence that has it, and other sequences' outputs may be written before.
        bool aligned = problem.Sequences.All(s => s.FirstQueryToken == s.FirstKeyToken && s.Queries == s.Keys);
        Check(problem.Q, problem.K, problem.V, problem.Output, queries, keys, aligned);
    }

    /// <summary>Checks an output against q, k and v, in any memory; with <paramref name="keysToo"/> it may be k or v itself.</summary>
    public static void Check(
        in TensorView q, in TensorView k, in TensorView v, in TensorView output, ReadOnlySpan<nint> queries, ReadOnlySpan<nint> keys, bool keysToo)
    {
        Check("q", q, queries, output, queries, same: true);
        Check("k", k, keys, output, queries, keysToo);
        Check("v", v, keys, output, queries, keysToo);
    }

    private static void Check(
        string name, in TensorView input, ReadOnlySpan<nint> lengths, in TensorView output, ReadOnlySpan<nint> outputLengths, bool same)
    {
        nint size = input.Kind == ElementKind.Single ? sizeof(float) : sizeof(short);
        byte* start = (byte*)input.Data, outputStart = (byte*)output.Data;
        nint span = Span(input, lengths) * size, outputSpan = Span(output, outputLengths) * size;
        if (start + span <= outputStart || outputStart + outputSpan <= start)
            return;

        bool alike = input.TokenStride == output.TokenStride && input.HeadStride == output.HeadStride && input.DimStride == output.DimStride;
        if (alike && lengths.SequenceEqual(outputLengths) && (start == outputStart ? same : !Meet(input, lengths, (nint)(outputStart - start), size)))
            return;
        throw new ArgumentException(
            $"output shares memory with {name}: it may be q itself, else give a tensor of its own.", nameof(output));
    }

    // Elements from the first to one past the last; none in an empty tensor.
    private static nint Span(in TensorView view, ReadOnlySpan<nint> lengths) => lengths.Contains(0)
        ? 0
        : (lengths[0] - 1) * view.TokenStride + (lengths[1] - 1) * view.HeadStride + (lengths[2] - 1) * view.DimStride + 1;

    // Whether two views of the same shape and strides, so many bytes apart, have an element in common: q and the output may be
    // columns of one buffer.
    private static bool Meet(in TensorView view, ReadOnlySpan<nint> lengths, nint bytes, nint size)
    {
        if (bytes % size != 0)
            return true;
        for (nint head = 1 - lengths[1]; head < lengths[1]; head++)
        {
            for (nint component = 1 - lengths[2]; component < lengths[2]; component++)
            {
                nint rest = bytes / size - head * view.HeadStride - component * view.DimStride;
                bool whole = view.TokenStride == 0 ? rest == 0 : rest % view.TokenStride == 0;
                if (whole && (view.TokenStride == 0 || Math.Abs(rest / view.TokenStride) < lengths[0]))
                    return true;
            }
        }

        return false;
    }
}
