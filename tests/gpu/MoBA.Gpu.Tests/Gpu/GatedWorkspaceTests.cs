using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Scratch memory of gated experts: how much there is changes nothing but the time, and too little is an error that the engine survives.</summary>
public sealed class GatedWorkspaceTests(GpuFixture gpu) : GpuTests(gpu)
{
    /// <summary>The experts, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GatedCase.Patterns];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Fewer_heads_at_a_time_come_to_the_same_bits(string pattern)
    {
        GatedCase at = new(pattern, 64, 8, Batch.One, 4000, 8, 2, 128, Element.BFloat16);
        GatedOutcome wanted = Run(Engine, at);
        HashSet<long> sizes = [];
        for (long limit = wanted.WorkspaceBytes; ; limit -= limit / 4)
        {
            using AttentionEngine engine = AttentionEngine.Create(new AttentionEngineOptions { Target = Target.Cuda, WorkspaceBytes = limit });
            if (TryRun(engine, at) is not { } outcome)
            {
                GatedCase small = at with { Length = 600 };
                AssertRight(Run(Engine, small).Difference(Run(engine, small)));
                break;
            }

            Assert.True(wanted.Difference(outcome) is null, $"{at} with {outcome.WorkspaceBytes} bytes: {wanted.Difference(outcome)}");
            Assert.InRange(outcome.WorkspaceBytes, 1, limit);
            sizes.Add(outcome.WorkspaceBytes);
        }

        // All heads together, one at a time, and numbers between: partial outputs are nearly all of it.
        Assert.True(sizes.Count >= 3 && sizes.Min() < wanted.WorkspaceBytes / 3, $"{at}: {string.Join(", ", sizes.Order())} bytes");
        ProgressLog.Default.Note($"{at}: KiB of scratch memory as allowed: {string.Join(", ", sizes.Order().Select(bytes => bytes >> 10))}");
    }

    [Fact]
    public void A_device_without_room_is_an_error_that_the_engine_survives()
    {
        const long left = 400L << 20;

        // More than a GiB of partial outputs for each head.
        GatedCase large = new(nameof(MobaTopK), 128, 64, Batch.One, 65_536, 2, 2, 128, Element.BFloat16), small = large with { Length = 9000 };
        GatedOutcome wanted = Run(Engine, large), less = Run(Engine, small);
        using AttentionEngine engine = AttentionEngine.Create(Target.Cuda);
        AssertRight(less.Difference(Run(engine, small)));
        using (DeviceCall call = new(engine, large.Length, 2, 2, 128))
        {
            using ForeignMemory others = new(ForeignMemory.FreeBytes - left);
            InsufficientMemoryException exception = Assert.Throws<InsufficientMemoryException>(() => engine.Attend(large.Expert, call.Q, call.K, call.V));
            Assert.Contains("block gate", exception.Message, StringComparison.Ordinal);
            AssertRight(less.Difference(Run(engine, small)));
        }

        AssertRight(wanted.Difference(Run(engine, large)));
    }

    [Fact]
    public void Repeated_calls_take_no_more_memory()
    {
        GatedCase at = new(nameof(MobaSinks), 64, 8, Batch.One, 4000, 8, 2, 128, Element.BFloat16);
        for (int i = 0; i < 5; i++)
            Run(Engine, at);
        long before = ForeignMemory.FreeBytes;
        for (int i = 0; i < 100; i++)
            Run(Engine, at);
        Assert.InRange(before - ForeignMemory.FreeBytes, long.MinValue, 16L << 20);
    }

    private static GatedOutcome? TryRun(AttentionEngine engine, GatedCase at)
    {
        try
        {
            return Run(engine, at);
        }
        catch (InsufficientMemoryException e)
        {
            Assert.Contains("AttentionEngineOptions.WorkspaceBytes allows", e.Message, StringComparison.Ordinal);
            Assert.Contains("The engine can be used on", e.Message, StringComparison.Ordinal);
            return null;
        }
    }

    private static GatedOutcome Run(AttentionEngine engine, GatedCase at)
    {
        using DeviceCall call = new(engine, at.Length, at.QueryHeads, at.KeyHeads, at.Dim);
        DeviceAttentionResult<BFloat16> result = engine.Attend(at.Expert, call.Q, call.K, call.V, new() { ReturnLse = true, ReturnRoutes = true });
        using DeviceTensor<BFloat16> output = result.Output;
        using DeviceTensor<float> lse = result.Lse!;
        using DeviceTensor<int> routes = result.Routes!;
        return new(new(DeviceCall.Read(output), [.. lse.ToHost()], null, BlockRoutes.Of(routes.ToHost())), result.WorkspaceBytes);
    }

    /// <summary>What a call came to, and the scratch memory that it took.</summary>
    private sealed record GatedOutcome(GpuOutcome Outcome, long WorkspaceBytes)
    {
        public string? Difference(GatedOutcome other) => GatedRunner.Difference(Outcome, other.Outcome);
    }
}
