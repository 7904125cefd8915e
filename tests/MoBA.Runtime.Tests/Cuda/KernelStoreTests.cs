using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

public sealed class KernelStoreTests : CacheFixture
{
    private const string Report = "MOBA_TESTS_COMPILATIONS";

    private static readonly TileShape _shape = new(KernelTarget.Sm90a, 64, ElementKind.Half);

    [Fact]
    public void A_second_start_compiles_nothing()
    {
        KernelText text = new KernelStore(Cache()).Text(Kernel(), _shape);
        KernelStore second = new(Cache());
        Assert.Equal(text, second.Text(Kernel(), _shape));
        Assert.Equal(0, second.Compilations);
        Assert.Contains(".target sm_90a", text.Ptx);
        Assert.DoesNotContain("__local_depot", text.Ptx);
        Assert.Contains(text.Entry, text.Ptx);
    }

    /// <summary>Runs itself in two processes of their own: each writes what it did into the file that <see cref="Report"/>
    /// names.</summary>
    [Fact]
    public async Task A_second_process_compiles_nothing()
    {
        if (Environment.GetEnvironmentVariable(Report) is { } file)
        {
            KernelStore store = new(KernelCache.Open(Log));
            MethodInfo attend = typeof(AmpereAttention).GetMethod(nameof(AmpereAttention.Attend))!.MakeGenericMethod(typeof(BandPattern), typeof(int), typeof(int), typeof(int));
            KernelText text = store.Text(new(attend, "1"), TileShape.For(KernelTarget.Sm80, 64, ElementKind.Half));
            Assert.Empty(Log.Warnings);
            File.WriteAllLines(file, [$"{store.Compilations}", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.Ptx)))]);
            return;
        }

        string[] first = await InAProcess(), second = await InAProcess();
        Assert.Equal(("1", "0"), (first[0], second[0]));
        Assert.Equal(first[1], second[1]);
        Assert.Single(Entries);
    }

    [Fact]
    public void Other_text_of_the_pattern_or_another_shape_is_another_entry_and_shapes_share_a_compilation()
    {
        KernelStore store = new(Cache());
        store.Text(Kernel(), _shape);
        store.Text(Kernel(), _shape with { Element = ElementKind.BFloat16 });
        store.Text(Kernel(), _shape with { Dim = 128 });
        Assert.Equal(1, store.Compilations);
        store.Text(Kernel("2"), _shape);
        Assert.Equal(2, store.Compilations);
        Assert.Equal(4, Entries.Length);
    }

    [Fact]
    public async Task However_many_threads_ask_a_kernel_is_compiled_once()
    {
        KernelStore store = new(Cache());
        using Barrier together = new(4);
        KernelText[] texts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                together.SignalAndWait();
                return store.Text(Kernel(), _shape);
            },
            TaskCreationOptions.LongRunning)));
        Assert.Equal(1, store.Compilations);
        Assert.All(texts, text => Assert.Same(texts[0], text));
    }

    [Fact]
    public void A_damaged_entry_costs_a_compilation()
    {
        KernelText text = new KernelStore(Cache()).Text(Kernel(), _shape);
        File.AppendAllText(Entries[0], "x");
        KernelStore store = new(Cache());
        Assert.Equal((text.Entry, text.Threads, text.SharedBytes), store.Text(Kernel(), _shape) is var t ? (t.Entry, t.Threads, t.SharedBytes) : default);
        Assert.Equal(1, store.Compilations);
        Assert.Single(Entries);
    }

    [Fact]
    public void What_cannot_be_compiled_is_named_and_spoils_nothing()
    {
        KernelStore store = new(Cache());
        KernelSource bad = new(Method(nameof(Kernels.Throws)), "1");
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => store.Text(bad, _shape));
        Assert.Contains(nameof(Kernels.Throws), e.Message);
        Assert.Contains("Target.Cpu", e.Message);
        Assert.NotNull(e.InnerException);
        Assert.Contains(".entry", store.Text(Kernel(), _shape).Ptx);
        Assert.Throws<NotSupportedException>(() => store.Text(bad, _shape));
    }

    [Fact]
    public async Task Warming_compiles_a_kernel_where_the_cache_is_empty()
    {
        KernelStore store = new(Cache());
        Task warm = store.Warm();
        Assert.Same(KernelCompiler.Warm(), warm);
        await warm;
        store.Text(Kernel(), _shape);
        Assert.NotSame(warm, store.Warm());
    }

    private async Task<string[]> InAProcess()
    {
        string report = Path.Combine(Path.GetDirectoryName(Folder)!, "report");
        string method = $"{typeof(KernelStoreTests).FullName}.{nameof(A_second_process_compiles_nothing)}";
        ProcessStartInfo start = new("dotnet", [typeof(KernelStoreTests).Assembly.Location, "-method", method, "-noColor"])
        {
            RedirectStandardOutput = true,
        };
        (start.Environment[Report], start.Environment[CacheFolder.Variable]) = (report, Folder);
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0 && File.Exists(report), output);
        string[] lines = File.ReadAllLines(report);
        File.Delete(report);
        return lines;
    }
}
