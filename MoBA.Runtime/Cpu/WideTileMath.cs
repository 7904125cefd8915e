using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>Tile arithmetic in 512-bit vectors, for 32 registers (AVX-512).</summary>
internal sealed unsafe class WideTileMath : TileMath
{
    private const int KeyTile = CpuTile.KeyTile;

    /// <inheritdoc/>
    public override string Name => "512-bit vectors";

    /// <inheritdoc/>
    public override int PanelWidth(int columns) => columns >= 64 ? 64 : columns >= 32 ? 32 : 16;

    /// <inheritdoc/>
    public override void Scores(float* q, float* keys, float* scores, int dim) => ScoreBlock(q, keys, scores, dim);

    /// <inheritdoc/>
    public override bool Softmax(float* scores, float* state, float unit) => SoftmaxBlock(scores, state, unit);

    /// <inheritdoc/>
    public override void Accumulate(float* probabilities, float* values, float* output, float* alpha, int columns)
    {
        int column = 0;
        for (; columns - column >= 64; column += 64)
            AccumulatePanel64(probabilities, values + column * KeyTile, output + column, alpha);
        if (columns - column >= 32)
        {
            AccumulatePanel32(probabilities, values + column * KeyTile, output + column, alpha);
            column += 32;
        }

        if (column < columns)
            AccumulatePanel16(probabilities, values + column * KeyTile, output + column, alpha);
    }

    // 6 x 64 scores in 24 registers; a step of dim loads 4 vectors of keys and broadcasts 6 queries for 24 multiplies.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreBlock(float* q, float* keys, float* scores, int dim)
    {
        Vector512<float> c00 = Vector512<float>.Zero, c01 = Vector512<float>.Zero, c02 = Vector512<float>.Zero, c03 = Vector512<float>.Zero;
        Vector512<float> c10 = Vector512<float>.Zero, c11 = Vector512<float>.Zero, c12 = Vector512<float>.Zero, c13 = Vector512<float>.Zero;
        Vector512<float> c20 = Vector512<float>.Zero, c21 = Vector512<float>.Zero, c22 = Vector512<float>.Zero, c23 = Vector512<float>.Zero;
        Vector512<float> c30 = Vector512<float>.Zero, c31 = Vector512<float>.Zero, c32 = Vector512<float>.Zero, c33 = Vector512<float>.Zero;
        Vector512<float> c40 = Vector512<float>.Zero, c41 = Vector512<float>.Zero, c42 = Vector512<float>.Zero, c43 = Vector512<float>.Zero;
        Vector512<float> c50 = Vector512<float>.Zero, c51 = Vector512<float>.Zero, c52 = Vector512<float>.Zero, c53 = Vector512<float>.Zero;
        for (float* end = keys + dim * KeyTile; keys < end; keys += KeyTile, q++)
        {
            Vector512<float> b0 = Vector512.Load(keys), b1 = Vector512.Load(keys + 16), b2 = Vector512.Load(keys + 32), b3 = Vector512.Load(keys + 48);
            Vector512<float> a = Vector512.Create(*q);
            c00 = Vector512.MultiplyAddEstimate(a, b0, c00); c01 = Vector512.MultiplyAddEstimate(a, b1, c01); c02 = Vector512.MultiplyAddEstimate(a, b2, c02); c03 = Vector512.MultiplyAddEstimate(a, b3, c03);
            a = Vector512.Create(q[RowStride]);
            c10 = Vector512.MultiplyAddEstimate(a, b0, c10); c11 = Vector512.MultiplyAddEstimate(a, b1, c11); c12 = Vector512.MultiplyAddEstimate(a, b2, c12); c13 = Vector512.MultiplyAddEstimate(a, b3, c13);
            a = Vector512.Create(q[2 * RowStride]);
            c20 = Vector512.MultiplyAddEstimate(a, b0, c20); c21 = Vector512.MultiplyAddEstimate(a, b1, c21); c22 = Vector512.MultiplyAddEstimate(a, b2, c22); c23 = Vector512.MultiplyAddEstimate(a, b3, c23);
            a = Vector512.Create(q[3 * RowStride]);
            c30 = Vector512.MultiplyAddEstimate(a, b0, c30); c31 = Vector512.MultiplyAddEstimate(a, b1, c31); c32 = Vector512.MultiplyAddEstimate(a, b2, c32); c33 = Vector512.MultiplyAddEstimate(a, b3, c33);
            a = Vector512.Create(q[4 * RowStride]);
            c40 = Vector512.MultiplyAddEstimate(a, b0, c40); c41 = Vector512.MultiplyAddEstimate(a, b1, c41); c42 = Vector512.MultiplyAddEstimate(a, b2, c42); c43 = Vector512.MultiplyAddEstimate(a, b3, c43);
            a = Vector512.Create(q[5 * RowStride]);
            c50 = Vector512.MultiplyAddEstimate(a, b0, c50); c51 = Vector512.MultiplyAddEstimate(a, b1, c51); c52 = Vector512.MultiplyAddEstimate(a, b2, c52); c53 = Vector512.MultiplyAddEstimate(a, b3, c53);
        }

        c00.Store(scores); c01.Store(scores + 16); c02.Store(scores + 32); c03.Store(scores + 48);
        c10.Store(scores + KeyTile); c11.Store(scores + KeyTile + 16); c12.Store(scores + KeyTile + 32); c13.Store(scores + KeyTile + 48);
        c20.Store(scores + 2 * KeyTile); c21.Store(scores + 2 * KeyTile + 16); c22.Store(scores + 2 * KeyTile + 32); c23.Store(scores + 2 * KeyTile + 48);
        c30.Store(scores + 3 * KeyTile); c31.Store(scores + 3 * KeyTile + 16); c32.Store(scores + 3 * KeyTile + 32); c33.Store(scores + 3 * KeyTile + 48);
        c40.Store(scores + 4 * KeyTile); c41.Store(scores + 4 * KeyTile + 16); c42.Store(scores + 4 * KeyTile + 32); c43.Store(scores + 4 * KeyTile + 48);
        c50.Store(scores + 5 * KeyTile); c51.Store(scores + 5 * KeyTile + 16); c52.Store(scores + 5 * KeyTile + 32); c53.Store(scores + 5 * KeyTile + 48);
    }

