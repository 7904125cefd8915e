using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

/// <summary>How much the choices of neighbouring queries overlapped in a call with a block gate on a CUDA device, and which path it took.</summary>
public readonly record struct GateOverlap
{
    /// <summary>The path; <see cref="AttendPath.Auto"/> where no query had a choice of past blocks, and nothing was routed.</summary>
    public AttendPath Path { get; init; }

    /// <summary>Blocks that any query of a tile chose, times the tile's queries, over all tiles and route heads. 0, as all numbers are, where
    /// the union path was not offered, because there are too many blocks.</summary>
    public long UnionBlocks { get; init; }

    /// <summary>Keys in the key tiles that hold those blocks, times the tile's queries: what the union path computes scores of.</summary>
    public long UnionKeys { get; init; }

    /// <summary>Past blocks that queries chose, over all queries and route heads.</summary>
    public long RouteBlocks { get; init; }

    /// <summary>Tiles of queries, times route heads.</summary>
    public long Tiles { get; init; }

    /// <summary>Blocks of a tile to blocks of a query: 1 where all queries of a tile choose alike. NaN where nothing was counted.</summary>
    public double UnionRatio => RouteBlocks == 0 ? double.NaN : UnionBlocks / (double)RouteBlocks;

    /// <summary>As a device tells it.</summary>
    internal static GateOverlap Of(ReadOnlySpan<int> verdict) => new()
    {
        Path = (AttendPath)verdict[UnionVerdict.Path],
        UnionBlocks = Long(verdict[UnionVerdict.Blocks..]),
        UnionKeys = Long(verdict[UnionVerdict.Keys..]),
        RouteBlocks = Long(verdict[UnionVerdict.Routes..]),
        Tiles = Long(verdict[UnionVerdict.Tiles..]),
    };

    private static long Long(ReadOnlySpan<int> halves) => ((long)halves[1] << 32) | (uint)halves[0];
}

/// <summary>A <see cref="GateOverlap"/> in the memory of a device, which is there when the call's stream has come so far.</summary>
public sealed class DeviceGateOverlap : IDisposable
{
    private readonly DeviceTensor<int> _verdict;

    internal DeviceGateOverlap(DeviceTensor<int> verdict) => _verdict = verdict;

    /// <summary>Waits for the call, and copies the numbers to the host.</summary>
    /// <exception cref="ObjectDisposedException">It is disposed.</exception>
    /// <exception cref="CudaException">A kernel or the copy failed.</exception>
    public GateOverlap Read()
    {
        _ = _verdict.Pointer;   // throws once it is disposed
        int[] numbers = new int[UnionVerdict.Length];
        _verdict.ToHost().FlattenTo(numbers);
        return GateOverlap.Of(numbers);
    }

    /// <inheritdoc/>
    public void Dispose() => _verdict.Dispose();
}
