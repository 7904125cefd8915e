using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime;

/// <summary>Checks the arguments of a call. Every message names the argument, what was given, and what is wanted.</summary>
internal static class AttentionChecks
{
    private const int DimStep = 8;
    private const int MaxDim = 256;

    private const int MaxPosition = AttentionExtent.MaxPosition;

    /// <summary>The kind of elements of type <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">Tensors of it cannot be attended.</exception>
    public static ElementKind KindOf<T>() =>
        typeof(T) == typeof(float) ? ElementKind.Single
        : typeof(T) == typeof(Half) ? ElementKind.Half
        : typeof(T) == typeof(BFloat16) ? ElementKind.BFloat16
        : throw new ArgumentException(
            $"q, k and v are tensors of {typeof(T)}: they must be of float, System.Half or MoBA.Runtime.BFloat16; convert them.", "q");

    /// <summary>Checks the shapes of a call's tensors; with <paramref name="anyDim"/>, dim may be what kernels do not take.</summary>
    public static void Shapes<T>(Tensor<T> q, Tensor<T> k, Tensor<T> v, Tensor<T>? output, bool anyDim = false)
    {
        ArgumentNullException.ThrowIfNull(q);
        ArgumentNullException.ThrowIfNull(k);
        ArgumentNullException.ThrowIfNull(v);
        Shapes(q.Lengths, k.Lengths, v.Lengths, anyDim);
        if (output is not null)
            Output(output.Lengths, output.Strides, q.Lengths);
    }

    /// <summary>Checks the shapes of q, k and v, wherever their memory is.</summary>
    public static void Shapes(ReadOnlySpan<nint> q, ReadOnlySpan<nint> k, ReadOnlySpan<nint> v, bool anyDim = false)
    {
        Rank(q, nameof(q), "[query tokens, query heads, dim]");
        Rank(k, nameof(k), "[key tokens, key heads, dim]");
        Rank(v, nameof(v), "[key tokens, key heads, dim]");

        nint dim = q[2];
        if (anyDim ? dim < 1 : dim is < DimStep or > MaxDim || dim % DimStep != 0)
            throw new ArgumentException($"q is {Text(q)}: dim {dim} must be a multiple of {DimStep} from {DimStep} to {MaxDim}; pad q, k and v with zeros and set Scale.", nameof(q));
        if (k[2] != dim)
            throw new ArgumentException($"k is {Text(k)}: its dim must be q's, which is {Text(q)}.", nameof(k));
        if (!v.SequenceEqual(k))
            throw new ArgumentException($"v is {Text(v)}: it must have the shape of k, which is {Text(k)}.", nameof(v));
        if (q[1] < 1 || k[1] < 1 || q[1] % k[1] != 0)
            throw new ArgumentException($"k is {Text(k)} and q is {Text(q)}: the {q[1]} query heads must be a multiple of the {k[1]} key heads.", nameof(k));
    }

    /// <summary>Checks the shape and strides of an output against the shape of q.</summary>
    public static void Output(ReadOnlySpan<nint> output, ReadOnlySpan<nint> strides, ReadOnlySpan<nint> q)
    {
        if (!output.SequenceEqual(q))
            throw new ArgumentException($"output is {Text(output)}: it must have the shape of q, which is {Text(q)}.", nameof(output));
        for (int i = 0; i < output.Length; i++)
        {
            if (strides[i] == 0 && output[i] > 1)
                throw new ArgumentException($"output is {Text(output)} with strides {Text(strides)}: rows that share memory cannot be written; give a tensor without stride 0.", nameof(output));
        }
    }