    // 6 x 64 outputs in 24 registers, over the 64 keys of the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel64(float* p, float* values, float* output, float* alpha)
    {
        Vector512<float> a = Vector512.Create(alpha[0]);
        Vector512<float> c00 = a * Vector512.Load(output), c01 = a * Vector512.Load(output + 16), c02 = a * Vector512.Load(output + 32), c03 = a * Vector512.Load(output + 48);
        a = Vector512.Create(alpha[1]);
        Vector512<float> c10 = a * Vector512.Load(output + RowStride), c11 = a * Vector512.Load(output + RowStride + 16), c12 = a * Vector512.Load(output + RowStride + 32), c13 = a * Vector512.Load(output + RowStride + 48);
        a = Vector512.Create(alpha[2]);
        Vector512<float> c20 = a * Vector512.Load(output + 2 * RowStride), c21 = a * Vector512.Load(output + 2 * RowStride + 16), c22 = a * Vector512.Load(output + 2 * RowStride + 32), c23 = a * Vector512.Load(output + 2 * RowStride + 48);
        a = Vector512.Create(alpha[3]);
        Vector512<float> c30 = a * Vector512.Load(output + 3 * RowStride), c31 = a * Vector512.Load(output + 3 * RowStride + 16), c32 = a * Vector512.Load(output + 3 * RowStride + 32), c33 = a * Vector512.Load(output + 3 * RowStride + 48);
        a = Vector512.Create(alpha[4]);
        Vector512<float> c40 = a * Vector512.Load(output + 4 * RowStride), c41 = a * Vector512.Load(output + 4 * RowStride + 16), c42 = a * Vector512.Load(output + 4 * RowStride + 32), c43 = a * Vector512.Load(output + 4 * RowStride + 48);
        a = Vector512.Create(alpha[5]);
        Vector512<float> c50 = a * Vector512.Load(output + 5 * RowStride), c51 = a * Vector512.Load(output + 5 * RowStride + 16), c52 = a * Vector512.Load(output + 5 * RowStride + 32), c53 = a * Vector512.Load(output + 5 * RowStride + 48);
        for (float* end = p + KeyTile; p < end; p++, values += 64)
        {
            Vector512<float> b0 = Vector512.Load(values), b1 = Vector512.Load(values + 16), b2 = Vector512.Load(values + 32), b3 = Vector512.Load(values + 48);
            a = Vector512.Create(*p);
            c00 = Vector512.MultiplyAddEstimate(a, b0, c00); c01 = Vector512.MultiplyAddEstimate(a, b1, c01); c02 = Vector512.MultiplyAddEstimate(a, b2, c02); c03 = Vector512.MultiplyAddEstimate(a, b3, c03);
            a = Vector512.Create(p[KeyTile]);
            c10 = Vector512.MultiplyAddEstimate(a, b0, c10); c11 = Vector512.MultiplyAddEstimate(a, b1, c11); c12 = Vector512.MultiplyAddEstimate(a, b2, c12); c13 = Vector512.MultiplyAddEstimate(a, b3, c13);
            a = Vector512.Create(p[2 * KeyTile]);
            c20 = Vector512.MultiplyAddEstimate(a, b0, c20); c21 = Vector512.MultiplyAddEstimate(a, b1, c21); c22 = Vector512.MultiplyAddEstimate(a, b2, c22); c23 = Vector512.MultiplyAddEstimate(a, b3, c23);
            a = Vector512.Create(p[3 * KeyTile]);
            c30 = Vector512.MultiplyAddEstimate(a, b0, c30); c31 = Vector512.MultiplyAddEstimate(a, b1, c31); c32 = Vector512.MultiplyAddEstimate(a, b2, c32); c33 = Vector512.MultiplyAddEstimate(a, b3, c33);
            a = Vector512.Create(p[4 * KeyTile]);
            c40 = Vector512.MultiplyAddEstimate(a, b0, c40); c41 = Vector512.MultiplyAddEstimate(a, b1, c41); c42 = Vector512.MultiplyAddEstimate(a, b2, c42); c43 = Vector512.MultiplyAddEstimate(a, b3, c43);
            a = Vector512.Create(p[5 * KeyTile]);
            c50 = Vector512.MultiplyAddEstimate(a, b0, c50); c51 = Vector512.MultiplyAddEstimate(a, b1, c51); c52 = Vector512.MultiplyAddEstimate(a, b2, c52); c53 = Vector512.MultiplyAddEstimate(a, b3, c53);
        }

        c00.Store(output); c01.Store(output + 16); c02.Store(output + 32); c03.Store(output + 48);
        c10.Store(output + RowStride); c11.Store(output + RowStride + 16); c12.Store(output + RowStride + 32); c13.Store(output + RowStride + 48);
        c20.Store(output + 2 * RowStride); c21.Store(output + 2 * RowStride + 16); c22.Store(output + 2 * RowStride + 32); c23.Store(output + 2 * RowStride + 48);
        c30.Store(output + 3 * RowStride); c31.Store(output + 3 * RowStride + 16); c32.Store(output + 3 * RowStride + 32); c33.Store(output + 3 * RowStride + 48);
        c40.Store(output + 4 * RowStride); c41.Store(output + 4 * RowStride + 16); c42.Store(output + 4 * RowStride + 32); c43.Store(output + 4 * RowStride + 48);
        c50.Store(output + 5 * RowStride); c51.Store(output + 5 * RowStride + 16); c52.Store(output + 5 * RowStride + 32); c53.Store(output + 5 * RowStride + 48);
    }

