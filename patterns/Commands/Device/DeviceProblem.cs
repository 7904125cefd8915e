using System.Globalization;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>What is attended on a device: shapes and sequences.</summary>
/// <param name="Sequences">The sequences.</param>
/// <param name="Offsets">Where they begin, and the end of the last; null for one sequence without offsets.</param>
/// <param name="QueryTokens">Tokens of q.</param>
/// <param name="KeyTokens">Tokens of k and v.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key heads.</param>
/// <param name="Dim">Numbers in a head.</param>
/// <param name="Dtype">BF16 or F16.</param>
internal sealed record DeviceProblem(
    SequenceRows[] Sequences, int[]? Offsets, int QueryTokens, int KeyTokens, int Heads, int KeyHeads, int Dim, SafetensorsDtype Dtype)
{
    /// <summary>Bytes of q, k, v and o.</summary>
    public double TensorBytes => 2.0 * sizeof(ushort) * Dim * (((double)QueryTokens * Heads) + ((double)KeyTokens * KeyHeads));

    /// <summary>Keys of the longest sequence, at least 1: what a pattern's parameters are made for.</summary>
    public int LongestSequence => Math.Max(1, Sequences.Max(sequence => sequence.Keys));

    /// <summary>A few tokens; of an expert with a gate as many as make it choose, within reason.</summary>
    public static int Few(ISparseExpert expert, int tokens)
    {
        const long most = 8192;
        return expert.Gate is { } gate ? (int)Math.Max(tokens, Math.Min(most, (long)gate.BlockSize * (gate.TopK + 1))) : tokens;
    }

    /// <summary>Shapes for people.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(Sequences.Length == 1 ? "" : $"{Sequences.Length} sequences of up to ")}{LongestSequence} tokens, {Heads} query heads, {KeyHeads} key heads, dim {Dim}, {(Dtype == SafetensorsDtype.BF16 ? "bfloat16" : "float16")}");

    /// <summary>Sequences of one length, packed.</summary>
    /// <exception cref="UserErrorException">It is more than fits.</exception>
    public static DeviceProblem Of(int tokens, int batch, int heads, int keyHeads, int dim, SafetensorsDtype dtype)
    {
        long numbers = (long)tokens * batch * dim * Math.Max(heads, keyHeads), bytes = numbers * sizeof(ushort);
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (numbers > Array.MaxLength || bytes > memory)
        {
            throw new UserErrorException(string.Create(
                CultureInfo.InvariantCulture,
                $"--batch {batch} x --tokens {tokens} x {Math.Max(heads, keyHeads)} heads x --dim {dim} is {numbers} numbers a tensor, which the host makes one by one: at most {Math.Min(Array.MaxLength, memory / sizeof(ushort))} can be had; make one smaller."));
        }

        int[] offsets = [.. Enumerable.Range(0, batch + 1).Select(i => i * tokens)];
        SequenceRows[] sequences = [.. Enumerable.Range(0, batch).Select(i => new SequenceRows(i * tokens, tokens, tokens))];
        return new(sequences, batch == 1 ? null : offsets, offsets[^1], offsets[^1], heads, keyHeads, dim, dtype);
    }

    /// <summary>The tensors of a file.</summary>
    /// <exception cref="UserErrorException">Its elements are none that the kernels take.</exception>
    public static DeviceProblem Of(AttentionInput file)
    {
        if (file.Dtype is not (SafetensorsDtype.BF16 or SafetensorsDtype.F16))
        {
            throw new UserErrorException($"{file.Path}: tensor 'q' is {file.Dtype}; --target cuda times BF16 or F16: convert it.");
        }

        (SafetensorsEntry q, SafetensorsEntry k) = file.Entries;
        (int queries, int keys) = (Length(q, 0), Length(k, 0));
        int[]? offsets = file.Options.Sequences;
        SequenceRows[] sequences = offsets is null
            ? [new(0, queries, keys)]
            : [.. offsets.Skip(1).Select((end, i) => new SequenceRows(offsets[i], end - offsets[i], end - offsets[i]))];
        return new(sequences, offsets, queries, keys, Length(q, 1), Length(k, 1), Length(q, 2), file.Dtype);

        int Length(SafetensorsEntry entry, int axis) => entry.Shape[axis] <= AttentionExtent.MaxPosition
            ? (int)entry.Shape[axis]
            : throw new UserErrorException($"{file.Path}: tensor '{entry.Name}' is {entry}, which is too long; cut it.");
    }
}
