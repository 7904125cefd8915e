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
    public void The_kernel_computes_attention(int dim, bool isHalf, int width, string scores, int blocks)
    {
        if (scores == "scored")
            Run(Problem<BandPattern>(dim, isHalf, new() { Width = width }, width, false));
        else
            Run(Problem<PlainBandPattern>(dim, isHalf, new() { Band = new() { Width = width } }, width, scores == "scale first"));

        void Run<TPattern>(AttentionProblem<TPattern, int> problem)
            where TPattern : unmanaged, ICudaPattern<int, int, int>
        {
            problem.Run(KernelTarget.Sm90a, blocks, dim + width);
            problem.Check();
        }
    }

    // Queries from position 77 on, the first tile's and the rest; keys end before the last queries do.
    private static AttentionProblem<TPattern, int> Problem<TPattern>(int dim, bool isHalf, TPattern pattern, int width, bool scaleFirst)
        where TPattern : unmanaged, ICudaPattern<int, int, int> => new(dim, isHalf, 149, 196)
        {
            Pattern = pattern,
            ScaleFirst = scaleFirst,
            Records =
            [
                new() { QueryToken = 1, Queries = 128, Position = 77, KeyToken = 2, Keys = 196 },
                new() { QueryToken = 129, Queries = 21, Position = 205, KeyToken = 2, Keys = 196 },
                new() { QueryToken = 0, Queries = 1, Position = 3 + width, KeyToken = 2, Keys = 2 },
            ],
        };
}