    // 6 x 32 outputs in 12 registers, over the 64 keys of the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel32(float* p, float* values, float* output, float* alpha)
    {
        Vector512<float> a = Vector512.Create(alpha[0]);
        Vector512<float> c00 = a * Vector512.Load(output), c01 = a * Vector512.Load(output + 16);
        a = Vector512.Create(alpha[1]);
        Vector512<float> c10 = a * Vector512.Load(output + RowStride), c11 = a * Vector512.Load(output + RowStride + 16);
        a = Vector512.Create(alpha[2]);
        Vector512<float> c20 = a * Vector512.Load(output + 2 * RowStride), c21 = a * Vector512.Load(output + 2 * RowStride + 16);
        a = Vector512.Create(alpha[3]);
        Vector512<float> c30 = a * Vector512.Load(output + 3 * RowStride), c31 = a * Vector512.Load(output + 3 * RowStride + 16);
        a = Vector512.Create(alpha[4]);
        Vector512<float> c40 = a * Vector512.Load(output + 4 * RowStride), c41 = a * Vector512.Load(output + 4 * RowStride + 16);
        a = Vector512.Create(alpha[5]);
        Vector512<float> c50 = a * Vector512.Load(output + 5 * RowStride), c51 = a * Vector512.Load(output + 5 * RowStride + 16);
        for (float* end = p + KeyTile; p < end; p++, values += 32)
        {
            Vector512<float> b0 = Vector512.Load(values), b1 = Vector512.Load(values + 16);
            a = Vector512.Create(*p);
            c00 = Vector512.MultiplyAddEstimate(a, b0, c00); c01 = Vector512.MultiplyAddEstimate(a, b1, c01);
            a = Vector512.Create(p[KeyTile]);
            c10 = Vector512.MultiplyAddEstimate(a, b0, c10); c11 = Vector512.MultiplyAddEstimate(a, b1, c11);
            a = Vector512.Create(p[2 * KeyTile]);
            c20 = Vector512.MultiplyAddEstimate(a, b0, c20); c21 = Vector512.MultiplyAddEstimate(a, b1, c21);
            a = Vector512.Create(p[3 * KeyTile]);
            c30 = Vector512.MultiplyAddEstimate(a, b0, c30); c31 = Vector512.MultiplyAddEstimate(a, b1, c31);
            a = Vector512.Create(p[4 * KeyTile]);
            c40 = Vector512.MultiplyAddEstimate(a, b0, c40); c41 = Vector512.MultiplyAddEstimate(a, b1, c41);
            a = Vector512.Create(p[5 * KeyTile]);
            c50 = Vector512.MultiplyAddEstimate(a, b0, c50); c51 = Vector512.MultiplyAddEstimate(a, b1, c51);
        }

        c00.Store(output); c01.Store(output + 16);
        c10.Store(output + RowStride); c11.Store(output + RowStride + 16);
        c20.Store(output + 2 * RowStride); c21.Store(output + 2 * RowStride + 16);
        c30.Store(output + 3 * RowStride); c31.Store(output + 3 * RowStride + 16);
        c40.Store(output + 4 * RowStride); c41.Store(output + 4 * RowStride + 16);
        c50.Store(output + 5 * RowStride); c51.Store(output + 5 * RowStride + 16);
    }

