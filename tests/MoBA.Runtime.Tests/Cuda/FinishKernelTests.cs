using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "finish", run by the emulator, against sums in double precision.</summary>
public sealed class FinishKernelTests
{
    [Theory]
    [InlineData("Sm90a", 64, true, 64, 2, 0)]
    [InlineData("Sm90a", 128, false, 128, 1, 1)]
    [InlineData("Sm90a", 256, true, 48, 2, 1)]
    [InlineData("Sm90a", 40, false, 16, 1, 2)]
    [InlineData("Sm80", 64, false, 64, 2, 0)]
    [InlineData("Sm80", 128, true, 128, 1, 1)]
    [InlineData("Sm80", 256, false, 48, 2, 1)]
    [InlineData("Sm80", 104, true, 192, 1, 0)]
    public void Own_blocks_and_partials_are_merged(string target, int dim, bool isHalf, int blockSize, int headsPerList, int firstListHead)
    {
        FinishProblem problem = new(dim, isHalf, blockSize, headsPerList, firstListHead, dim);
        problem.Run(Enum.Parse<KernelTarget>(target), 1);
        problem.Check();
    }

    [Theory]
    [InlineData("Sm90a")]
    [InlineData("Sm80")]
    public void A_row_that_a_spoilt_value_broke_is_done_key_by_key(string target)
    {
        // Queries that share a tile with positions from 256 on meet key 290 there, and do not see it.
        FinishProblem problem = new(64, true, 64, 2, 0, 5);
        for (int keyHead = 0; keyHead < 2; keyHead++)
            problem.SetValue(2 + 290, keyHead, 3, float.PositiveInfinity);
        for (int token = 61; token < 94; token++)
        {
            for (int head = 0; head < 4; head++)
                problem.Choose(token, head, token % 8 == 0 ? [0] : token % 8 == 1 ? [1, 2] : []);
        }

        problem.Run(Enum.Parse<KernelTarget>(target), 1);
        problem.Check(static token => token is >= 61 and < 94);
    }
}
