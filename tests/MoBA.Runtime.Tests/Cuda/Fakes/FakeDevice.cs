using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>An engine on a fake device; at its end nothing may be left.</summary>
internal sealed class FakeDevice : IDisposable
{
    public FakeDevice(FakeCudaDriver? driver = null, long? workspaceBytes = null)
    {
        Driver = driver ?? new FakeCudaDriver();
        Attention = new FakeAttention(Driver);
        Engine = AttentionEngine.Create(new AttentionEngineOptions { Target = Target.Cuda, WorkspaceBytes = workspaceBytes }, Open(Driver, Attention));
        Runtime = Engine.Runtime();
    }

    public FakeCudaDriver Driver { get; }

    public FakeAttention Attention { get; }

    public AttentionEngine Engine { get; }

    public CudaRuntime Runtime { get; }

    /// <summary>The kernels of a driver.</summary>
    public static CudaTarget Open(FakeCudaDriver driver, FakeAttention? attention = null) => new(driver, (context, _, _) =>
    {
        FakeAttention kernels = attention ?? new FakeAttention(driver);
        kernels.Context = context;
        return kernels;
    });

    public void Dispose() => Engine.Dispose();
}
