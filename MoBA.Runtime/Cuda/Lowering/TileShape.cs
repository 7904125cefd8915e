namespace MoBA.Runtime.Cuda;

/// <summary>The machine that a tensor-core kernel is made for.</summary>
internal enum KernelTarget
{
    /// <summary>Ampere and whatever follows it, except Hopper: mma.sync, ldmatrix, cp.async.</summary>
    Sm80,

    /// <summary>Hopper: wgmma, the tensor memory accelerator, mbarriers.</summary>
    Sm90a,
}

/// <summary>What a kernel's text depends on beside its pattern.</summary>
/// <param name="Target">The machine.</param>
/// <param name="Dim">Components of a row in shared memory: 64, 128 or 256. A smaller dim is padded with zeros there.</param>
/// <param name="Element">Half or BFloat16.</param>
internal readonly record struct TileShape(KernelTarget Target, int Dim, ElementKind Element)
{
    /// <summary>The shape that rows of <paramref name="dim"/> components run in.</summary>
    public static TileShape For(KernelTarget target, int dim, ElementKind element) =>
        new(target, dim <= 64 ? 64 : dim <= 128 ? 128 : 256, element);
}

/// <summary>A kernel's text, ready for the driver.</summary>
/// <param name="Ptx">The module.</param>
/// <param name="Entry">Name of its kernel.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
internal sealed record KernelText(string Ptx, string Entry, int Threads, int SharedBytes);
