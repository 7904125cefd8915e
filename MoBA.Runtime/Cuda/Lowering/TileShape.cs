namespace MoBA.Runtime.Cuda;

/// <summary>The machine that a tensor-core kernel is made for.</summary>
internal enum KernelTarget
{
    /// <summary>Ampere and whatever follows it, except Hopper: mma.sync, ldmatrix, cp.async.</summary>
    Sm80,

    /// <summary>Hopper: wgmma, the tensor memory accelerator, mbarriers.</summary>
    Sm90a,
}

/// <summary>What a kernel does, where that is not plain attention: what a tile instruction becomes depends on it.</summary>
internal enum KernelRole
{
    /// <summary>Attention of tiles of queries.</summary>
    Attention,

    /// <summary>Attention of rows that chose a block.</summary>
    Routed,

    /// <summary>Attention of rows that an expert of a mixture was given.</summary>
    Listed,

    /// <summary>The scores of blocks, and the best of them.</summary>
    Gate,

    /// <summary>Plain device code without tiles.</summary>
    Plain,
}

/// <summary>What a kernel's text depends on beside its pattern.</summary>
/// <param name="Target">The machine.</param>
/// <param name="Dim">Components of a row in shared memory: 64, 128 or 256. A smaller dim is padded with zeros there.</param>
/// <param name="Element">Half or BFloat16.</param>
/// <param name="IsBounded">Whether modified scores are known to be at most <see cref="MostBound"/> in size: then powers are relative to
/// the maximum of a row's first tile, and no other is looked for.</param>
/// <param name="Role">What the kernel does.</param>
/// <param name="BlockKeys">In the roles <see cref="KernelRole.Routed"/> and <see cref="KernelRole.Listed"/>, keys of a tile: 64 or 128.</param>
/// <param name="Operands">In the role <see cref="KernelRole.Gate"/>, what blocks are scored with: a query, or its positive and negative part; three or
/// four parts where queries are summed.</param>
/// <param name="Listed">In the role <see cref="KernelRole.Gate"/>, room for blocks of a row in shared memory and one more; 0 where registers do.</param>
/// <param name="SharedBytes">In the role <see cref="KernelRole.Plain"/>, what a block takes of shared memory: the less, the more blocks run.</param>
internal readonly record struct TileShape(
    KernelTarget Target, int Dim, ElementKind Element, bool IsBounded = false, KernelRole Role = KernelRole.Attention, int BlockKeys = 0, int Operands = 0, int Listed = 0, int SharedBytes = 0)
{
    /// <summary>e to this is 2^80: relative to at least 2^-16, the sum of 2^30 keys is below 2^126.</summary>
    public const float MostBound = 55.4f;

    /// <summary>Whether a kernel does with the maximum of the first tile. Half has no room for such weights, and Ampere's kernel no registers for powers
    /// that are under way.</summary>
    public static bool CanBeBounded(KernelTarget target, ElementKind element, float scoreBound) =>
        target == KernelTarget.Sm90a && element == ElementKind.BFloat16 && scoreBound <= MostBound;

    /// <summary>The same for rows that are gathered from a list and attend all key tiles of their pattern.</summary>
    public TileShape OfLists() => this with { Role = KernelRole.Listed, BlockKeys = Dim == 256 ? 64 : 128 };

    /// <summary>The shape that rows of <paramref name="dim"/> components run in.</summary>
    public static TileShape For(KernelTarget target, int dim, ElementKind element, bool isBounded = false) =>
        new(target, dim <= 64 ? 64 : dim <= 128 ? 128 : 256, element, isBounded);
}

/// <summary>A kernel's text, ready for the driver.</summary>
/// <param name="Ptx">The module.</param>
/// <param name="Entry">Name of its kernel.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
internal sealed record KernelText(string Ptx, string Entry, int Threads, int SharedBytes);
