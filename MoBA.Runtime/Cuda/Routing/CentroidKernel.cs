using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>Pass "centroids": a thread block pools a block of a key head, two components a thread, its rows shared out among groups of
/// threads. Sums are floats, and rounded once.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class CentroidKernel
{
    /// <summary>Two components of each thread.</summary>
    internal const int SharedBytes = PlainTiles.BlockThreads * 2 * sizeof(float);

    // Keeps the sum of 2^30 of the largest floats a float.
    private const float Large = 1 << 30;

    /// <summary>Launched over key heads * <see cref="CudaRouting.BlockCount"/> blocks.</summary>
    public static unsafe void Pool(CudaProblem problem, CudaRouting routing)
    {
        Tile.Begin();
        int thread = Group.IdxX;
        int keyHead = Grid.IdxX / routing.BlockCount;
        KeyBlock block = ((KeyBlock*)routing.Blocks)[Grid.IdxX - (keyHead * routing.BlockCount)];
        int pairs = routing.PaddedDim >> 1;
        int pair = thread & (pairs - 1);
        int group = thread / pairs, groups = PlainTiles.BlockThreads / pairs;
        int rows = pair * 2 < problem.Dim ? block.Keys : 0;
        long keys = problem.K + (block.KeyToken * problem.KeyTokenStride) + (keyHead * problem.KeyHeadStride) + (pair * 4L);
        int at = ((group * routing.PaddedDim) + (pair * 2)) * sizeof(float);
        long result = (((long)Grid.IdxX * routing.PaddedDim) + thread) * 2;
        if (routing.Least == 0)
        {
            StoreMeans(keys, problem.KeyTokenStride, group, rows, groups, block.Keys, at);
            Memory.Meet();
            Write(routing.Centroids + result, routing.PaddedDim, groups, 0, thread);
        }
        else
        {
            StoreExtremes(keys, problem.KeyTokenStride, group, rows, groups, at, 1f);
            Memory.Meet();
            Write(routing.Centroids + result, routing.PaddedDim, block.Keys < groups ? block.Keys : groups, 1, thread);
            Memory.Meet();
            StoreExtremes(keys, problem.KeyTokenStride, group, rows, groups, at, -1f);
            Memory.Meet();
            Write(routing.Least + result, routing.PaddedDim, block.Keys < groups ? block.Keys : groups, -1, thread);
        }
    }

    // This group's part of the mean. Four rows at a time are under way.
    private static void StoreMeans(long keys, long stride, int group, int rows, int groups, int count, int at)
    {
        float low = 0f, high = 0f;
        int row = group;
        for (; row + (3 * groups) < rows; row += 4 * groups)
        {
            int a = Memory.Int(keys + (row * stride)), b = Memory.Int(keys + ((row + groups) * stride));
            int c = Memory.Int(keys + ((row + (2 * groups)) * stride)), d = Memory.Int(keys + ((row + (3 * groups)) * stride));
            low = low + Tile.Low(a) + Tile.Low(b) + Tile.Low(c) + Tile.Low(d);
            high = high + Tile.High(a) + Tile.High(b) + Tile.High(c) + Tile.High(d);
        }

        for (; row < rows; row += groups)
        {
            int a = Memory.Int(keys + (row * stride));
            low += Tile.Low(a);
            high += Tile.High(a);
        }

        float factor = 1f / count;
        if (IsFinite(low) & IsFinite(high))
        {
            low *= factor;
            high *= factor;
        }
        else
        {
            low = 0f;
            high = 0f;
            for (row = group; row < rows; row += groups)
            {
                int a = Memory.Int(keys + (row * stride));
                low += Tile.Low(a) * (1f / Large);
                high += Tile.High(a) * (1f / Large);
            }

            low = low * factor * Large;
            high = high * factor * Large;
        }

        Tile.StoreShared(at, (int)Interop.FloatAsInt(low));
        Tile.StoreShared(at + sizeof(float), (int)Interop.FloatAsInt(high));
    }

    // The greatest of this group's rows, or with sign -1 the least. A NaN is either.
    private static void StoreExtremes(long keys, long stride, int group, int rows, int groups, int at, float sign)
    {
        float low = 0f, high = 0f;
        for (int row = group; row < rows; row += groups)
        {
            int a = Memory.Int(keys + (row * stride));
            float x = Tile.Low(a), y = Tile.High(a);
            low = row == group || Exceeds(x, low, sign) ? x : low;
            high = row == group || Exceeds(y, high, sign) ? y : high;
        }

        Tile.StoreShared(at, (int)Interop.FloatAsInt(low));
        Tile.StoreShared(at + sizeof(float), (int)Interop.FloatAsInt(high));
    }

    // What the groups have, as one: a sum, or the extreme that a sign says.
    private static void Write(long address, int dim, int groups, int sign, int thread)
    {
        if (thread < dim)
        {
            float result = Interop.IntAsFloat((uint)Tile.LoadShared(thread * sizeof(float)));
            for (int group = 1; group < groups; group++)
            {
                float x = Interop.IntAsFloat((uint)Tile.LoadShared(((group * dim) + thread) * sizeof(float)));
                result = sign == 0 ? result + x : Exceeds(x, result, sign) ? x : result;
            }

            // An infinite bound times a component of q that is 0 would be NaN.
            float largest = Tile.LargestElement();
            if (sign != 0 & (result > largest | result < -largest))
                result = result > 0f ? largest : -largest;
            Tile.SetElement(address, result);
        }
    }

    private static bool Exceeds(float x, float y, float sign) => (x * sign > y * sign) | float.IsNaN(x);

    private static bool IsFinite(float x) => x - x == 0f;
}
