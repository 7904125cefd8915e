using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Floats = System.Runtime.Intrinsics.Vector512<float>;

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
    public override void Scores(float** q, float* keys, float* scores, int dim) => ScoreBlock(q, keys, scores, dim);

    /// <inheritdoc/>
    public override bool Softmax(float* scores, float* state) => SoftmaxBlock(scores, state);

    /// <inheritdoc/>
    public override void Accumulate(float* probabilities, float* values, float** output, float* alpha, int columns)
    {
        int column = 0;
        for (; columns - column >= 64; column += 64)
            AccumulatePanel64(probabilities, values + column * KeyTile, output, column, alpha);
        if (columns - column >= 32)
        {
            AccumulatePanel32(probabilities, values + column * KeyTile, output, column, alpha);
            column += 32;
        }

        if (column < columns)
            AccumulatePanel16(probabilities, values + column * KeyTile, output, column, alpha);
    }

    // 6 x 64 scores in 24 registers; a step of dim loads 4 vectors of keys and broadcasts 6 queries for 24 multiplies.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreBlock(float** q, float* keys, float* scores, int dim)
    {
        Floats c00 = Floats.Zero, c01 = Floats.Zero, c02 = Floats.Zero, c03 = Floats.Zero;
        Floats c10 = Floats.Zero, c11 = Floats.Zero, c12 = Floats.Zero, c13 = Floats.Zero;
        Floats c20 = Floats.Zero, c21 = Floats.Zero, c22 = Floats.Zero, c23 = Floats.Zero;
        Floats c30 = Floats.Zero, c31 = Floats.Zero, c32 = Floats.Zero, c33 = Floats.Zero;
        Floats c40 = Floats.Zero, c41 = Floats.Zero, c42 = Floats.Zero, c43 = Floats.Zero;
        Floats c50 = Floats.Zero, c51 = Floats.Zero, c52 = Floats.Zero, c53 = Floats.Zero;
        float* q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3], q4 = q[4], q5 = q[5];
        for (int d = 0; d < dim; d++, keys += KeyTile)
        {
            Floats b0 = Vector512.Load(keys), b1 = Vector512.Load(keys + 16), b2 = Vector512.Load(keys + 32), b3 = Vector512.Load(keys + 48);
            Floats a = Vector512.Create(q0[d]);
            c00 = Fma(a, b0, c00); c01 = Fma(a, b1, c01); c02 = Fma(a, b2, c02); c03 = Fma(a, b3, c03);
            a = Vector512.Create(q1[d]);
            c10 = Fma(a, b0, c10); c11 = Fma(a, b1, c11); c12 = Fma(a, b2, c12); c13 = Fma(a, b3, c13);
            a = Vector512.Create(q2[d]);
            c20 = Fma(a, b0, c20); c21 = Fma(a, b1, c21); c22 = Fma(a, b2, c22); c23 = Fma(a, b3, c23);
            a = Vector512.Create(q3[d]);
            c30 = Fma(a, b0, c30); c31 = Fma(a, b1, c31); c32 = Fma(a, b2, c32); c33 = Fma(a, b3, c33);
            a = Vector512.Create(q4[d]);
            c40 = Fma(a, b0, c40); c41 = Fma(a, b1, c41); c42 = Fma(a, b2, c42); c43 = Fma(a, b3, c43);
            a = Vector512.Create(q5[d]);
            c50 = Fma(a, b0, c50); c51 = Fma(a, b1, c51); c52 = Fma(a, b2, c52); c53 = Fma(a, b3, c53);
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
    private static void AccumulatePanel64(float* p, float* values, float** output, int column, float* alpha)
    {
        float* o0 = output[0] + column, o1 = output[1] + column, o2 = output[2] + column;
        float* o3 = output[3] + column, o4 = output[4] + column, o5 = output[5] + column;
        Floats a = Vector512.Create(alpha[0]);
        Floats c00 = a * Vector512.Load(o0), c01 = a * Vector512.Load(o0 + 16),
            c02 = a * Vector512.Load(o0 + 32), c03 = a * Vector512.Load(o0 + 48);
        a = Vector512.Create(alpha[1]);
        Floats c10 = a * Vector512.Load(o1), c11 = a * Vector512.Load(o1 + 16),
            c12 = a * Vector512.Load(o1 + 32), c13 = a * Vector512.Load(o1 + 48);
        a = Vector512.Create(alpha[2]);
        Floats c20 = a * Vector512.Load(o2), c21 = a * Vector512.Load(o2 + 16),
            c22 = a * Vector512.Load(o2 + 32), c23 = a * Vector512.Load(o2 + 48);
        a = Vector512.Create(alpha[3]);
        Floats c30 = a * Vector512.Load(o3), c31 = a * Vector512.Load(o3 + 16),
            c32 = a * Vector512.Load(o3 + 32), c33 = a * Vector512.Load(o3 + 48);
        a = Vector512.Create(alpha[4]);
        Floats c40 = a * Vector512.Load(o4), c41 = a * Vector512.Load(o4 + 16),
            c42 = a * Vector512.Load(o4 + 32), c43 = a * Vector512.Load(o4 + 48);
        a = Vector512.Create(alpha[5]);
        Floats c50 = a * Vector512.Load(o5), c51 = a * Vector512.Load(o5 + 16),
            c52 = a * Vector512.Load(o5 + 32), c53 = a * Vector512.Load(o5 + 48);
        for (float* end = p + KeyTile; p < end; p++, values += 64)
        {
            Floats b0 = Vector512.Load(values), b1 = Vector512.Load(values + 16), b2 = Vector512.Load(values + 32), b3 = Vector512.Load(values + 48);
            a = Vector512.Create(*p);
            c00 = Fma(a, b0, c00); c01 = Fma(a, b1, c01); c02 = Fma(a, b2, c02); c03 = Fma(a, b3, c03);
            a = Vector512.Create(p[KeyTile]);
            c10 = Fma(a, b0, c10); c11 = Fma(a, b1, c11); c12 = Fma(a, b2, c12); c13 = Fma(a, b3, c13);
            a = Vector512.Create(p[2 * KeyTile]);
            c20 = Fma(a, b0, c20); c21 = Fma(a, b1, c21); c22 = Fma(a, b2, c22); c23 = Fma(a, b3, c23);
            a = Vector512.Create(p[3 * KeyTile]);
            c30 = Fma(a, b0, c30); c31 = Fma(a, b1, c31); c32 = Fma(a, b2, c32); c33 = Fma(a, b3, c33);
            a = Vector512.Create(p[4 * KeyTile]);
            c40 = Fma(a, b0, c40); c41 = Fma(a, b1, c41); c42 = Fma(a, b2, c42); c43 = Fma(a, b3, c43);
            a = Vector512.Create(p[5 * KeyTile]);
            c50 = Fma(a, b0, c50); c51 = Fma(a, b1, c51); c52 = Fma(a, b2, c52); c53 = Fma(a, b3, c53);
        }

        c00.Store(o0); c01.Store(o0 + 16); c02.Store(o0 + 32); c03.Store(o0 + 48);
        c10.Store(o1); c11.Store(o1 + 16); c12.Store(o1 + 32); c13.Store(o1 + 48);
        c20.Store(o2); c21.Store(o2 + 16); c22.Store(o2 + 32); c23.Store(o2 + 48);
        c30.Store(o3); c31.Store(o3 + 16); c32.Store(o3 + 32); c33.Store(o3 + 48);
        c40.Store(o4); c41.Store(o4 + 16); c42.Store(o4 + 32); c43.Store(o4 + 48);
        c50.Store(o5); c51.Store(o5 + 16); c52.Store(o5 + 32); c53.Store(o5 + 48);
    }

    // 6 x 32 outputs in 12 registers, over the 64 keys of the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel32(float* p, float* values, float** output, int column, float* alpha)
    {
        float* o0 = output[0] + column, o1 = output[1] + column, o2 = output[2] + column;
        float* o3 = output[3] + column, o4 = output[4] + column, o5 = output[5] + column;
        Floats a = Vector512.Create(alpha[0]);
        Floats c00 = a * Vector512.Load(o0), c01 = a * Vector512.Load(o0 + 16);
        a = Vector512.Create(alpha[1]);
        Floats c10 = a * Vector512.Load(o1), c11 = a * Vector512.Load(o1 + 16);
        a = Vector512.Create(alpha[2]);
        Floats c20 = a * Vector512.Load(o2), c21 = a * Vector512.Load(o2 + 16);
        a = Vector512.Create(alpha[3]);
        Floats c30 = a * Vector512.Load(o3), c31 = a * Vector512.Load(o3 + 16);
        a = Vector512.Create(alpha[4]);
        Floats c40 = a * Vector512.Load(o4), c41 = a * Vector512.Load(o4 + 16);
        a = Vector512.Create(alpha[5]);
        Floats c50 = a * Vector512.Load(o5), c51 = a * Vector512.Load(o5 + 16);
        for (float* end = p + KeyTile; p < end; p++, values += 32)
        {
            Floats b0 = Vector512.Load(values), b1 = Vector512.Load(values + 16);
            a = Vector512.Create(*p);
            c00 = Fma(a, b0, c00); c01 = Fma(a, b1, c01);
            a = Vector512.Create(p[KeyTile]);
            c10 = Fma(a, b0, c10); c11 = Fma(a, b1, c11);
            a = Vector512.Create(p[2 * KeyTile]);
            c20 = Fma(a, b0, c20); c21 = Fma(a, b1, c21);
            a = Vector512.Create(p[3 * KeyTile]);
            c30 = Fma(a, b0, c30); c31 = Fma(a, b1, c31);
            a = Vector512.Create(p[4 * KeyTile]);
            c40 = Fma(a, b0, c40); c41 = Fma(a, b1, c41);
            a = Vector512.Create(p[5 * KeyTile]);
            c50 = Fma(a, b0, c50); c51 = Fma(a, b1, c51);
        }

        c00.Store(o0); c01.Store(o0 + 16);
        c10.Store(o1); c11.Store(o1 + 16);
        c20.Store(o2); c21.Store(o2 + 16);
        c30.Store(o3); c31.Store(o3 + 16);
        c40.Store(o4); c41.Store(o4 + 16);
        c50.Store(o5); c51.Store(o5 + 16);
    }

    // 6 x 16 outputs in 6 registers, over the 64 keys of the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel16(float* p, float* values, float** output, int column, float* alpha)
    {
        float* o0 = output[0] + column, o1 = output[1] + column, o2 = output[2] + column;
        float* o3 = output[3] + column, o4 = output[4] + column, o5 = output[5] + column;
        Floats a = Vector512.Create(alpha[0]);
        Floats c0 = a * Vector512.Load(o0);
        a = Vector512.Create(alpha[1]);
        Floats c1 = a * Vector512.Load(o1);
        a = Vector512.Create(alpha[2]);
        Floats c2 = a * Vector512.Load(o2);
        a = Vector512.Create(alpha[3]);
        Floats c3 = a * Vector512.Load(o3);
        a = Vector512.Create(alpha[4]);
        Floats c4 = a * Vector512.Load(o4);
        a = Vector512.Create(alpha[5]);
        Floats c5 = a * Vector512.Load(o5);
        for (float* end = p + KeyTile; p < end; p++, values += 16)
        {
            Floats b0 = Vector512.Load(values);
            a = Vector512.Create(*p);
            c0 = Fma(a, b0, c0);
            a = Vector512.Create(p[KeyTile]);
            c1 = Fma(a, b0, c1);
            a = Vector512.Create(p[2 * KeyTile]);
            c2 = Fma(a, b0, c2);
            a = Vector512.Create(p[3 * KeyTile]);
            c3 = Fma(a, b0, c3);
            a = Vector512.Create(p[4 * KeyTile]);
            c4 = Fma(a, b0, c4);
            a = Vector512.Create(p[5 * KeyTile]);
            c5 = Fma(a, b0, c5);
        }

        c0.Store(o0);
        c1.Store(o1);
        c2.Store(o2);
        c3.Store(o3);
        c4.Store(o4);
        c5.Store(o5);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool SoftmaxBlock(float* scores, float* state)
    {
        // Pass 1: the largest score of each row.
        Floats largest = RowMaxima(
            Maxima(scores), Maxima(scores + KeyTile), Maxima(scores + 2 * KeyTile),
            Maxima(scores + 3 * KeyTile), Maxima(scores + 4 * KeyTile), Maxima(scores + 5 * KeyTile));
        Floats none = Vector512.Create(float.NegativeInfinity);
        if (Vector512.EqualsAll(largest, none))
            return false;

        // Pass 2: new maxima, and the factors from the old ones to them.
        float* alpha = state + AlphaOffset;
        Floats old = Vector512.LoadAligned(state + MaxOffset);
        Floats max = Vector512.MaxNative(largest, old);
        Floats zero = Vector512.ConditionalSelect(Vector512.Equals(max, none), Floats.Zero, max);
        max.StoreAligned(state + MaxOffset);
        zero.StoreAligned(state + BaseOffset);
        Exp2.Of(old - zero).StoreAligned(alpha);

        // Pass 3: probabilities and their sums.
        for (int row = 0; row < BlockRows; row++)
        {
            float* s = scores + row * KeyTile;
            float* sum = state + SumOffset + row * 16;
            Floats least = Vector512.Create(-state[BaseOffset + row]);
            Floats p0 = Exp2.Of(Vector512.LoadAligned(s) + least);
            Floats p1 = Exp2.Of(Vector512.LoadAligned(s + 16) + least);
            Floats p2 = Exp2.Of(Vector512.LoadAligned(s + 32) + least);
            Floats p3 = Exp2.Of(Vector512.LoadAligned(s + 48) + least);
            p0.StoreAligned(s);
            p1.StoreAligned(s + 16);
            p2.StoreAligned(s + 32);
            p3.StoreAligned(s + 48);
            (Vector512.LoadAligned(sum) * alpha[row] + ((p0 + p1) + (p2 + p3))).StoreAligned(sum);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Floats Fma(Floats a, Floats b, Floats c) => Vector512.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Floats Maxima(float* s) => Vector512.MaxNative(
        Vector512.MaxNative(Vector512.LoadAligned(s), Vector512.LoadAligned(s + 16)),
        Vector512.MaxNative(Vector512.LoadAligned(s + 32), Vector512.LoadAligned(s + 48)));

    // The largest lane of each of six vectors, in the first six lanes; the others repeat some of them. Halving the vectors by
    // pairs shares every shuffle between two rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Floats RowMaxima(
        Floats r0, Floats r1, Floats r2, Floats r3, Floats r4, Floats r5)
    {
        if (!Avx512F.IsSupported)
        {
            Vector256<float> six = Vector256.Create(
                Largest(r0), Largest(r1), Largest(r2), Largest(r3), Largest(r4), Largest(r5), float.NegativeInfinity, float.NegativeInfinity);
            return Vector512.Create(six, six);
        }

        r0 = Vector512.MaxNative(Avx512F.UnpackLow(r0, r1), Avx512F.UnpackHigh(r0, r1));
        r2 = Vector512.MaxNative(Avx512F.UnpackLow(r2, r3), Avx512F.UnpackHigh(r2, r3));
        r4 = Vector512.MaxNative(Avx512F.UnpackLow(r4, r5), Avx512F.UnpackHigh(r4, r5));
        r0 = Vector512.MaxNative(Pairs(Avx512F.UnpackLow(Pairs(r0), Pairs(r2))), Pairs(Avx512F.UnpackHigh(Pairs(r0), Pairs(r2))));
        r4 = Vector512.MaxNative(Pairs(Avx512F.UnpackLow(Pairs(r4), Pairs(r4))), Pairs(Avx512F.UnpackHigh(Pairs(r4), Pairs(r4))));
        r0 = Vector512.MaxNative(Avx512F.Shuffle4x128(r0, r4, 0b01_00_01_00), Avx512F.Shuffle4x128(r0, r4, 0b11_10_11_10));
        r0 = Vector512.MaxNative(r0, Avx512F.Shuffle4x128(r0, r0, 0b10_11_00_01));
        return Avx512F.Shuffle4x128(r0, r0, 0b10_00_10_00);
    }

    private static Vector512<double> Pairs(Floats x) => x.AsDouble();

    private static Floats Pairs(Vector512<double> x) => x.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Floats x)
    {
        Vector256<float> y = Vector256.MaxNative(x.GetLower(), x.GetUpper());
        Vector128<float> z = Vector128.MaxNative(y.GetLower(), y.GetUpper());
        z = Vector128.MaxNative(z, Vector128.Shuffle(z, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(z, Vector128.Shuffle(z, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
