using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "routed", run by the emulator, against attention as it is defined.</summary>
public sealed class RoutedKernelTests
{
    private static readonly KernelTarget[] _targets = [KernelTarget.Sm90a, KernelTarget.Sm80];

    /// <summary>Kernels, dims, elements, blocks, heads in a list, and where the heads at hand start.</summary>
    public static TheoryData<string, int, bool, int, int, int> Cases()
    {
        TheoryData<string, int, bool, int, int, int> cases = [];
        foreach (KernelTarget target in _targets)
        {
            cases.Add($"{target}", 64, false, 64, 2, 0);
            cases.Add($"{target}", 128, true, 128, 2, 1);
            cases.Add($"{target}", 128, false, 16, 1, 1);
            cases.Add($"{target}", 40, true, 48, 2, 0);
            cases.Add($"{target}", 64, true, 192, 1, 2);
            cases.Add($"{target}", 256, false, 128, 2, 1);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rows_attend_their_blocks(string target, int dim, bool isHalf, int blockSize, int headsPerList, int firstListHead) =>
        Attend(target, new RoutedProblem<PlainBandPattern>(dim, isHalf, blockSize, headsPerList, firstListHead, new() { Band = new() { Width = 170 } }, dim + blockSize));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Scores_are_modified(string target, int dim, bool isHalf, int blockSize, int headsPerList, int firstListHead) =>
        Attend(target, new RoutedProblem<BandPattern>(dim, isHalf, blockSize, headsPerList, firstListHead, new() { Width = 5000 }, dim + blockSize));

    private static void Attend<TPattern>(string target, RoutedProblem<TPattern> problem)
        where TPattern : unmanaged, ICudaPattern<int, int, int>
    {
        problem.Run(Enum.Parse<KernelTarget>(target), blocks: 3, seed: 1);
        problem.Check();
    }
}
