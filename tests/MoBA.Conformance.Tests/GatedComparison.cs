using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Conformance.Tests;

/// <summary>
/// A launch that makes of an expert's pattern the two that a gate needs, and compares both with the author's: what is attended in own blocks and
/// what <c>Always</c> adds, and what is left for chosen blocks.
/// </summary>
internal sealed class GatedComparison : CudaLaunch, IDisposable
{
    private readonly ISparseExpert _expert;
    private readonly ISparseExpert? _always;
    private readonly CudaDivisor _byBlockSize;
    private readonly CudaComparison _own, _routed;
    private readonly int _heads;
    private int _compared;

    private GatedComparison(ISparseExpert expert, ISparseExpert? always, AttentionExtent extent, int blockSize)
    {
        (_expert, _always, _byBlockSize, _heads) = (expert, always, CudaDivisor.Of(blockSize), extent.Heads);
        _own = new(expert, extent, null, (q, k, head) => expert.Attends(q, k, head) && ((q >= 0 && q / blockSize == k / blockSize) || IsAlways(q, k, head)));
        _routed = new(expert, extent, null, (q, k, head) => expert.Attends(q, k, head) && !IsAlways(q, k, head));
    }

    /// <summary>Checks both patterns; returns how often.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="always">What is attended always, within what the expert attends; null for the expert's own.</param>
    /// <param name="extent">Positions.</param>
    /// <param name="blockSize">Keys of a block.</param>
    public static int Check(ISparseExpert expert, ISparseExpert? always, AttentionExtent extent, int blockSize)
    {
        using GatedComparison comparison = new(expert, always, extent, blockSize);
        expert.LaunchCuda(comparison);
        return comparison._compared;
    }

    public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone) => _own.Table(values, monotone);

    public override CudaFloatTable Table(ReadOnlyMemory<float> values) => _own.Table(values);

    public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
    {
        if (OneNumber.IsNeeded<TPattern, TQuery, TKey>())
            Compare<OneNumberPattern<TPattern, TRuns, TQuery, TKey>, TRuns, long, long>(new() { Inner = pattern, Heads = _heads }, source);
        else
            Compare<TPattern, TRuns, TQuery, TKey>(pattern, source);
    }

    private void Compare<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        WithAlways<TPattern, TRuns, TQuery, TKey> launch = new(this, pattern);
        if (_always is not null)
            _always.LaunchCuda(launch);
        else if (_expert.Info.AlwaysPredicate is not null)
            _expert.LaunchCudaAlways(launch);
        else
            launch.Run<NoKeysPattern, int, int, int>(default, source);
    }

    public void Dispose()
    {
        _own.Dispose();
        _routed.Dispose();
    }

    private bool IsAlways(int q, int k, int head) => _always is not null ? _always.Attends(q, k, head) : _expert.Always(q, k, head);

    private sealed class WithAlways<TPattern, TRuns, TQuery, TKey>(GatedComparison of, TPattern pattern) : CudaLaunch
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone) => of.Table(values, monotone);

        public override CudaFloatTable Table(ReadOnlyMemory<float> values) => of.Table(values);

        public override void Run<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(TAlways always, string source)
        {
            of._compared++;
            OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> own =
                new() { Inner = pattern, Always = always, ByBlockSize = of._byBlockSize };
            of._own.Run<
                OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                OwnRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>>(own, source);
            RoutedPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> routed = new() { Inner = pattern, Always = always };
            of._routed.Run<
                RoutedPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                TRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>>(routed, source);
        }
    }
}
