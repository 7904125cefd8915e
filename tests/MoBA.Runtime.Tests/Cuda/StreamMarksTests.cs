using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Times of a stream's work by its marks.</summary>
public sealed class StreamMarksTests
{
    [Fact]
    public void TimesAreThoseBetweenMarks()
    {
        using FakeDevice device = new();
        nint stream = device.Runtime.Stream.Handle;
        using (StreamMarks marks = new(device.Runtime, device.Runtime.Stream, 3))
        {
            Work(2);
            marks.Mark();
            Work(4);
            marks.Mark();
            marks.Mark();

            // The mark itself is one of the things that the stream does.
            Assert.Equal([5, 1], marks.Milliseconds());
        }

        device.Dispose();
        Assert.Equal(0, device.Driver.Leaks);

        void Work(int count)
        {
            for (int i = 0; i < count; i++)
                Assert.Equal(CudaStatus.Success, device.Driver.Enqueue(stream, static () => { }));
        }
    }

    [Fact]
    public void AFailureSaysWhatFailed()
    {
        using FakeDevice device = new();
        using StreamMarks marks = new(device.Runtime, device.Runtime.Stream, 2);
        marks.Mark();
        marks.Mark();
        device.Driver.Failures["EventElapsedTime"] = CudaStatus.InvalidValue;
        Assert.Contains("cuEventElapsedTime", Assert.Throws<CudaException>(() => marks.Milliseconds()).Message, StringComparison.Ordinal);
        device.Driver.Failures.Clear();
    }
}
