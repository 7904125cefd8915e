namespace MoBA.Gpu.Tests;

/// <summary>How rows stand in memory.</summary>
public enum Layout
{
    /// <summary>Side by side: token by token, head by head.</summary>
    Dense,

    /// <summary>Token by token, with gaps behind every head and every token.</summary>
    Padded,

    /// <summary>Head by head, with gaps behind every row.</summary>
    HeadMajor,
}

/// <summary>A tensor [tokens, heads, dim] inside a larger allocation: what lies before, between and behind its rows is a guard.</summary>
internal sealed class GuardedLayout
{
    // Whole 16 bytes, and no whole cache line: what is aligned to more has no right to be.
    private const int Guard = 1032;

    /// <summary>Places a tensor.</summary>
    public GuardedLayout(Layout layout, int tokens, int heads, int dim)
    {
        (Tokens, Heads, Dim) = (tokens, heads, dim);
        (TokenStride, HeadStride) = layout switch
        {
            Layout.Dense => ((nint)heads * dim, (nint)dim),
            Layout.Padded => (((nint)heads * (dim + 16)) + 24, (nint)dim + 16),
            _ => ((nint)dim + 8, ((nint)tokens * (dim + 8)) + 40),
        };
        long last = ((tokens - 1L) * TokenStride) + ((heads - 1L) * HeadStride) + dim;
        Length = Guard + (tokens == 0 ? 0 : (last + 7) / 8 * 8) + Guard;
    }

    /// <summary>Tokens, heads and components.</summary>
    public int Tokens { get; }

    /// <inheritdoc cref="Tokens"/>
    public int Heads { get; }

    /// <inheritdoc cref="Tokens"/>
    public int Dim { get; }

    /// <summary>Elements from a token to the next.</summary>
    public nint TokenStride { get; }

    /// <summary>Elements from a head to the next.</summary>
    public nint HeadStride { get; }

    /// <summary>Elements of the allocation before the first row.</summary>
    public static int First => Guard;

    /// <summary>Elements of the allocation.</summary>
    public long Length { get; }

    /// <summary>The allocation with <paramref name="dense"/> in its rows and <paramref name="guard"/> elsewhere.</summary>
    public ushort[] Scatter(ReadOnlySpan<ushort> dense, ushort guard)
    {
        ushort[] memory = Filled(guard);
        for (int row = 0; row < Tokens * Heads; row++)
            dense.Slice(row * Dim, Dim).CopyTo(memory.AsSpan(Place(row), Dim));
        return memory;
    }

    /// <summary>The allocation with one value everywhere.</summary>
    public ushort[] Filled(ushort value)
    {
        ushort[] memory = new ushort[Length];
        Array.Fill(memory, value);
        return memory;
    }

    /// <summary>The rows, side by side.</summary>
    public ushort[] Gather(ReadOnlySpan<ushort> memory)
    {
        ushort[] dense = new ushort[Tokens * Heads * Dim];
        for (int row = 0; row < Tokens * Heads; row++)
            memory.Slice(Place(row), Dim).CopyTo(dense.AsSpan(row * Dim, Dim));
        return dense;
    }

    /// <summary>Says where the allocation was written outside the rows, or null where nowhere.</summary>
    public string? Damage(ReadOnlySpan<ushort> memory, ushort guard)
    {
        ushort[] outside = memory.ToArray();
        for (int row = 0; row < Tokens * Heads; row++)
            outside.AsSpan(Place(row), Dim).Fill(guard);
        int at = outside.AsSpan().IndexOfAnyExcept(guard);
        return at < 0 ? null : $"wrote outside the tensor: element {at - Guard} from its first, value bits 0x{outside[at]:X4} (strides {TokenStride}, {HeadStride})";
    }

    // Of row token x heads + head.
    private int Place(int row) => checked((int)(Guard + ((row / Heads) * TokenStride) + ((row % Heads) * HeadStride)));
}
