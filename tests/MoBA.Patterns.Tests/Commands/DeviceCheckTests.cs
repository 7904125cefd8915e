using System.Numerics.Tensors;
using MoBA.Program;
using MoBA.Runtime;
using MoBA.Runtime.Tests.Cuda;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary><c>moba check --target cuda</c> on a device without a GPU.</summary>
public sealed class DeviceCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("MobaTopK")]
    [InlineData("MobaSinks")]
    [InlineData("MobaGroup")]
    [InlineData("SinkWindow")]
    public void Sixteen_bit_files_are_checked_on_the_device(string name)
    {
        foreach (string path in (string[])[Write(static x => (BFloat16)x, static (w, n, t) => w.Add(n, t)), Write(static x => (Half)x, static (w, n, t) => w.Add(n, t))])
        {
            using FakeDevice device = new();
            (int code, string text) = Check(name, path, device);
            Assert.Equal(0, code);
            Assert.Contains("ran     on tensor cores", text, StringComparison.Ordinal);
            Assert.Contains("agrees with the oracle", text, StringComparison.Ordinal);
            Assert.Equal(name != "SinkWindow", text.Contains("differ from the oracle's", StringComparison.Ordinal));
            Assert.Equal(150, device.Attention.Call.QueryTokens);
        }
    }

    [Fact]
    public void A_mixture_is_checked_on_the_device()
    {
        using FakeDevice device = new();
        string path = Write(static x => (BFloat16)x, static (w, n, t) => w.Add(n, t));
        (int code, string text) = Check("LongContext", path, device, new Routing(null, null, null, static mixture => RouterSource.Random(mixture.Info, 4, 16)));
        Assert.Equal(0, code);
        foreach (string part in (string[])["ran     on tensor cores", "routes", "MobaTopK", "agrees with the oracle", "entropy"])
            Assert.Contains(part, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Floats_are_checked_on_the_CPU_and_that_is_said()
    {
        using FakeDevice device = new();
        (int code, string text) = Check("MobaTopK", CommandLine.WriteInput(_folder, tokens: 150), device);
        Assert.Equal(0, code);
        Assert.Contains("ran     on the CPU: tensor cores take BF16 or F16 tensors", text, StringComparison.Ordinal);
        Assert.Contains("agrees with the oracle at a tolerance of 1e-04", text, StringComparison.Ordinal);
        Assert.Equal(0, device.Attention.Call.QueryTokens);
    }

    [Fact]
    public void Short_elements_are_judged_by_their_rounding()
    {
        Tolerances within = Tolerances.Short(1.0 / 256, 4);
        Judgement judgement = new(new(0.06, 0), new ErrorStats(9e-4, 0), [("routes", new(10, 1, 5e-3, null))], 0) { Within = within };
        Assert.True(judgement.Agrees);
        Assert.Contains("near ties", judgement.Text(judgement.Routes[0].Gap), StringComparison.Ordinal);
        Assert.False((judgement with { Output = new(0.07, 0) }).Agrees);
        Assert.False((judgement with { Lse = new ErrorStats(2e-3, 0) }).Agrees);
        Assert.False((judgement with { Routes = [("routes", new(10, 1, 9e-3, null))] }).Agrees);
        Assert.False((judgement with { Within = Tolerances.Single }).Agrees);
        Assert.Contains("TOO LARGE", (judgement with { Within = Tolerances.Single }).Text(judgement.Routes[0].Gap), StringComparison.Ordinal);
    }

    private static (int Code, string Text) Check(string name, string path, FakeDevice device, Routing? routing = null)
    {
        using StringWriter text = new(), error = new();
        using AttentionInput file = AttentionInput.Open(path);
        Pattern pattern = Pattern.Of(Gallery.Find(name)!, file.LongestSequence, [], routing ?? Routing.None);
        return (CheckCommand.Check(Terminal.To(text, error), pattern, file, () => device.Engine, TestContext.Current.CancellationToken), text.ToString());
    }

    private string Write<T>(Func<float, T> from, Action<SafetensorsWriter, string, Tensor<T>> add)
        where T : unmanaged
    {
        string path = Path.Combine(_folder, typeof(T).Name);
        var writer = new SafetensorsWriter();
        add(writer, "q", RandomRows.Normal(150, 4, 16, 1, from));
        add(writer, "k", RandomRows.Normal(150, 2, 16, 2, from));
        add(writer, "v", RandomRows.Normal(150, 2, 16, 3, from));
        writer.Save(path);
        return path;
    }
}
