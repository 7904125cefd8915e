using System.Numerics.Tensors;
using System.Reflection;
using ILGPU;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Portable;
using MoBA.Runtime.Tests.Portable;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>The gallery's block-gated experts and mixture, as the compiler emits them, on the portable engine and on the CPU engine.</summary>
public sealed class PortableRoutingTests(PortableEngineTests.Device device) : IClassFixture<PortableEngineTests.Device>
{
    private static readonly ISparseExpert[] _experts =
    [
        new MobaTopK { BlockSize = 16, TopK = 3 }, new MobaTopK { BlockSize = 48, TopK = 2 }, new MobaTopK(),
        new MobaSinks { BlockSize = 16, TopK = 3, Sinks = 5, Window = 20 }, new MobaSinks { BlockSize = 32, TopK = 1 },
        new QuestTopK { TopK = 4 }, new MobaGroup { BlockSize = 16, TopK = 3 },
    ];

    /// <summary>Numbers of the experts, and batches.</summary>
    public static TheoryData<int, int[], int[]?> Cases
    {
        get
        {
            TheoryData<int, int[], int[]?> cases = [];
            for (int i = 0; i < _experts.Length; i++)
            {
                cases.Add(i, [0, 200], null);
                cases.Add(i, [0, 1, 1, 90, 150], null);
                cases.Add(i, [0, 3, 40], [0, 100, 130]);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_engines_agree(int number, int[] sequences, int[]? keySequences)
    {
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        int keys = (keySequences ?? sequences)[^1];
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Normal(1, sequences[^1], 4), Normal(2, keys, 2), Normal(3, keys, 2));
        AttentionOptions options = new() { Sequences = sequences, KeySequences = keySequences, ReturnLse = true, ReturnRoutes = true };
        AttentionResult<float> expected = cpu.Attend(_experts[number], q, k, v, options), actual = device.Engine.Attend(_experts[number], q, k, v, options);
        Assert.Equal(Flat(expected.Routes!), Flat(actual.Routes!));
        Assert.All(Flat(expected.Output).Zip(Flat(actual.Output)), pair => Assert.Equal(pair.First, pair.Second, 2e-5f));
        Assert.All(Flat(expected.Lse!).Zip(Flat(actual.Lse!)), pair => Assert.Equal(pair.First, pair.Second, 2e-5f));
    }

    [Fact]
    public void The_engines_agree_on_a_mixture()
    {
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        LongContext mixture = new();
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Normal(1, 300, 4), Normal(2, 300, 2), Normal(3, 300, 2));
        int experts = ((IExpertMixture)mixture).Info.Experts.Count;
        Router router = new(Tensor.Create(Flat(Normal(4, 4, experts)), [4, experts, 16]));
        AttentionOptions options = new() { Sequences = [0, 30, 31, 300], ReturnRoutes = true };
        AttentionResult<float> expected = cpu.Attend(mixture, router, q, k, v, options), actual = device.Engine.Attend(mixture, router, q, k, v, options);
        Assert.Equal(Flat(expected.Routes!), Flat(actual.Routes!));
        Assert.Equal(experts, Flat(actual.Routes!).Distinct().Count());
        Assert.All(Flat(expected.Output).Zip(Flat(actual.Output)), pair => Assert.Equal(pair.First, pair.Second, 2e-5f));
        Assert.All(expected.Loads!.Zip(actual.Loads!), pair => Assert.Equal(pair.First.Entropy, pair.Second.Entropy, 1e-5));
    }

    [Fact]
    public void The_kernel_of_what_is_always_attended_compiles_for_NVIDIA_GPUs()
    {
        KernelFinder finder = new();
        _experts[3].LaunchPortableAlways(finder);
        string ptx = OfflinePtx.Compile(finder.Kernel!);
        Assert.DoesNotContain("call", ptx);
        Assert.DoesNotContain(".local", ptx);
    }

    private static Tensor<float> Normal(int seed, int tokens, int heads)
    {
        Random random = new(seed);
        return Tensor.Create(
            [.. Enumerable.Range(0, tokens * heads * 16).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))],
            [tokens, heads, 16]);
    }

    private static T[] Flat<T>(Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }

    private sealed class KernelFinder : PortableLaunch
    {
        public MethodInfo? Kernel { get; private set; }

        public override PortableTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override PortableFloatTable Table(ReadOnlyMemory<float> values) => default;

        public override void Run<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel, TParameters parameters) =>
            Kernel = kernel.Method;
    }
}
