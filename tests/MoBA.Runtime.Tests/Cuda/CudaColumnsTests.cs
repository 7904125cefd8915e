using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

public sealed class CudaColumnsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData((1 << 30) - 1)]
    [InlineData(1 << 30)]
    [InlineData(-5)]
    public void Columns_before_a_limit_are_those_whose_key_is_below_it(int first)
    {
        long[] beyond = [int.MinValue * 3L, int.MinValue * 2L, int.MinValue, int.MaxValue, int.MaxValue * 2L, int.MaxValue * 3L];
        foreach (long limit in Enumerable.Range(-3, 140).Select(n => (long)first + n).Concat(beyond))
        {
            int columns = CudaColumns.Before(limit, first);
            for (int bit = 0; bit < 32; bit++)
                Assert.True(((columns >> bit & 1) != 0) == ((long)first + (8 * (bit >> 1)) + (bit & 1) < limit), $"bit {bit} below {limit} from {first}");
        }
    }
}
