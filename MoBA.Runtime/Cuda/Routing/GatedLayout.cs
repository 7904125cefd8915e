using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Where the passes keep what they hand on, in one block of memory: routes and lists of all heads; and behind them partial outputs, of as
/// many list heads at a time as there is room for. Centroids and counts, which nobody wants any more by then, have been in the same place.
/// </summary>
internal readonly struct GatedLayout
{
    private const int Alignment = 256;

    // A list head has items in fours, which are claimed together.
    private const int ItemStep = 4;

    // Where memory is not limited: more list heads at a time hardly gain anything.
    private const long EnoughPartialBytes = 2L << 30;

    private readonly Room _room;

    private GatedLayout(Room room, CudaRouting offsets, long bytes) => (_room, Offsets, Bytes) = (room, offsets, bytes);

    /// <summary>Bytes of the block.</summary>
    public long Bytes { get; }

    /// <summary>What kernels are told, before there is memory: its pointers are places in the block.</summary>
    public CudaRouting Offsets { get; }

    /// <summary>The same, one list head at a time.</summary>
    public GatedLayout Least() => _room.Layout(0);

    /// <summary>What kernels are told, for a block at an address.</summary>
    public CudaRouting At(nint address)
    {
        CudaRouting routing = Offsets;
        routing.Routes += address;
        routing.Places += address;
        routing.FirstItems += address;
        routing.Items += address;
        routing.Lists += address;
        routing.Counts += address;
        routing.Centroids += address;
        routing.Least += routing.Least == 0 ? 0 : address;
        routing.Partials += address;
        routing.PartialLse += address;
        routing.Lse += address;
        return routing;
    }

    /// <summary>The layout of a call. All query heads of a key head share lists where they may and it fits; else fewer do.</summary>
    /// <param name="call">The call.</param>
    /// <param name="pooling">What the gate knows of a block.</param>
    /// <param name="schedule">How many blocks queries choose; at least one does.</param>
    /// <param name="known">The gate's numbers, and schedules on the device.</param>
    /// <param name="sharesLists">Whether a pattern is the same for all heads.</param>
    /// <param name="limitBytes">The most bytes; null where there is no limit.</param>
    /// <param name="deviceBytes">Memory of the device.</param>
    /// <exception cref="ArgumentException">A kernel cannot count that far.</exception>
    /// <exception cref="InsufficientMemoryException">The limit is too low; the message says what is needed.</exception>
    public static GatedLayout Of(
        in CudaCall call, Pooling pooling, in GatedSchedule schedule, in CudaRouting known, bool sharesLists, long? limitBytes, long deviceBytes)
    {
        int group = call.QueryHeads / call.KeyHeads;
        long least = long.MaxValue;
        GatedLayout small = default;
        for (int share = sharesLists ? group : 1; share > 0; share--)
        {
            if (group % share != 0 || !TryShare(Common(call, schedule, known), call, schedule.MostItems(share), share, out CudaRouting routing))
                continue;
            Room room = new(routing, call, pooling);
            long limit = limitBytes is { } most ? WorkspacePool.ClassWithin(most) : room.Fixed + Math.Min(EnoughPartialBytes, deviceBytes / 4);
            if (room.Bytes(1) <= limit)
                return room.Layout(limit);
            if (room.Bytes(1) < least)
                (least, small) = (room.Bytes(1), room.Layout(0));
        }

        if (least == long.MaxValue)
            throw TooMany(call, schedule);
        return limitBytes is null ? small : throw TooSmall(WorkspacePool.ClassOf(least), limitBytes.Value);
    }

    private static CudaRouting Common(in CudaCall call, in GatedSchedule schedule, CudaRouting known)
    {
        known.Slots = schedule.Slots;
        known.SlotStride = (schedule.Slots + 3) & ~3;
        known.PaddedDim = TileShape.For(KernelTarget.Sm80, call.Dim, call.Kind).Dim;
        known.QueryTokens = call.QueryTokens;
        return known;
    }

    // Whether all numbers of a launch fit ints.
    private static bool TryShare(CudaRouting routing, in CudaCall call, long items, int share, out CudaRouting result)
    {
        long entries = (long)call.QueryTokens * share, tiles = (entries + CudaRouting.CountRows - 1) / CudaRouting.CountRows;
        long listHeads = call.QueryHeads / share;
        items = (items + ItemStep - 1) / ItemStep * ItemStep;
        result = routing;
        if (tiles * CudaRouting.CountRows > int.MaxValue || tiles * listHeads > int.MaxValue || items * CudaRouting.ItemRows > int.MaxValue
            || (long)call.KeyHeads * routing.BlockCount > int.MaxValue || (long)call.QueryHeads * routing.GateTiles > int.MaxValue)
            return false;
        result.HeadsPerList = share;
        result.ByHeadsPerList = CudaDivisor.Of(share);
        result.ListHeads = (int)listHeads;
        result.CountTiles = (int)tiles;
        result.ItemsPerHead = (int)items;
        return true;
    }

    private static ArgumentException TooMany(in CudaCall call, in GatedSchedule schedule) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{call.QueryTokens:N0} query tokens of {call.QueryHeads} heads choose {schedule.Routes:N0} blocks a head, in up to {schedule.MostItems(1):N0} items of {CudaRouting.ItemRows} rows: kernels count rows up to {int.MaxValue:N0}. Give fewer tokens or heads a call, or a smaller TopK."));

    private static InsufficientMemoryException TooSmall(long bytes, long limit) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{bytes:N0} bytes ({bytes / (double)(1 << 20):N1} MiB) are needed for routes, lists and partial outputs of a block gate, one head at a time, and AttentionEngineOptions.WorkspaceBytes allows {limit:N0}: allow more, or give fewer tokens a call. The engine can be used on."));

    /// <summary>Lays things out one behind the other.</summary>
    private struct Room
    {
        private readonly long _partialBytes, _lseBytes, _early;
        private CudaRouting _routing;
        private long _end;

        public Room(CudaRouting routing, in CudaCall call, Pooling pooling)
        {
            _routing = routing;
            long routes = (long)call.QueryTokens * call.QueryHeads * routing.SlotStride * sizeof(int);
            long items = (long)routing.ListHeads * routing.ItemsPerHead, blocks = (long)routing.ListHeads * routing.BlockCount;
            _routing.Routes = Take(routes);
            _routing.Places = Take(routes);
            _routing.FirstItems = Take(blocks * sizeof(int));
            _routing.Items = Take(items * RoutedItem.Bytes);
            _routing.Lists = Take(items * CudaRouting.ItemRows * sizeof(int));
            if (call.Lse == 0)
                _routing.Lse = Take((long)call.QueryTokens * call.QueryHeads * sizeof(float));
            Fixed = _end;

            // Before there are partial outputs.
            long centroids = (long)call.KeyHeads * routing.BlockCount * routing.PaddedDim * sizeof(ushort);
            _routing.Counts = Take(blocks * routing.CountTiles * sizeof(int));
            _routing.Centroids = Take(centroids);
            if (pooling == Pooling.MinMax)
                _routing.Least = Take(centroids);
            _early = _end - Fixed;

            long rows = (long)routing.ItemsPerHead * CudaRouting.ItemRows;
            _partialBytes = rows * routing.PaddedDim * sizeof(ushort);
            _lseBytes = rows * sizeof(float);
        }

        /// <summary>Bytes beside those of partial outputs.</summary>
        public long Fixed { get; }

        /// <summary>Bytes with partial outputs of some list heads at a time.</summary>
        public readonly long Bytes(long listHeads) => Fixed + Math.Max(_early, listHeads * (_partialBytes + _lseBytes));

        /// <summary>Where things are with at most so many bytes, and partial outputs of one list head at least.</summary>
        public readonly GatedLayout Layout(long limit)
        {
            // Launches count items.
            long most = Math.Clamp((limit - Fixed) / (_partialBytes + _lseBytes), 1, Math.Max(1, (1 << 30) / _routing.ItemsPerHead));
            long launches = (_routing.ListHeads + most - 1) / most;
            long together = (_routing.ListHeads + launches - 1) / launches;
            CudaRouting offsets = _routing;
            offsets.ListHeadsTogether = (int)together;
            offsets.Partials = Fixed;
            offsets.PartialLse = Fixed + (together * _partialBytes);
            return new(this, offsets, Bytes(together));
        }

        private long Take(long bytes)
        {
            long at = _end;
            _end += (bytes + Alignment - 1) & -Alignment;
            return at;
        }
    }
}
