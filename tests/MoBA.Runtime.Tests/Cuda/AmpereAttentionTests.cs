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
    public void The_kernel_computes_attention(int dim, bool isHalf, int width, string scores)
    {
        if (scores == "scored")
            Run(Problem<BandPattern>(dim, isHalf, new() { Width = width }, width, false));
        else
            Run(Problem<PlainBandPattern>(dim, isHalf, new() { Band = new() { Width = width } }, width, scores == "scale first"));

        void Run<TPattern>(AttentionProblem<TPattern, int> problem)
            where TPattern : unmanaged, ICudaPattern<int, int, int>
        {
            problem.Run(KernelTarget.Sm80, seed: dim + width);
            problem.Check();
        }
    }

    // Queries from position 77 on, the first tile's and the rest; keys end before the last queries do.
    private static AttentionProblem<TPattern, int> Problem<TPattern>(int dim, bool isHalf, TPattern pattern, int width, bool scaleFirst)
        where TPattern : unmanaged, ICudaPattern<int, int, int>
    {
        int tile = TilePrinter.For(TileShape.For(KernelTarget.Sm80, dim, ElementKind.Half)).Queries, keys = tile + 68;
        return new(dim, isHalf, tile + 21, keys)
        {
            Pattern = pattern,
            ScaleFirst = scaleFirst,
            Records =
            [
                new() { QueryToken = 1, Queries = tile, Position = 77, KeyToken = 2, Keys = keys },
                new() { QueryToken = 1 + tile, Queries = 21, Position = 77 + tile, KeyToken = 2, Keys = keys },
                new() { QueryToken = 0, Queries = 1, Position = 3 + width, KeyToken = 2, Keys = 2 },
            ],
        };
    }
}
