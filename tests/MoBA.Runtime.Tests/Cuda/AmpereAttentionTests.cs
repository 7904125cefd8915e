using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>The whole kernel text for Ampere, run by the emulator and compared with attention as it is defined.</summary>
public sealed class AmpereAttentionTests
{
    [Theory]
    [InlineData(64, false, 300, "scored")]
    [InlineData(64, true, 40, "plain")]
    [InlineData(128, false, 100, "plain")]
    [InlineData(128, true, 1000, "scored")]
    [InlineData(128, true, 100, "scale first")]
    [InlineData(256, false, 50, "scale first")]
    [InlineData(256, true, 50, "plain")]
    [InlineData(72, false, 90, "plain")]
    [InlineData(8, true, 20, "scored")]
    [InlineData(200, true, 1000, "scored")]
    [InlineData(8, false, 200, "capped")]
    [InlineData(64, false, 100, "capped")]
    [InlineData(128, true, 100, "capped")]
    public void The_kernel_computes_attention(int dim, bool isHalf, int width, string scores)
    {
        IAttentionProblem problem = AttentionProblems.Band(KernelTarget.Sm80, dim, isHalf, width, scores);
        problem.Run(KernelTarget.Sm80, seed: dim + width);
        problem.Check();
    }

    [Fact]
    public void Tiles_of_two_runs_are_walked_in_turn()
    {
        IAttentionProblem problem = AttentionProblems.SinkBand(true);
        problem.Run(KernelTarget.Sm80);
        problem.Check();
    }

    [Theory]
    [InlineData(64, true, "plain")]
    [InlineData(128, false, "scored")]
    public void What_is_no_number_stays_with_the_rows_that_attend_it(int dim, bool isHalf, string scores)
    {
        IAttentionProblem problem = AttentionProblems.Band(KernelTarget.Sm80, dim, isHalf, 40, scores);
        problem.SetValue(152, 0, 3, float.NaN);
        problem.SetValue(90, 0, 5, float.PositiveInfinity);
        problem.Run(KernelTarget.Sm80);
        problem.Check();
    }

    // Whether the tests above could fail: each place is taken out of the text in turn, and some order of warps must show it.
    [Theory]
    [InlineData("cp.async.wait_all;")]
    [InlineData("bar.sync 0;")]
    public void What_is_missing_is_found(string what)
    {
        for (int place = 0; place < 2; place++)
            Assert.True(Enumerable.Range(0, PtxGrid.Seeds).Any(seed => Fails(seed, text => Without(text, place))), $"{what}, place {place}: nobody misses it");

        string Without(string text, int place)
        {
            string[] parts = text.Split(what);
            Assert.Equal(3, parts.Length);
            return string.Concat(parts[0], place == 0 ? "" : what, parts[1], place == 0 ? what : "", parts[2]);
        }
    }

    private static bool Fails(int seed, Func<string, string> edit)
    {
        IAttentionProblem problem = AttentionProblems.LongBand();
        try
        {
            problem.Run(KernelTarget.Sm80, 0, seed, edit);
        }
        catch (PtxException)
        {
            return true;
        }

        return Record.Exception(() => problem.Check()) is not null;
    }
}
