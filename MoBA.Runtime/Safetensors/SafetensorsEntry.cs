namespace MoBA.Runtime;

/// <summary>Where a tensor lies in a safetensors file, and its type and shape.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dtype">Type of its elements.</param>
/// <param name="Shape">Its lengths, outermost first; a scalar has none.</param>
/// <param name="Start">First byte of its data, counted from the end of the header.</param>
/// <param name="End">One past its last byte.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, long Start, long End)
{
    /// <summary>Number of elements.</summary>
    public long Count => (End - Start) / Dtype.Size();

    /// <summary>Dtype and shape as text, for example <c>BF16 [2048, 4, 64]</c>.</summary>
    public override string ToString() => $"{Dtype.Spelling()} [{string.Join(", ", Shape)}]";
}
