using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Portable;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>Every pattern compiles into the tensor-core kernel on a machine without a GPU.</summary>
public sealed partial class CudaPtxTests
{
    /// <summary>The gallery.</summary>
    public static TheoryData<string> Patterns => [.. Gallery.Experts.Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_pattern_calls_nothing_and_stays_in_registers(string pattern)
    {
        KernelFinder finder = new();
        ISparseExpert expert = ((ExpertEntry)Gallery.Find(pattern)!).Create(64);
        expert.LaunchCuda(finder);
        expert.LaunchCudaAlways(finder);
        Assert.Equal(expert.Info.AlwaysPredicate is null ? 1 : 2, finder.Kernels.Count);
        foreach ((MethodInfo kernel, int forms, bool hasColumns) in finder.Kernels)
        {
            Stopwatch clock = Stopwatch.StartNew();
            string ptx = OfflinePtx.CompileGrouped(kernel, 384);
            TestContext.Current.TestOutputHelper?.WriteLine($"{kernel.GetGenericArguments()[0].Name}: {clock.ElapsedMilliseconds} ms");
            Assert.DoesNotContain("call", ptx);
            Assert.DoesNotContain(".func", ptx);

            // Pass 1 and pass 2 of the kernel, each with a mask, and with a modifier where there is one, in its short form too if it has
            // one; sixteen keys at a time, or masks a row at a time.
            string[] pairs = [.. Pairs(ptx)];
            Assert.Equal(2 * 8 * ((hasColumns ? 0 : 1) + forms), pairs.Length);
            Assert.Equal(hasColumns ? 2 * 2 : 0, Rows().Count(ptx));
            Assert.Equal(expert.Info.ScoreModifier is null, forms == 0);
            Assert.All(pairs, static part => Assert.DoesNotContain("bra", part));
            Assert.All(Depots().Matches(ptx), static depot => Assert.Equal("4", depot.Groups["bytes"].Value));
        }
    }

    // What stands between the first and the last pair of sixteen keys: two rows of four columns, eight registers.
    private static IEnumerable<string> Pairs(string ptx)
    {
        List<string> part = [];
        foreach (string line in ptx.Split('\n'))
        {
            Match pair = Pair().Match(line);
            int place = pair.Success ? int.Parse(pair.Groups["register"].Value, CultureInfo.InvariantCulture) % 8 : -1;
            if (place == 0)
                part = [];
            part.Add(line);
            if (place == 7)
                yield return string.Join('\n', part);
        }
    }

    [GeneratedRegex(@"__local_depot\d+\[(?<bytes>\d+)\]")]
    private static partial Regex Depots();

    [GeneratedRegex(@"tile\.(keep|set(?:modified)?score)\s+(?<register>\d+),")]
    private static partial Regex Pair();

    [GeneratedRegex(@"tile\.keepcolumns\s")]
    private static partial Regex Rows();

    /// <summary>Takes the kernels of an expert instead of running them.</summary>
    private sealed class KernelFinder : CudaLaunch
    {
        public List<(MethodInfo Kernel, int Forms, bool HasColumns)> Kernels { get; } = [];

        public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override CudaFloatTable Table(ReadOnlyMemory<float> values) => default;

        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        {
            MethodInfo kernel = typeof(HopperAttention).GetMethod(nameof(HopperAttention.Attend))!
                .MakeGenericMethod(typeof(TPattern), typeof(TRuns), typeof(TQuery), typeof(TKey));
            Kernels.Add((kernel, pattern.HasNear ? 2 : pattern.HasScore ? 1 : 0, pattern.HasColumns));
        }
    }
}
