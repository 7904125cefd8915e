using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Floats = System.Runtime.Intrinsics.Vector256<float>;

namespace MoBA.Runtime.Cpu;

/// <summary>Tile arithmetic in 256-bit vectors, for 16 registers (AVX2 with FMA); correct on every processor.</summary>
internal sealed unsafe class NarrowTileMath : TileMath
{
    private const int KeyTile = CpuTile.KeyTile;

    /// <inheritdoc/>
    public override string Name => "256-bit vectors";

    /// <inheritdoc/>
    public override int PanelWidth(int columns) => ColumnStep;

    /// <inheritdoc/>
    public override void Scores(float** q, float* keys, float* scores, int dim)
    {
        for (int column = 0; column < KeyTile; column += 16)
            ScoreBlock(q, keys + column, scores + column, dim);
    }

    /// <inheritdoc/>
    public override bool Softmax(float* scores, float* state) => SoftmaxBlock(scores, state);

    /// <inheritdoc/>
    public override void Accumulate(float* probabilities, float* values, float** output, float* alpha, int columns)
    {
        for (int column = 0; column < columns; column += ColumnStep)
            AccumulatePanel(probabilities, values + column * KeyTile, output, column, alpha);
    }

    // 6 x 16 scores in 12 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreBlock(float** q, float* keys, float* scores, int dim)
    {
        Floats c00 = Floats.Zero, c01 = Floats.Zero;
        Floats c10 = Floats.Zero, c11 = Floats.Zero;
        Floats c20 = Floats.Zero, c21 = Floats.Zero;
        Floats c30 = Floats.Zero, c31 = Floats.Zero;
        Floats c40 = Floats.Zero, c41 = Floats.Zero;
        Floats c50 = Floats.Zero, c51 = Floats.Zero;
        float* q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3], q4 = q[4], q5 = q[5];
        for (int d = 0; d < dim; d++, keys += KeyTile)
        {
            Floats b0 = Vector256.Load(keys), b1 = Vector256.Load(keys + 8);
            Floats a = Vector256.Create(q0[d]);
            c00 = Fma(a, b0, c00); c01 = Fma(a, b1, c01);
            a = Vector256.Create(q1[d]);
            c10 = Fma(a, b0, c10); c11 = Fma(a, b1, c11);
            a = Vector256.Create(q2[d]);
            c20 = Fma(a, b0, c20); c21 = Fma(a, b1, c21);
            a = Vector256.Create(q3[d]);
            c30 = Fma(a, b0, c30); c31 = Fma(a, b1, c31);
            a = Vector256.Create(q4[d]);
            c40 = Fma(a, b0, c40); c41 = Fma(a, b1, c41);
            a = Vector256.Create(q5[d]);
            c50 = Fma(a, b0, c50); c51 = Fma(a, b1, c51);
        }

