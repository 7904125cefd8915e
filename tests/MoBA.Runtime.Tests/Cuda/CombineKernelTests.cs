using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "combine", run by the emulator, against sums in double precision.</summary>
public sealed class CombineKernelTests
{
    [Theory]
    [InlineData(64, false, 7, 1, 0)]
    [InlineData(40, true, 3, 2, 1)]
    [InlineData(128, true, 1, 2, 0)]
    [InlineData(104, false, 8, 1, 2)]
    [InlineData(256, false, 11, 1, 1)] // more slots than are taken at a time
    [InlineData(200, true, 17, 4, 0)]
    public void Rows_are_merged_with_their_partials(int dim, bool isHalf, int slots, int headsPerList, int firstListHead)
    {
        CombineProblem problem = new(dim, isHalf, slots, headsPerList, firstListHead);
        problem.Run(1);
        problem.Check();
    }

    [Theory]
    [InlineData(64, 5)]
    [InlineData(128, 9)]
    [InlineData(256, 1)]
    public void A_row_without_keys_anywhere_is_zero(int dim, int slots)
    {
        CombineProblem problem = new(dim, false, slots, 1, 0);
        for (int token = 0; token <= CombineProblem.LastToken; token += 4)
        {
            problem.SetOwn(token, 3, float.NegativeInfinity);
            problem.SetPartials(token, 3, float.NegativeInfinity);
        }

        problem.Run(2);
        problem.Check();
    }

    /// <summary>Powers of the log-sum-exps themselves are no floats.</summary>
    [Theory]
    [InlineData(500f, 499f)]
    [InlineData(-500f, -499f)]
    [InlineData(500f, -500f)]
    [InlineData(-500f, 500f)]
    public void Log_sum_exps_are_relative_to_the_greatest(float own, float partials)
    {
        CombineProblem problem = new(64, true, 5, 1, 0);
        for (int token = 0; token <= CombineProblem.LastToken; token++)
        {
            problem.SetOwn(token, 1, own);
            problem.SetPartials(token, 1, partials);
        }

        problem.Run(4);
        problem.Check();
    }

    [Theory]
    [InlineData(float.NaN, 0f)]
    [InlineData(0f, float.NaN)]
    public void A_sum_that_is_no_number_stays_none(float own, float partials)
    {
        CombineProblem problem = new(64, true, 5, 1, 0);
        for (int head = 0; head < 4; head++)
        {
            problem.SetOwn(CombineProblem.LastToken, head, own);
            problem.SetPartials(CombineProblem.LastToken, head, partials);
        }

        problem.Run(3);
        problem.Check();
    }
}
