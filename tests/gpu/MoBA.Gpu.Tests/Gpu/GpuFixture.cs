using System.Collections.Concurrent;
using System.Diagnostics;
using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Tests that share one engine on the GPU, one after another.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class GpuCollection : ICollectionFixture<GpuFixture>
{
    /// <summary>The collection's name.</summary>
    public const string Name = "GPU";
}

/// <summary>What runs on the GPU only: where there is none every test is skipped, by its constructor.</summary>
[Collection(GpuCollection.Name)]
[Trait("Category", "Gpu")]
public abstract class GpuTests
{
    private protected GpuTests(GpuFixture gpu)
    {
        GpuFixture.Require();
        Gpu = gpu;
    }

    private protected GpuFixture Gpu { get; }

    private protected AttentionEngine Engine => Gpu.Engine;

    /// <summary>Fails with all that is to be said of a fault.</summary>
    private protected static void AssertRight(string? fault) => Assert.True(fault is null, fault);
}

/// <summary>The engine and the reference, made when a test first asks for them.</summary>
public sealed class GpuFixture : IDisposable
{
    private readonly Lazy<AttentionEngine> _engine = new(() => AttentionEngine.Create(Target.Cuda));
    private readonly Lazy<ReferenceDevice> _reference = new(ReferenceDevice.Cuda);
    private readonly Lazy<string> _warmUp;

    private readonly Lazy<string> _gateWarmUp;

    /// <summary>Nothing is made yet.</summary>
    public GpuFixture() => (_warmUp, _gateWarmUp) = (new(CompileAll), new(CompileGates));

    /// <summary>Threads that judge cases side by side.</summary>
    internal static ParallelOptions Threads { get; } = new()
    {
        MaxDegreeOfParallelism = int.TryParse(Environment.GetEnvironmentVariable("MOBA_GPU_THREADS"), out int threads) ? threads : Environment.ProcessorCount,
    };

    internal AttentionEngine Engine => _engine.Value;

    internal ReferenceDevice Reference => _reference.Value;

    /// <summary>Skips the test that calls, with the reason, where there is no GPU; with MOBA_GPU_REQUIRED=1 that is a failure. An
    /// engine that fails on a machine with a GPU is a failure anyhow.</summary>
    public static void Require()
    {
        if (NvidiaDriver.Missing is not { } reason)
            return;
        if (Environment.GetEnvironmentVariable("MOBA_GPU_REQUIRED") == "1")
            Assert.Fail($"MOBA_GPU_REQUIRED is 1, but there is {reason}.");
        Assert.Skip($"needs an NVIDIA GPU: {reason}");
    }

    /// <summary>Judges cases side by side, and fails with one line a wrong case.</summary>
    internal void Judge(IEnumerable<AttentionCase> cases, float? scale = null) => Judge(cases, at => CaseRunner.Fault(Engine, Reference, at, scale));

    /// <inheritdoc cref="Judge(IEnumerable{AttentionCase}, float?)"/>
    internal void Judge(IEnumerable<GatedCase> cases) => Judge(cases, at => GatedRunner.Fault(Engine, Reference, at));

    /// <summary>Judges cases side by side, and fails with one line a wrong case.</summary>
    /// <param name="cases">The cases.</param>
    /// <param name="faultOf">What is wrong with one, or null.</param>
    internal static void Judge<T>(IEnumerable<T> cases, Func<T, string?> faultOf)
    {
        ConcurrentBag<string> faults = [];
        int judged = 0;
        Parallel.ForEach(cases, Threads, at =>
        {
            Interlocked.Increment(ref judged);
            if (faultOf(at) is { } fault)
                faults.Add(fault);
        });
        Assert.NotEqual(0, judged);
        Assert.True(faults.IsEmpty, Report(faults, judged));
    }

    /// <summary>Compiles every kernel of the gallery at once, as no row of a pattern could; says how long that took.</summary>
    internal void WarmUp() => TestContext.Current.SendDiagnosticMessage(_warmUp.Value);

    /// <summary>The same for experts with a gate.</summary>
    internal void WarmUpGates() => TestContext.Current.SendDiagnosticMessage(_gateWarmUp.Value);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_engine.IsValueCreated)
            _engine.Value.Dispose();
        if (_reference.IsValueCreated)
            _reference.Value.Dispose();
    }

    private static string Report(ConcurrentBag<string> faults, int judged)
    {
        const int most = 25;
        string lines = string.Join('\n', faults.Order(StringComparer.Ordinal).Take(most));
        return $"{faults.Count} of {judged} cases are wrong:\n{lines}{(faults.Count > most ? $"\n... and {faults.Count - most} more" : "")}";
    }

    private string CompileAll() => Compile(GpuCases.OnePerKernel(), at => CaseRunner.Fault(Engine, Reference, at));

    private string CompileGates() => Compile(GatedCases.OnePerKernel(), at => GatedRunner.Fault(Engine, Reference, at));

    // A kernel that fails here fails again in its own pattern's row, which says so.
    private string Compile<T>(IEnumerable<T> cases, Func<T, string?> run)
    {
        long start = Stopwatch.GetTimestamp();
        T[] all = [.. cases];
        Parallel.ForEach(all, Threads, at => run(at));
        return $"{Engine.Description}: {all.Length} cases for all kernels done after {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s";
    }
}