        c00.Store(scores); c01.Store(scores + 8);
        c10.Store(scores + KeyTile); c11.Store(scores + KeyTile + 8);
        c20.Store(scores + 2 * KeyTile); c21.Store(scores + 2 * KeyTile + 8);
        c30.Store(scores + 3 * KeyTile); c31.Store(scores + 3 * KeyTile + 8);
        c40.Store(scores + 4 * KeyTile); c41.Store(scores + 4 * KeyTile + 8);
        c50.Store(scores + 5 * KeyTile); c51.Store(scores + 5 * KeyTile + 8);
    }

    // 6 x 16 outputs in 12 registers, over the 64 keys of the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel(float* p, float* values, float** output, int column, float* alpha)
    {
        float* o0 = output[0] + column, o1 = output[1] + column, o2 = output[2] + column;
        float* o3 = output[3] + column, o4 = output[4] + column, o5 = output[5] + column;
        Floats a = Vector256.Create(alpha[0]);
        Floats c00 = a * Vector256.Load(o0), c01 = a * Vector256.Load(o0 + 8);
        a = Vector256.Create(alpha[1]);
        Floats c10 = a * Vector256.Load(o1), c11 = a * Vector256.Load(o1 + 8);
        a = Vector256.Create(alpha[2]);
        Floats c20 = a * Vector256.Load(o2), c21 = a * Vector256.Load(o2 + 8);
        a = Vector256.Create(alpha[3]);
        Floats c30 = a * Vector256.Load(o3), c31 = a * Vector256.Load(o3 + 8);
        a = Vector256.Create(alpha[4]);
        Floats c40 = a * Vector256.Load(o4), c41 = a * Vector256.Load(o4 + 8);
        a = Vector256.Create(alpha[5]);
        Floats c50 = a * Vector256.Load(o5), c51 = a * Vector256.Load(o5 + 8);
        for (float* end = p + KeyTile; p < end; p++, values += ColumnStep)
        {
            Floats b0 = Vector256.Load(values), b1 = Vector256.Load(values + 8);
            a = Vector256.Create(*p);
            c00 = Fma(a, b0, c00); c01 = Fma(a, b1, c01);
            a = Vector256.Create(p[KeyTile]);
            c10 = Fma(a, b0, c10); c11 = Fma(a, b1, c11);
            a = Vector256.Create(p[2 * KeyTile]);
            c20 = Fma(a, b0, c20); c21 = Fma(a, b1, c21);
            a = Vector256.Create(p[3 * KeyTile]);
            c30 = Fma(a, b0, c30); c31 = Fma(a, b1, c31);
            a = Vector256.Create(p[4 * KeyTile]);
            c40 = Fma(a, b0, c40); c41 = Fma(a, b1, c41);
            a = Vector256.Create(p[5 * KeyTile]);
            c50 = Fma(a, b0, c50); c51 = Fma(a, b1, c51);
        }

        c00.Store(o0); c01.Store(o0 + 8);
        c10.Store(o1); c11.Store(o1 + 8);
        c20.Store(o2); c21.Store(o2 + 8);
        c30.Store(o3); c31.Store(o3 + 8);
        c40.Store(o4); c41.Store(o4 + 8);
        c50.Store(o5); c51.Store(o5 + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool SoftmaxBlock(float* scores, float* state)
    {
        // Pass 1: the largest score of each row, kept for a moment where the factors go.
        float* alpha = state + AlphaOffset;
        bool any = false;
        for (int row = 0; row < BlockRows; row++)
        {
            float* s = scores + row * KeyTile;
            Floats m = Vector256.Load(s);
            for (int column = 8; column < KeyTile; column += 8)
                m = Vector256.MaxNative(m, Vector256.Load(s + column));
            alpha[row] = Largest(m);
            any |= alpha[row] != float.NegativeInfinity;
        }

        if (!any)
            return false;

        // Pass 2: new maxima, and the factors from the old ones to them.
        Floats old = Vector256.Load(state + MaxOffset);
        Floats max = Vector256.MaxNative(Vector256.Load(alpha), old);
        Floats seen = ~Vector256.Equals(max, Vector256.Create(float.NegativeInfinity));
        Floats zero = max & seen;
        max.Store(state + MaxOffset);
        zero.Store(state + BaseOffset);
        Exp2.Of(old - zero).Store(alpha);

        // Pass 3: probabilities and their sums.
        for (int row = 0; row < BlockRows; row++)
        {
            float* s = scores + row * KeyTile;
            float* sum = state + SumOffset + row * 16;
            Floats least = Vector256.Create(-state[BaseOffset + row]);
            Floats total = Vector256.Load(sum) * alpha[row];
            for (int column = 0; column < KeyTile; column += 8)
            {
                Floats p = Exp2.Of(Vector256.Load(s + column) + least);
                p.Store(s + column);
                total += p;
            }

            total.Store(sum);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Floats Fma(Floats a, Floats b, Floats c) => Vector256.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Floats y)
    {
        Vector128<float> z = Vector128.MaxNative(y.GetLower(), y.GetUpper());
        z = Vector128.MaxNative(z, Vector128.Shuffle(z, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(z, Vector128.Shuffle(z, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
