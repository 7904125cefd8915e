using System.ComponentModel;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>The key tiles that one run of keys touches; the default is none.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct CudaRun
{
    /// <summary>First key of the first tile.</summary>
    public int First;

    /// <summary>The key behind the last one of the run; 0 where the run is empty.</summary>
    public int End;

    /// <summary>The tiles that keys [<paramref name="first"/>, <paramref name="last"/>] (both included) touch, cut to
    /// [0, <paramref name="keys"/>).</summary>
    public static CudaRun Of(long first, long last, int keys, int keyTile)
    {
        int low = (int)PortableMath.Clamp(first, 0, keys);
        int end = (int)PortableMath.Clamp(last + 1, 0, keys);
        CudaRun run;
        run.First = low - (int)((uint)low % (uint)keyTile);
        run.End = low < end ? end : 0;
        return run;
    }

    /// <summary>First key of the first tile of this run that does not start before <paramref name="k0"/>, a multiple of the key
    /// tile; <see cref="int.MaxValue"/> if there is none. The least answer over all runs is the next tile of a walk that visits each
    /// tile once, in ascending order.</summary>
    public readonly int From(int k0) => k0 < End ? PortableMath.Max(k0, First) : int.MaxValue;
}
