using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Conformance.Tests.Cuda;

/// <summary>Every pattern of the gallery, as a block gate would have it over unions of chosen blocks, is assembled into registers.</summary>
public sealed class UnionKernelTests : IDisposable
{
    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    private readonly string _folder = Directory.CreateTempSubdirectory("moba-union-").FullName;

    /// <summary>The gallery, for every machine.</summary>
    public static TheoryData<string, string> Kernels =>
    [
        .. from entry in Gallery.Experts
           from target in Enum.GetValues<KernelTarget>()
           select (entry.Name, target.ToString()),
    ];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_kernel_is_assembled_into_registers(string pattern, string machine)
    {
        Ptxas.SkipWithout();
        KernelTarget target = Enum.Parse<KernelTarget>(machine);
        Finder finder = new(((ExpertEntry)Gallery.Find(pattern)!).Create(64), target);
        finder.Expert.LaunchCuda(finder);
        string[] faults =
        [
            .. from dim in (int[])[128, 64, 256]
               let kernel = finder.Source
               let shape = new TileShape(target, dim, ElementKind.BFloat16, TileShape.CanBeBounded(target, ElementKind.BFloat16, finder.ScoreBound))
               let report = Ptxas.Assemble(_store.Text(kernel, shape), target, _folder)
               where report.StackBytes > MostStackBytes(shape) || report.Log.Contains("(C75", StringComparison.Ordinal)
               select $"{shape}: {report.Registers} registers, {report.StackBytes} bytes of stack",
        ];
        Assert.True(faults.Length == 0, string.Join('\n', faults));
    }

    // Hopper's kernel of dim 256 keeps the number of the work item on the stack, which is asked for once an item.
    private static int MostStackBytes(TileShape shape) => (shape.Target, shape.Dim) == (KernelTarget.Sm90a, 256) ? 8 : 0;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class Finder(ISparseExpert expert, KernelTarget target) : TablelessLaunch
    {
        public ISparseExpert Expert => expert;

        public KernelSource Source { get; set; }

        public float ScoreBound { get; private set; }

        public KernelTarget Target => target;

        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        {
            ScoreBound = pattern.ScoreBound;
            if (OneNumber.IsNeeded<TPattern, TQuery, TKey>())
                Find<OneNumberPattern<TPattern, TRuns, TQuery, TKey>, TRuns, long, long>(source);
            else
                Find<TPattern, TRuns, TQuery, TKey>(source);
        }

        private void Find<TPattern, TRuns, TQuery, TKey>(string source)
            where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
            where TRuns : unmanaged
            where TQuery : unmanaged
            where TKey : unmanaged
        {
            WithAlways<TPattern, TRuns, TQuery, TKey> launch = new(this, source);
            if (expert.Info.AlwaysPredicate is not null)
                expert.LaunchCudaAlways(launch);
            else
                launch.Run<NoKeysPattern, int, int, int>(default, "");
        }
    }

    private sealed class WithAlways<TPattern, TRuns, TQuery, TKey>(Finder of, string source) : TablelessLaunch
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        public override void Run<TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>(TAlways always, string alwaysSource) => of.Source = new(
            KernelPass.Attend.Method<
                UnionPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>,
                UnionRuns, UnionQuery<TQuery>, OwnKey<TKey, TAlwaysKey>>(of.Target),
            $"union {source} {alwaysSource}");
    }

    private abstract class TablelessLaunch : CudaLaunch
    {
        public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override CudaFloatTable Table(ReadOnlyMemory<float> values) => default;
    }
}
