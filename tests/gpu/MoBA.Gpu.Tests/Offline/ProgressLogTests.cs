using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>The log has a line before anything can happen to its writer.</summary>
[Trait("Category", "Offline")]
public sealed class ProgressLogTests
{
    [Fact]
    public void A_line_is_in_the_file_at_once_and_behind_the_others()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            ProgressLog log = new(path);
            log.Start("one\r\ncase");
            Assert.Equal("start one case\n", File.ReadAllText(path));
            log.Done("one");
            new ProgressLog(path).Start("two");
            log.Note("3 ms");
            Assert.Equal(["start one case", "done  one", "start two", "note  3 ms"], File.ReadAllLines(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
