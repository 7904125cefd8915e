using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>Cases that MoBA's own code computed (tests/data/golden/README.md).</summary>
public sealed class GoldenTests
{
    // ILGPU's CPU accelerator is a simulator.
    private const int PortableTokens = 300;

    /// <summary>All cases.</summary>
    public static TheoryData<string> Cases =>
        [.. Directory.GetFiles(Folder, "*.safetensors").Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)];

    /// <summary>Cases of a few tokens.</summary>
    public static TheoryData<string> SmallCases => [.. Cases.Select(row => row.Data).Where(name => Tokens(name) <= PortableTokens)];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "golden");

    [Fact]
    public void There_are_ten_cases() => Assert.Equal(10, Cases.Count);

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_oracle_agrees(string name) => Check(name, new Oracle());

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_oracle_without_the_gate_does_not(string name)
    {
        // Unless every block of every sequence is chosen.
        bool sameSet = name is "f32_saturated_equals_dense" or "bf16_varlen7";
        bool agrees = Record.Exception(() => Check(name, new Oracle(dense: true))) is null;
        Assert.Equal(sameSet, agrees);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_cpu_engine_agrees(string name)
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Check(name, new Engine(engine));
    }

    [Theory]
    [MemberData(nameof(SmallCases))]
    public void The_portable_engine_agrees(string name)
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Portable);
        Check(name, new Engine(engine));
    }

    private static void Check(string name, IAttend attend)
    {
        using SafetensorsFile file = Open(name);
        bool single = file.Metadata["dtype"] == "float32";
        float[] actual = single ? Run<float>(file, attend) : Run<BFloat16>(file, attend);
        float[] wanted = Flat(file.GetAsFloat("o"));
        double[] differences = [.. wanted.Zip(actual, (x, y) => Math.Abs((double)x - y))];
        Assert.All(actual, x => Assert.True(float.IsFinite(x)));
        Assert.InRange(differences.Max(), 0, single ? 2e-5 : 4e-2);
        Assert.InRange(differences.Average(), 0, single ? 2e-5 : 4e-4);
    }

    private static float[] Run<T>(SafetensorsFile file, IAttend attend)
        where T : unmanaged
    {
        int[] offsets = new int[file.Get<int>("cu_seqlens").FlattenedLength];
        file.Get<int>("cu_seqlens").FlattenTo(offsets);
        BlockGate gate = new(Number(file, "block_size"), Number(file, "top_k"));
        return attend.Run(
            gate, file.Get<T>("q"), file.Get<T>("k"), file.Get<T>("v"), new AttentionOptions { Sequences = offsets, ReturnRoutes = true });
    }

    private static SafetensorsFile Open(string name) => SafetensorsFile.Read(Path.Combine(Folder, $"{name}.safetensors"));

    private static int Number(SafetensorsFile file, string key) => int.Parse(file.Metadata[key], CultureInfo.InvariantCulture);

    private static long Tokens(string name)
    {
        using SafetensorsFile file = Open(name);
        return file.Entry("q").Shape[0];
    }

    private static float[] Flat<T>(Tensor<T> tensor)
        where T : unmanaged
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values is float[] singles ? singles : Array.ConvertAll((BFloat16[])(object)values, x => (float)x);
    }

    /// <summary>Something that computes a case.</summary>
    private interface IAttend
    {
        /// <summary>The output, flat.</summary>
        float[] Run<T>(BlockGate gate, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
            where T : unmanaged;
    }

    private sealed class Oracle(bool dense = false) : IAttend
    {
        public float[] Run<T>(BlockGate gate, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
            where T : unmanaged =>
            Flat(ReferenceAttention.Attend(dense ? new Patterns.Causal() : new GatedCausal(gate), q, k, v, options).Output);
    }

    private sealed class Engine(AttentionEngine engine) : IAttend
    {
        public float[] Run<T>(BlockGate gate, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
            where T : unmanaged
        {
            GatedCausal expert = new(gate);
            AttentionResult<T> result = engine.Attend(expert, q, k, v, options);
            RouteGap gap = ReferenceAttention.CompareRoutes(expert, result.Routes!, q, k, options);
            Assert.Null(gap.Fault);
            Assert.InRange(gap.Deficit, 0, typeof(T) == typeof(float) ? 1e-5 : 1e-2);
            return Flat(result.Output);
        }
    }
}
