using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Device memory: size classes, reuse in the order of streams, limits, and what happens when there is no more.</summary>
public sealed class WorkspacePoolTests : IDisposable
{
    private readonly FakeDevice _device = new(new FakeCudaDriver { Capacity = 1 << 20 }, workspaceBytes: 64 << 10);
    private readonly CudaStream _other;

    public WorkspacePoolTests() => _other = _device.Engine.CreateStream();

    private WorkspacePool Pool => _device.Runtime.Pool;

    private CudaStream Stream => _device.Runtime.Stream;

    public void Dispose()
    {
        _other.Dispose();
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
    }

    [Theory]
    [InlineData(0, 512)]
    [InlineData(512, 512)]
    [InlineData(513, 1024)]
    [InlineData(4097, 4608)]
    [InlineData(8192, 8192)]
    [InlineData(8193, 9216)]
    [InlineData((1L << 30) + 1, (1L << 30) + (1L << 27))]
    [InlineData(100_000_000_000, 103_079_215_104)]
    public void ABlockHoldsWhatIsAskedForAndLittleMore(long bytes, long size) => Assert.Equal(size, WorkspacePool.ClassOf(bytes));

    [Fact]
    public void ClassesNeverWasteMoreThanAnEighthAndABit()
    {
        Random random = new(1);
        for (int i = 0; i < 10_000; i++)
        {
            long bytes = random.NextInt64(1, 1L << random.Next(1, 40)), size = WorkspacePool.ClassOf(bytes);
            Assert.InRange(size, bytes, bytes + bytes / 8 + 511);
            Assert.Equal(size, WorkspacePool.ClassOf(size));
            Assert.Equal(0, size % 512);
            Assert.Equal(size == bytes ? size : WorkspacePool.ClassWithin(size - 1), WorkspacePool.ClassWithin(bytes));
            Assert.Equal(size, WorkspacePool.ClassWithin(size));
        }
    }

    [Fact]
    public void ABlockIsFreeAtOnceOnItsStreamAndElsewhereWhenItsWorkHasEnded()
    {
        using CurrentContext current = _device.Runtime.Context.Enter();
        DeviceBlock block = Pool.Rent(1000, "a test", Stream);
        _device.Driver.Enqueue(Stream.Handle, static () => { });
        Pool.Return(block, Stream);

        DeviceBlock elsewhere = Pool.Rent(1000, "a test", _other);
        Assert.NotSame(block, elsewhere);
        Assert.Same(block, Pool.Rent(1000, "a test", Stream));
        Pool.Return(block, Stream);
        DeviceBlock third = Pool.Rent(1024, "a test", _other);
        Assert.NotSame(block, third);
        _device.Driver.Run(Stream.Handle);
        Assert.Same(block, Pool.Rent(1024, "a test", _other));
        foreach (DeviceBlock rented in new[] { block, elsewhere, third })
            Pool.Return(rented, _other);
    }

    [Fact]
    public void AStreamOfAnotherLibraryMayBeGoneWhenItsBlockIsReused()
    {
        using CurrentContext current = _device.Runtime.Context.Enter();
        nint handle = _device.Driver.ForeignStream();
        CudaStream foreign = CudaStream.FromHandle(handle);
        DeviceBlock block = Pool.Rent(1000, "a test", foreign);
        Pool.Return(block, foreign);
        foreign.Dispose();
        _device.Driver.StreamDestroy(handle);
        Assert.Same(block, Pool.Rent(1000, "a test", Stream));
        Pool.Return(block, Stream);
    }

    [Fact]
    public void NoMoreThanTheLimitIsKept()
    {
        using CurrentContext current = _device.Runtime.Context.Enter();
        DeviceBlock[] blocks = [.. Enumerable.Range(0, 5).Select(_ => Pool.Rent(20 << 10, "a test", Stream)), Pool.Rent(65 << 10, "a test", Stream)];
        foreach (DeviceBlock block in blocks)
            Pool.Return(block, Stream);
        Assert.Equal(60 << 10, Pool.FreeBytes);
        Assert.Equal(60 << 10, _device.Driver.Taken);
        Pool.Trim();
        Assert.Equal((0, 0), (Pool.FreeBytes, _device.Driver.Taken));
    }

    [Fact]
    public void WhatIsKeptIsGivenBackBeforeMemoryRunsOut()
    {
        using CurrentContext current = _device.Runtime.Context.Enter();
        Pool.Return(Pool.Rent(64 << 10, "a test", Stream), Stream);
        DeviceBlock large = Pool.Rent(1 << 20, "a test", Stream);
        Assert.Equal(0, Pool.FreeBytes);

        InsufficientMemoryException e = Assert.Throws<InsufficientMemoryException>(() => Pool.Rent(5000, "the output", Stream));
        Assert.Contains("5,000 bytes (0.0 MiB) were needed for the output on Fake H200, of whose 1,048,576 bytes 0 are free", e.Message, StringComparison.Ordinal);
        Pool.Return(large, Stream);
        Pool.Return(Pool.Rent(5000, "the output", Stream), Stream);
    }

    [Fact]
    public void ACallThatDoesNotFitSaysSoAndTheNextOneRuns()
    {
        AttentionEngine engine = _device.Engine;
        using DeviceTensor<Half> small = engine.ToDevice(Inputs.Normal<Half>(1, 64, 1, 8)), large = engine.ToDevice(Inputs.Normal<Half>(1, 40_000, 1, 8));
        Assert.Throws<InsufficientMemoryException>(() => engine.Attend(new Causal(), large, small, small, new() { ReturnLse = true, QueryStart = 0 }).Lse);
        engine.Attend(new Causal(), small, small, small).Output.Dispose();
    }
}