    // 6 x 16 outputs in 6 registers, over the 64 keys of the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel16(float* p, float* values, float* output, float* alpha)
    {
        Vector512<float> a = Vector512.Create(alpha[0]);
        Vector512<float> c0 = a * Vector512.Load(output);
        a = Vector512.Create(alpha[1]);
        Vector512<float> c1 = a * Vector512.Load(output + RowStride);
        a = Vector512.Create(alpha[2]);
        Vector512<float> c2 = a * Vector512.Load(output + 2 * RowStride);
        a = Vector512.Create(alpha[3]);
        Vector512<float> c3 = a * Vector512.Load(output + 3 * RowStride);
        a = Vector512.Create(alpha[4]);
        Vector512<float> c4 = a * Vector512.Load(output + 4 * RowStride);
        a = Vector512.Create(alpha[5]);
        Vector512<float> c5 = a * Vector512.Load(output + 5 * RowStride);
        for (float* end = p + KeyTile; p < end; p++, values += 16)
        {
            Vector512<float> b0 = Vector512.Load(values);
            a = Vector512.Create(*p);
            c0 = Vector512.MultiplyAddEstimate(a, b0, c0);
            a = Vector512.Create(p[KeyTile]);
            c1 = Vector512.MultiplyAddEstimate(a, b0, c1);
            a = Vector512.Create(p[2 * KeyTile]);
            c2 = Vector512.MultiplyAddEstimate(a, b0, c2);
            a = Vector512.Create(p[3 * KeyTile]);
            c3 = Vector512.MultiplyAddEstimate(a, b0, c3);
            a = Vector512.Create(p[4 * KeyTile]);
            c4 = Vector512.MultiplyAddEstimate(a, b0, c4);
            a = Vector512.Create(p[5 * KeyTile]);
            c5 = Vector512.MultiplyAddEstimate(a, b0, c5);
        }

        c0.Store(output);
        c1.Store(output + RowStride);
        c2.Store(output + 2 * RowStride);
        c3.Store(output + 3 * RowStride);
        c4.Store(output + 4 * RowStride);
        c5.Store(output + 5 * RowStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool SoftmaxBlock(float* scores, float* state, float unit)
    {
        // Pass 1: the largest score of each row, kept for a moment where the factors go.
        float* alpha = state + AlphaOffset;
        bool any = false;
        for (int row = 0; row < BlockRows; row++)
        {
            float* s = scores + row * KeyTile;
            Vector512<float> m = Vector512.MaxNative(
                Vector512.MaxNative(Vector512.LoadAligned(s), Vector512.LoadAligned(s + 16)),
                Vector512.MaxNative(Vector512.LoadAligned(s + 32), Vector512.LoadAligned(s + 48)));
            alpha[row] = Largest(m);
            any |= alpha[row] != float.NegativeInfinity;
        }

        if (!any)
            return false;

        // Pass 2: new maxima, and the factors from the old ones to them.
        Vector512<float> old = Vector512.LoadAligned(state + MaxOffset);
        Vector512<float> max = Vector512.MaxNative(Vector512.LoadAligned(alpha) * unit, old);
        Vector512<float> seen = ~Vector512.Equals(max, Vector512.Create(float.NegativeInfinity));
        Vector512<float> zero = max & seen;
        max.StoreAligned(state + MaxOffset);
        zero.StoreAligned(state + BaseOffset);
        Exp2.Of(old - zero).StoreAligned(alpha);

        // Pass 3: probabilities and their sums.
        Vector512<float> units = Vector512.Create(unit);
        for (int row = 0; row < BlockRows; row++)
        {
            float* s = scores + row * KeyTile;
            float* sum = state + SumOffset + row * 16;
            Vector512<float> least = Vector512.Create(-state[BaseOffset + row]);
            Vector512<float> p0 = Exp2.Of(Vector512.MultiplyAddEstimate(Vector512.LoadAligned(s), units, least));
            Vector512<float> p1 = Exp2.Of(Vector512.MultiplyAddEstimate(Vector512.LoadAligned(s + 16), units, least));
            Vector512<float> p2 = Exp2.Of(Vector512.MultiplyAddEstimate(Vector512.LoadAligned(s + 32), units, least));
            Vector512<float> p3 = Exp2.Of(Vector512.MultiplyAddEstimate(Vector512.LoadAligned(s + 48), units, least));
            p0.StoreAligned(s);
            p1.StoreAligned(s + 16);
            p2.StoreAligned(s + 32);
            p3.StoreAligned(s + 48);
            (Vector512.LoadAligned(sum) * alpha[row] + ((p0 + p1) + (p2 + p3))).StoreAligned(sum);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector512<float> x)
    {
        Vector256<float> y = Vector256.MaxNative(x.GetLower(), x.GetUpper());
        Vector128<float> z = Vector128.MaxNative(y.GetLower(), y.GetUpper());
        z = Vector128.MaxNative(z, Vector128.Shuffle(z, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(z, Vector128.Shuffle(z, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
