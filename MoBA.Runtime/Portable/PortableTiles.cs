namespace MoBA.Runtime.Portable;

/// <summary>The key tiles that one run of keys touches.</summary>
public struct PortableTiles
{
    /// <summary>First key of the first tile.</summary>
    public int First;

    /// <summary>First key of the last tile; below <see cref="First"/> where the run is empty.</summary>
    public int Last;

    /// <summary>First key of the first tile of this run that does not start before <paramref name="k0"/>, a multiple of
    /// <see cref="PortableRow.KeyTile"/>; <see cref="int.MaxValue"/> if there is none. The least answer over all runs is the
    /// next tile of a walk that visits each tile once, in ascending order.</summary>
    public readonly int From(int k0) => k0 > Last ? int.MaxValue : PortableMath.Max(k0, First);
}
