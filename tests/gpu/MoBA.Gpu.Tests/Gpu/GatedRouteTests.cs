using System.Runtime.InteropServices;
using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Which blocks are chosen: exactly those of the definition where gates are exact, those of the CPU engine but for near ties elsewhere; and
/// the extremes of TopK, which are other patterns.</summary>
public sealed class GatedRouteTests(GpuFixture gpu) : GpuTests(gpu), IDisposable
{
    private const double MostOthers = 1e-3;

    private readonly AttentionEngine _cpu = AttentionEngine.Create(Target.Cpu);

    /// <summary>The experts, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GatedCase.Patterns];

    /// <summary>Experts with spreads of gates.</summary>
    public static TheoryData<string, Skew> Skews =>
        [.. GatedCase.Patterns.SelectMany(pattern => Enum.GetValues<Skew>().Select(skew => (pattern, skew)))];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Exact_gates_have_exact_routes_and_of_equal_ones_the_later(string pattern) => GpuFixture.Judge(
        from blocks in ((int Size, int TopK, int Length)[])[(16, 2, 400), (16, 9, 1100), (16, 64, 2100), (48, 3, 700), (64, 8, 1500), (128, 16, 2600), (192, 4, 2000)]
        from shape in ((Batch Batch, int Dim)[])[(Batch.One, 128), (Batch.Ragged, 64), (Batch.Beyond, 256), (Batch.Chunk, 40)]
        from element in GpuCases.Elements
        select new GatedCase(pattern, blocks.Size, blocks.TopK, shape.Batch, blocks.Length, 4, shape.Batch == Batch.One ? 1 : 4, shape.Dim, element),
        at => Exact(at, GatedData.Integers(at)));

    [Theory]
    [MemberData(nameof(Skews))]
    public void Skewed_gates_are_right(string pattern, Skew skew) => GpuFixture.Judge(
        from blocks in ((int Size, int TopK, int Length)[])[(16, 3, 900), (64, 8, 1400), (128, 3, 3000), (16, 17, 1500), (16, 64, 1900)]
        from shape in ((int Query, int Key, int Dim, Element Element)[])[(4, 1, 128, Element.BFloat16), (2, 2, 64, Element.Half)]
        select new GatedCase(pattern, blocks.Size, blocks.TopK, Batch.One, blocks.Length, shape.Query, shape.Key, shape.Dim, shape.Element),
        at => Exact(at, GatedData.Skewed(at, skew)));

    // Finite gates are never NaN: those beyond float are ranked all the same.
    [Theory]
    [InlineData(50)]
    [InlineData(100)]
    public void Huge_gates_have_exact_routes(int log) => GpuFixture.Judge(
        from pattern in GatedCase.Patterns
        from dim in (int[])[64, 128]
        select new GatedCase(pattern, 16, 4, Batch.One, 700, 4, 2, dim, Element.BFloat16),
        at =>
        {
            ushort[][] bits = GatedData.Integers(at), larger = [Larger(bits[0]), Larger(bits[1]), bits[2]];
            AttentionInputs inputs = at.With(larger, 0);
            GpuOutcome outcome = CaseRunner.Run(Engine, at.Expert, inputs, at.Layout);
            string? fault = outcome.Damage ?? Other(new GateOracle(inputs, at.Expert.Gate!).Choose(), outcome.Routes!, "routes");
            return fault is null ? null : $"{at}, times 2^{log}: {fault}";

            ushort[] Larger(ushort[] elements) =>
                Array.ConvertAll(elements, element => Bits.Of(MathF.ScaleB(Bits.ToFloat(element, Element.BFloat16), log), Element.BFloat16));
        });

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Routes_are_those_of_the_CPU_engine_but_for_near_ties(string pattern) => GpuFixture.Judge(
        from blocks in ((int Size, int TopK)[])[(16, 16), (64, 8), (64, 40), (128, 3), (512, 2)]
        from dim in (int[])[64, 128]
        from element in GpuCases.Elements
        select new GatedCase(pattern, blocks.Size, blocks.TopK, Batch.Ragged, 3001, 8, 2, dim, element),
        at => Near(at.ToString(), at.Expert, at.Normal()));

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Routes_of_real_queries_and_keys_are_those_of_the_CPU_engine_but_for_near_ties(string pattern)
    {
        using SafetensorsFile file = SafetensorsFile.Read(Path.Combine(AppContext.BaseDirectory, "qkv_layer4_2048.safetensors"));
        ushort[][] bits = [Read("q"), Read("k"), Read("v")];
        (int heads, int keyHeads, int dim) = ((int)file.Entry("q").Shape[1], (int)file.Entry("k").Shape[1], (int)file.Entry("q").Shape[2]);
        GpuFixture.Judge(
            from blocks in ((int Size, int TopK)[])[(16, 8), (32, 40), (64, 8), (128, 4)]
            select new GatedCase(pattern, blocks.Size, blocks.TopK, Batch.One, 2048, heads, keyHeads, dim, Element.BFloat16),
            at => Near($"{at}, real", at.Expert, at.With(bits)));

        ushort[] Read(string name)
        {
            BFloat16[] values = [.. file.Get<BFloat16>(name)];
            return MemoryMarshal.Cast<BFloat16, ushort>(values).ToArray();
        }
    }

