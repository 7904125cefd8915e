using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Where the passes of a mixture keep what they hand on, in one block of memory: logits, routes and lists of all heads; and where a row's output
/// is merged, outputs of listed rows behind them, of as many heads at a time as there is room for.
/// </summary>
internal readonly struct MixtureLayout
{
    private const int Alignment = 256;

    private readonly CudaRouting _index;
    private readonly CudaMixture _mixture;
    private readonly long _fixed;
    private readonly long _partialBytes;
    private readonly long _lseBytes;

    /// <summary>Lays things out for all query heads.</summary>
    /// <param name="call">The call.</param>
    /// <param name="mixture">What the kernels are told, as far as it is known; scratch is 0.</param>
    /// <param name="planes">Experts whose outputs are in planes; -1 where outputs are not merged.</param>
    /// <param name="needsLse">Whether outputs are merged by log-sum-exp.</param>
    /// <exception cref="ArgumentException">A kernel cannot count that far.</exception>
    public MixtureLayout(in CudaCall call, CudaMixture mixture, int planes, bool needsLse)
    {
        _index = IndexOf(call, mixture);
        long rows = (long)call.QueryTokens * call.QueryHeads, items = (long)call.QueryHeads * _index.ItemsPerHead, blocks = (long)call.QueryHeads * _index.BlockCount;
        long routes = rows * mixture.SlotStride * sizeof(int), end = 0;
        if (mixture.Logits == 0)
            mixture.Logits = Take(rows * mixture.Experts * sizeof(float));
        if (mixture.Chosen == 0)
            mixture.Chosen = Take(rows * mixture.TopK * sizeof(int));
        if (mixture.Shares == 0)
            mixture.Shares = Take(rows * mixture.TopK * sizeof(float));
        if (mixture.Entropy == 0)
            mixture.Entropy = Take(rows * sizeof(float));
        mixture.Routes = _index.Routes = Take(routes);
        mixture.Places = _index.Places = Take(routes);
        _index.FirstItems = Take(blocks * sizeof(int));
        _index.Items = Take(items * RoutedItem.Bytes);
        _index.Lists = Take(items * CudaRouting.ItemRows * sizeof(int));
        mixture.Order = Take(items * sizeof(int));
        mixture.Begins = Take((((long)call.QueryHeads * mixture.Experts) + 1) * sizeof(int));
        _index.Counts = Take(blocks * _index.CountTiles * sizeof(int));
        mixture.RowsPerHead = _index.ItemsPerHead * CudaRouting.ItemRows;
        if (planes >= 0)
        {
            mixture.SlotShares = needsLse ? 0 : Take(routes);
            mixture.Planes = Take(planes * rows * call.Dim * sizeof(ushort));
            mixture.PlaneLse = Take(planes * rows * sizeof(float));
            _partialBytes = Aligned((long)mixture.RowsPerHead * call.Dim * sizeof(ushort));
            _lseBytes = Aligned((long)mixture.RowsPerHead * sizeof(float));
        }

        (_mixture, _fixed) = (mixture, end);

        long Take(long bytes)
        {
            // 0 says that there is none.
            long at = end == 0 ? Alignment : end;
            end = at + Aligned(bytes);
            return at;
        }
    }

    /// <summary>The most heads at a time, a divisor of them, whose outputs fit so many bytes; 0 where not even one's do.</summary>
    public int HeadsWithin(long bytes)
    {
        for (int heads = _index.ListHeads; heads > 0; heads--)
        {
            if (_index.ListHeads % heads == 0 && Bytes(heads) <= bytes)
                return heads;
        }

        return 0;
    }

    /// <summary>Bytes of the block, with outputs of so many heads at a time.</summary>
    public long Bytes(int heads) => _fixed + (heads * (_partialBytes + _lseBytes));

    /// <summary>What kernels are told, for a block at an address.</summary>
    /// <param name="block">The address.</param>
    /// <param name="heads">Heads at a time.</param>
    /// <param name="given">What was known before.</param>
    public (CudaMixture Mixture, CudaRouting Index) At(nint block, int heads, in CudaMixture given)
    {
        CudaMixture mixture = _mixture;
        CudaRouting index = _index;
        mixture.Logits += given.Logits == 0 ? block : 0;
        mixture.Chosen += given.Chosen == 0 ? block : 0;
        mixture.Shares += given.Shares == 0 ? block : 0;
        mixture.Entropy += given.Entropy == 0 ? block : 0;
        index.Routes = mixture.Routes += block;
        index.Places = mixture.Places += block;
        mixture.Order += block;
        mixture.Begins += block;
        index.FirstItems += block;
        index.Items += block;
        index.Lists += block;
        index.Counts += block;
        mixture.SlotShares += mixture.SlotShares == 0 ? 0 : block;
        mixture.Planes += block;
        mixture.PlaneLse += block;
        mixture.Partials = block + _fixed;
        mixture.PartialLse = mixture.Partials + (heads * _partialBytes);
        return (mixture, index);
    }

    /// <summary>The exception for a limit that is too low.</summary>
    public InsufficientMemoryException TooSmall(string mixture, long limit) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{Bytes(1):N0} bytes ({Bytes(1) / (double)(1 << 20):N1} MiB) are needed for routes, lists and outputs of the experts of {mixture}, one head at a time, and AttentionEngineOptions.WorkspaceBytes allows {limit:N0}: allow more, or give fewer tokens a call. The engine can be used on."));

    private static CudaRouting IndexOf(in CudaCall call, in CudaMixture mixture)
    {
        long items = MixtureSchedule.MostItems(call.Sequences, mixture.Experts, mixture.TopK);
        long tiles = ((long)call.QueryTokens + CudaRouting.CountRows - 1) / CudaRouting.CountRows, heads = call.QueryHeads;
        if (items * CudaRouting.ItemRows * heads > int.MaxValue || tiles * CudaRouting.CountRows * heads > int.MaxValue)
        {
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture,
                $"{call.QueryTokens:N0} query tokens of {heads} heads are sent to {mixture.TopK} experts each, in up to {items:N0} items of {CudaRouting.ItemRows} rows a head: kernels count rows up to {int.MaxValue:N0}. Give fewer tokens or heads a call."));
        }

        return new()
        {
            Slots = mixture.TopK,
            SlotStride = mixture.SlotStride,
            BlockCount = (mixture.Experts * mixture.Sequences) + 1,
            HeadsPerList = 1,
            ByHeadsPerList = CudaDivisor.Of(1),
            ListHeads = call.QueryHeads,
            CountTiles = (int)tiles,
            ItemsPerHead = (int)items,
            QueryTokens = call.QueryTokens,
        };
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) & -Alignment;
}
