using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>What the gate knows of the key blocks of one sequence.</summary>
public struct Centroids
{
    /// <summary>Mean or greatest elements, [key head, block, piece].</summary>
    public ArrayView<Float4> High;

    /// <summary>Mean (the same memory) or least elements, laid out as <see cref="High"/>.</summary>
    public ArrayView<Float4> Low;

    /// <summary>Key blocks.</summary>
    public int Blocks;

    /// <summary>1 for least and greatest elements, 0 for means.</summary>
    public int MinMax;

    /// <summary>Bits that a mean loses when it is rounded to the type of the keys: 0 for float, 13 for Half, 16 for BFloat16.</summary>
    public int Dropped;

    /// <summary>Power of two that keeps the sum over a block within float; 1 unless keys are huge.</summary>
    public float Factor;

    /// <summary>Place of a block of a key head.</summary>
    internal readonly long At(int keyHead, int block, int pieces) => (((long)keyHead * Blocks) + block) * pieces;
}

/// <summary>Pass "centroids": one thread pools one piece of one block and key head.</summary>
public static class CentroidKernel
{
    /// <summary>Launched over [blocks * pieces, key heads].</summary>
    public static void Run(Index2D index, PortableProblem problem, Centroids centroids)
    {
        int piece = (int)((uint)index.X % (uint)problem.Pieces), block = (int)((uint)index.X / (uint)problem.Pieces);
        int first = block * problem.Gather.BlockSize;
        int last = (int)PortableMath.Min((long)first + problem.Gather.BlockSize, problem.Keys);
        long at = centroids.At(index.Y, block, problem.Pieces) + piece;
        long key = (first * problem.KeyStride) + (index.Y * problem.KeyHeadStride) + piece;
        if (centroids.MinMax != 0)
        {
            Float4 low = problem.KeyRows[key], high = low;
            for (int k = first + 1; k < last; k++)
            {
                key += problem.KeyStride;
                Float4 row = problem.KeyRows[key];
                low = Least(low, row);
                high = Greatest(high, row);
            }

            centroids.Low[at] = low;
            centroids.High[at] = high;
            return;
        }

        Float4 sum = default;
        for (int k = first; k < last; k++)
        {
            Float4 row = problem.KeyRows[key];
            sum.X += row.X * centroids.Factor;
            sum.Y += row.Y * centroids.Factor;
            sum.Z += row.Z * centroids.Factor;
            sum.W += row.W * centroids.Factor;
            key += problem.KeyStride;
        }

        float count = last - first;
        sum.X = Rounded(sum.X / count / centroids.Factor, centroids.Dropped);
        sum.Y = Rounded(sum.Y / count / centroids.Factor, centroids.Dropped);
        sum.Z = Rounded(sum.Z / count / centroids.Factor, centroids.Dropped);
        sum.W = Rounded(sum.W / count / centroids.Factor, centroids.Dropped);
        centroids.High[at] = sum;
    }

    // To nearest, ties to even. A mean is not above its largest key, so no number becomes infinite.
    internal static float Rounded(float x, int dropped)
    {
        const int halfBits = 13;
        const float leastNormalHalf = 6.103515625e-5f;
        if (dropped == 0 || !IsFinite(x))
            return x;
        if (dropped == halfBits && PortableMath.Abs(x) < leastNormalHalf)
        {
            // Subnormals of Half are the multiples of 2^-24, as are the floats from a half to one.
            float size = (PortableMath.Abs(x) + 0.5f) - 0.5f;
            return x < 0f ? -size : size;
        }

        uint bits = (uint)Interop.FloatAsInt(x);
        bits += ((1u << (dropped - 1)) - 1) + ((bits >> dropped) & 1);
        return Interop.IntAsFloat(bits & ~((1u << dropped) - 1));
    }

    internal static bool IsFinite(float x) => ((uint)Interop.FloatAsInt(x) & 0x7f800000u) != 0x7f800000u;

    internal static bool IsNaN(float x) => ((uint)Interop.FloatAsInt(x) & 0x7fffffffu) > 0x7f800000u;

    private static Float4 Least(Float4 a, Float4 b)
    {
        a.X = b.X < a.X || IsNaN(b.X) ? b.X : a.X;
        a.Y = b.Y < a.Y || IsNaN(b.Y) ? b.Y : a.Y;
        a.Z = b.Z < a.Z || IsNaN(b.Z) ? b.Z : a.Z;
        a.W = b.W < a.W || IsNaN(b.W) ? b.W : a.W;
        return a;
    }

    private static Float4 Greatest(Float4 a, Float4 b)
    {
        a.X = b.X > a.X || IsNaN(b.X) ? b.X : a.X;
        a.Y = b.Y > a.Y || IsNaN(b.Y) ? b.Y : a.Y;
        a.Z = b.Z > a.Z || IsNaN(b.Z) ? b.Z : a.Z;
        a.W = b.W > a.W || IsNaN(b.W) ? b.W : a.W;
        return a;
    }
}