    [Theory]
    [InlineData(nameof(MobaTopK))]
    [InlineData(nameof(QuestTopK))]
    [InlineData(nameof(MobaGroup))]
    public void With_as_many_choices_as_blocks_it_is_causal_and_with_none_chunks(string pattern) => GpuFixture.Judge(
        from blocks in ((int Size, int TopK)[])[(16, 64), (64, 16), (128, 8), (512, 3), (16, 1), (48, 1), (64, 1), (128, 1), (512, 1)]
        from batch in (Batch[])[Batch.One, Batch.Ragged, Batch.Tail]
        from shape in ((int Dim, Element Element)[])[(128, Element.BFloat16), (64, Element.Half), (256, Element.BFloat16)]
        select new GatedCase(pattern, blocks.Size, blocks.TopK, batch, 1000, 4, 2, shape.Dim, shape.Element),
        at =>
        {
            AttentionInputs inputs = at.Normal();
            GpuOutcome outcome = CaseRunner.Run(Engine, at.Expert, inputs, at.Layout);
            ISparseExpert same = at.TopK == 1 ? new ChunkedCausal { Chunk = at.BlockSize } : new Causal();
            string? fault = outcome.Damage ?? RouteJudge.Fault(new(inputs, at.Expert.Gate!), at.Expert.Gate!, outcome.Routes!)
                ?? Judge.Fault(inputs, Gpu.Reference.Attend(inputs, same, (same.Info.Name, at.BlockSize)), outcome.Output, outcome.Lse);
            return fault is null ? null : $"{at}: {fault}";
        });

    /// <inheritdoc/>
    public void Dispose() => _cpu.Dispose();

    private string? Exact(GatedCase at, ushort[][] bits)
    {
        AttentionInputs inputs = at.With(bits, GatedData.ScaleOf(at.Dim));
        GpuOutcome outcome = CaseRunner.Run(Engine, at.Expert, inputs, at.Layout);
        BlockRoutes wanted = new GateOracle(inputs, at.Expert.Gate!).Choose(), cpu = HostRun.Of(_cpu, at.Expert, inputs).Routes!;
        string? fault = Other(wanted, cpu, "the CPU engine's routes") ?? Other(wanted, outcome.Routes!, "routes")
            ?? GatedRunner.Fault(Gpu.Reference, at.Expert, inputs, outcome);
        return fault is null ? null : $"{at}: {fault}";
    }

    private string? Near(string name, ISparseExpert expert, AttentionInputs inputs)
    {
        GpuOutcome outcome = CaseRunner.Run(Engine, expert, inputs, Layout.Dense);
        BlockRoutes cpu = HostRun.Of(_cpu, expert, inputs).Routes!;
        long others = cpu.Missing(outcome.Routes!);
        string? fault = GatedRunner.Fault(Gpu.Reference, expert, inputs, outcome)
            ?? (others <= MostOthers * cpu.Blocks.Length ? null : $"{others} of {cpu.Blocks.Length} blocks are not those of the CPU engine");
        return fault is null ? null : $"{name}: {fault}";
    }

    private static string? Other(BlockRoutes wanted, BlockRoutes actual, string what)
    {
        int at = wanted.Blocks.AsSpan().CommonPrefixLength(actual.Blocks) / wanted.TopK, token = at / wanted.Heads, head = at % wanted.Heads;
        return at == wanted.Rows ? null
            : $"{what} of [token {token}, route head {head}] are [{string.Join(' ', actual.Row(token, head).ToArray())}] and not [{string.Join(' ', wanted.Row(token, head).ToArray())}]";
    }
}