    /// <summary>The sequences of a call.</summary>
    public static AttentionSequence[] Sequences(ICallOptions options, int queryTokens, int keyTokens)
    {
        int[] queries = options.Sequences ?? [0, queryTokens];
        int[] keys = options.KeySequences ?? (options.Sequences is null ? [0, keyTokens] : queries);
        string keyName = options.KeySequences is null ? nameof(options.Sequences) : nameof(options.KeySequences);
        Offsets(queries, nameof(options.Sequences), queryTokens, "query tokens of q");
        Offsets(keys, keyName, keyTokens, "key tokens of k");
        if (queries.Length != keys.Length)
            throw new ArgumentException($"KeySequences has {keys.Length} offsets and {(options.Sequences is null ? "without Sequences there is one sequence, which has" : "Sequences has")} {queries.Length}: both must be batch + 1.", "options");

        AttentionSequence[] sequences = new AttentionSequence[queries.Length - 1];
        for (int i = 0; i < sequences.Length; i++)
        {
            int count = queries[i + 1] - queries[i];
            int keyCount = keys[i + 1] - keys[i];
            int position = options.QueryStart ?? keyCount - count;
            if (position < -MaxPosition || (long)position + count > MaxPosition)
                throw new ArgumentException($"QueryStart is {position} and sequence {i} has {count} queries: they would stand at {position} to {(long)position + count - 1}, and positions go from {-MaxPosition} to {MaxPosition - 1}; give a QueryStart between {-MaxPosition} and {MaxPosition - count}.", "options");
            sequences[i] = new(queries[i], count, keys[i], keyCount, position);
        }

        return sequences;
    }

    /// <summary>The factor of the raw scores.</summary>
    public static float Scale(ICallOptions options, int dim)
    {
        float scale = options.Scale ?? 1 / MathF.Sqrt(dim);
        return float.IsFinite(scale)
            ? scale
            : throw new ArgumentException($"Scale is {scale.ToString(CultureInfo.InvariantCulture)}: it must be finite, or null for 1 / sqrt(dim).", "options");
    }

    /// <summary>The positions of the sequences that have queries and keys, or null where there is none.</summary>
    public static AttentionExtent? Extent(AttentionSequence[] sequences, int heads)
    {
        AttentionExtent? extent = null;
        foreach (AttentionSequence s in sequences)
        {
            if (s.Queries == 0 || s.Keys == 0)
                continue;

            int last = s.Position + s.Queries - 1;
            extent = extent is { } e
                ? new(Math.Min(e.FirstQuery, s.Position), Math.Max(e.LastQuery, last), Math.Max(e.Keys, s.Keys), heads)
                : new(s.Position, last, s.Keys, heads);
        }

        return extent;
    }

    private static void Rank(ReadOnlySpan<nint> lengths, string name, string wanted)
    {
        if (lengths.Length != 3)
            throw new ArgumentException($"{name} is {Text(lengths)}: it must have 3 dimensions, {wanted}.", name);
        if (lengths[0] > MaxPosition || lengths[1] > int.MaxValue)
            throw new ArgumentException($"{name} is {Text(lengths)}: it may have at most {MaxPosition} tokens, so that positions fit int.", name);
    }

    private static void Offsets(int[] offsets, string name, int tokens, string what)
    {
        if (offsets.Length < 2)
            throw new ArgumentException($"{name} has {offsets.Length} offsets: it must have batch + 1, at least 2, from 0 to the {tokens} {what}.", "options");
        if (offsets[0] != 0)
            throw new ArgumentException($"{name} starts at {offsets[0]}: it must start at 0.", "options");
        for (int i = 1; i < offsets.Length; i++)
        {
            if (offsets[i] < offsets[i - 1])
                throw new ArgumentException($"{name} falls from {offsets[i - 1]} to {offsets[i]} at index {i}: offsets must ascend.", "options");
        }

        if (offsets[^1] != tokens)
            throw new ArgumentException($"{name} ends at {offsets[^1]}: it must end at {tokens}, the {what}.", "options");
    }

    /// <summary>A shape or strides, for messages.</summary>
    public static string Text(ReadOnlySpan<nint> lengths) => $"[{string.Join(", ", lengths.ToArray())}]";
}
