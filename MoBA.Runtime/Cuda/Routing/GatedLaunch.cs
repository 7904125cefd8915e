namespace MoBA.Runtime.Cuda;

/// <summary>
/// Makes of an expert's pattern the two that a gate needs: of what is attended in own blocks, with what <c>Always</c> adds, and of what is
/// attended in chosen ones. The types of <c>Always</c> come by a launch within the launch.
/// </summary>
/// <param name="expert">The expert.</param>
/// <param name="gate">Its gate.</param>
/// <param name="heads">Query heads of the call.</param>
/// <param name="data">Tables on the device.</param>
/// <param name="run">What is done with the two.</param>
internal sealed class GatedLaunch(ISparseExpert expert, BlockGate gate, int heads, DeviceData data, IGatedRun run) : TableLaunch(data)
{
    private readonly CudaDivisor _byBlockSize = CudaDivisor.Of(gate.BlockSize);
    private readonly IGatedRun _run = run;
    private readonly int _heads = heads;

    /// <inheritdoc/>
    public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
    {
        if (OneNumber.IsNeeded<TPattern, TQuery, TKey>())
            Attend<OneNumberPattern<TPattern, TRuns, TQuery, TKey>, TRuns, long, long>(new() { Inner = pattern, Heads = _heads }, source);
        else
            Attend<TPattern, TRuns, TQuery, TKey>(pattern, source);
    }

    private void Attend<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        WithAlways<TPattern, TRuns, TQuery, TKey> launch = new(this, pattern, source);
        if (expert.Info.AlwaysPredicate is not null)
            expert.LaunchCudaAlways(launch);
        else
            launch.Run<NoKeysPattern, int, int, int>(default, "");
    }

    private sealed class WithAlways<TPattern, TRuns, TQuery, TKey>(GatedLaunch of, TPattern pattern, string source) : TableLaunch(of.Data)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        public override void Run<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(TAlways always, string alwaysSource)
        {
            if (OneNumber.IsNeeded<TAlways, TAlwaysQuery, TAlwaysKey>())
                Attend<OneNumberPattern<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>, TAlwaysRuns, long, long>(new() { Inner = always, Heads = of._heads }, alwaysSource);
            else
                Attend<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(always, alwaysSource);
        }

        private void Attend<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(TAlways always, string alwaysSource)
            where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
            where TAlwaysRuns : unmanaged
            where TAlwaysQuery : unmanaged
            where TAlwaysKey : unmanaged
        {
            if (of._run.Gathers)
                Gathered<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(always, alwaysSource);
            if (of._run.Union is { } union)
                Union<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(always, alwaysSource, union);
        }

        private void Union<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(TAlways always, string alwaysSource, UnionPath union)
            where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
            where TAlwaysRuns : unmanaged
            where TAlwaysQuery : unmanaged
            where TAlwaysKey : unmanaged
        {
            UnionPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> all =
                new() { Inner = pattern, Always = always, ByBlockSize = of._byBlockSize };
            (all.Tiles, all.Bits, all.Routes) = (union.Sets.Tiles, union.Sets.Bits, union.Routing.Routes);
            (all.TileShift, all.RouteHeads, all.Words, all.KeyTile) = (union.Sets.TileShift, union.Sets.RouteHeads, union.Sets.Words, union.Sets.KeyTile);
            all.ByHeadsPerRoute = CudaDivisor.Of(union.Routing.HeadsPerGate);
            (all.Heads, all.QueryTokens) = (union.Sets.RouteHeads * union.Routing.HeadsPerGate, union.Routing.QueryTokens);
            all.SlotFours = union.Routing.SlotStride / 4;
            of._run.RunUnion<
                UnionPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                UnionRuns, UnionQuery<TQuery>, OwnKey<TKey, TAlwaysKey>>(all, $"{source} {alwaysSource}");
        }

        private void Gathered<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(TAlways always, string alwaysSource)
            where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
            where TAlwaysRuns : unmanaged
            where TAlwaysQuery : unmanaged
            where TAlwaysKey : unmanaged
        {
            OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> own =
                new() { Inner = pattern, Always = always, ByBlockSize = of._byBlockSize };
            if (typeof(TAlways) == typeof(NoKeysPattern))
            {
                of._run.Run<
                    OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                    OwnRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>, TPattern, TRuns, TQuery, TKey>(own, pattern, source);
                return;
            }

            RoutedPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> routed = new() { Inner = pattern, Always = always };
            of._run.Run<
                OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                OwnRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>,
                RoutedPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                TRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>>(own, routed, $"{source} {alwaysSource}");
        }
    }
}

/// <summary>What is done with the patterns of an expert with a gate.</summary>
internal interface IGatedRun
{
    /// <summary>Whether there is anything to be done with the two.</summary>
    bool Gathers => true;

    /// <summary>What tiles chose together, where all is attended in one pattern.</summary>
    UnionPath? Union => null;

    /// <summary>Does what is to be done with a pattern of all that is attended.</summary>
    /// <param name="union">What is attended, for queries by their numbers among the rows of tiles.</param>
    /// <param name="source">A hash of the texts that it is made of.</param>
    void RunUnion<TUnion, TUnionRuns, TUnionQuery, TUnionKey>(TUnion union, string source)
        where TUnion : unmanaged, ICudaPattern<TUnionRuns, TUnionQuery, TUnionKey>
        where TUnionRuns : unmanaged
        where TUnionQuery : unmanaged
        where TUnionKey : unmanaged => throw new NotSupportedException("own blocks have no union.");

    /// <summary>Does what is to be done with two.</summary>
    /// <param name="own">What is attended in own blocks, and besides.</param>
    /// <param name="routed">What is attended in chosen blocks.</param>
    /// <param name="source">A hash of the texts that both are made of.</param>
    void Run<TOwn, TOwnRuns, TOwnQuery, TOwnKey, TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(TOwn own, TRouted routed, string source)
        where TOwn : unmanaged, ICudaPattern<TOwnRuns, TOwnQuery, TOwnKey>
        where TOwnRuns : unmanaged
        where TOwnQuery : unmanaged
        where TOwnKey : unmanaged
        where TRouted : unmanaged, ICudaPattern<TRoutedRuns, TRoutedQuery, TRoutedKey>
        where TRoutedRuns : unmanaged
        where TRoutedQuery : unmanaged
        where TRoutedKey : unmanaged;
}
