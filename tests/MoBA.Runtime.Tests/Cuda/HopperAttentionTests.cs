using System.Text.RegularExpressions;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>The whole kernel text for Hopper, run by the emulator and compared with attention as it is defined.</summary>
public sealed class HopperAttentionTests
{
    [Theory]
    [InlineData(64, false, 300, "scored", 1)]
    [InlineData(64, true, 40, "plain", 2)]
    [InlineData(128, false, 100, "plain", 2)]
    [InlineData(128, true, 1000, "scored", 1)]
    [InlineData(128, true, 100, "scale first", 6)]
    [InlineData(256, false, 50, "scale first", 1)]
    [InlineData(256, true, 50, "plain", 2)]
    [InlineData(72, false, 90, "plain", 1)]
    [InlineData(8, true, 20, "scored", 2)]
    [InlineData(200, true, 1000, "scored", 2)]
    [InlineData(8, false, 200, "capped", 2)]
    [InlineData(64, false, 100, "capped", 1)]
    [InlineData(128, true, 100, "capped", 1)]
    public void The_kernel_computes_attention(int dim, bool isHalf, int width, string scores, int blocks)
    {
        IAttentionProblem problem = AttentionProblems.Band(KernelTarget.Sm90a, dim, isHalf, width, scores);
        problem.Run(KernelTarget.Sm90a, blocks, dim + width);
        problem.Check();
    }

    // Weights of 1: those that are relative to no maximum are rounded on their way to the product.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_value_of_the_only_key_is_the_output(bool isHalf)
    {
        IAttentionProblem problem = AttentionProblems.OneKey(isHalf);
        problem.Run(KernelTarget.Sm90a);
        problem.Check(1e-7);
    }

    [Fact]
    public void No_order_of_warps_and_copies_changes_the_result()
    {
        for (int seed = 0; seed < PtxGrid.Seeds; seed++)
        {
            IAttentionProblem problem = AttentionProblems.LongBand();
            problem.Run(KernelTarget.Sm90a, 1 + (seed % 2), seed);
            problem.Check();
        }
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 3)]
    public void Tiles_of_two_runs_are_walked_in_turn(bool isHalf, int blocks)
    {
        IAttentionProblem problem = AttentionProblems.SinkBand(isHalf);
        problem.Run(KernelTarget.Sm90a, blocks, blocks);
        problem.Check();
    }

    [Theory]
    [InlineData(64, true, "plain")]
    [InlineData(128, false, "scored")]
    public void What_is_no_number_stays_with_the_rows_that_attend_it(int dim, bool isHalf, string scores)
    {
        IAttentionProblem problem = AttentionProblems.Band(KernelTarget.Sm90a, dim, isHalf, 40, scores);
        problem.SetValue(152, 0, 3, float.NaN);
        problem.SetValue(90, 0, 5, float.PositiveInfinity);
        problem.Run(KernelTarget.Sm90a, 2);
        problem.Check();
    }

    [Fact]
    public void Claiming_more_registers_than_there_are_waits_for_ever()
    {
        PtxException e = Assert.Throws<PtxException>(() => AttentionProblems.LongBand().Run(
            KernelTarget.Sm90a, edit: static text => text.Replace("setmaxnreg.inc.sync.aligned.u32 216", "setmaxnreg.inc.sync.aligned.u32 224", StringComparison.Ordinal)));
        Assert.StartsWith("block ", e.Message, StringComparison.Ordinal);
        Assert.Contains("waits for ever", e.Message, StringComparison.Ordinal);
        Assert.Contains("setmaxnreg.inc.sync.aligned.u32 224: 1792 registers more than it has", e.Message, StringComparison.Ordinal);
    }

    // Whether the tests above could fail: each place is taken out of the text in turn, and some order of events must show it. Every
    // sixth seed has the latest copies.
    [Theory]
    [InlineData("waits for copies and free slots", 11, @"AGAIN: mbarrier\.try_wait[^;]*; @!done bra AGAIN;")]
    [InlineData("waiting on", 11, "@!done bra AGAIN;")]
    [InlineData("parities of free slots", 5, @"xor\.b32 round, round, 1;")]
    [InlineData("arrivals", 7, @"@first mbarrier\.arrive\.[^;]*;")]
    [InlineData("arrivals with bytes", 4, @"mbarrier\.arrive\.expect_tx[^;]*;")]
    [InlineData("copies", 4, @"cp\.async\.bulk[^;]*;")]
    [InlineData("barriers", 10, @"mbarrier\.init\.[^;]*;")]
    [InlineData("the block's barrier", 1, @"bar\.sync 0;")]
    [InlineData("registers released", 1, @"setmaxnreg\.dec[^;]*;")]
    [InlineData("waits for products", 4, @"wgmma\.wait_group[^;]*;")]
    [InlineData("groups of products", 4, @"wgmma\.commit_group[^;]*;")]
    [InlineData("fences before scores", 2, @"(?<=tile\.startscores[^\n]*\n\s*)wgmma\.fence[^;]*;")]
    [InlineData("blocks counted", 1, @"atom\.global\.inc[^;]*;")]
    [InlineData("the counter set back", 1, @"@p st\.global\.u32[^;]*;")]
    public void What_is_missing_is_found(string what, int places, string pattern)
    {
        Regex regex = new(pattern);
        for (int place = 0; place < places; place++)
            Assert.True(Enumerable.Range(0, PtxGrid.Seeds).OrderBy(static seed => seed % 6).Any(seed => Fails(seed, text => Without(text, place))), $"{what}, place {place}: nobody misses it");

        string Without(string text, int place)
        {
            MatchCollection matches = regex.Matches(text);
            Assert.Equal(places, matches.Count);
            return text.Remove(matches[place].Index, matches[place].Length);
        }
    }

    private static bool Fails(int seed, Func<string, string> edit)
    {
        IAttentionProblem problem = AttentionProblems.LongBand();
        try
        {
            problem.Run(KernelTarget.Sm90a, 2, seed, edit);
        }
        catch (PtxException)
        {
            return true;
        }

        return Record.Exception(() => problem.Check()) is not null;
    }
}
