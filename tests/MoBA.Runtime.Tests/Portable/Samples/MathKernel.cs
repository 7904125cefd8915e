using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Portable.Samples;

/// <summary>Every function of PortableMath and every operator of the expression subset, once.</summary>
public static class MathKernel
{
    public struct Parameters
    {
        public float X;
        public float Y;
        public int I;
        public int J;
        public int Flag;
    }

    public static void Attend(Index2D index, PortableProblem problem, Parameters p)
    {
        long at = index.X * 40L;
        float x = p.X + index.X;
        problem.Lse[at] = PortableMath.Exp(x);
        problem.Lse[at + 1] = PortableMath.Exp2(x);
        problem.Lse[at + 2] = PortableMath.Log(x);
        problem.Lse[at + 3] = PortableMath.Log2(x);
        problem.Lse[at + 4] = PortableMath.Tanh(x);
        problem.Lse[at + 5] = PortableMath.Sin(x);
        problem.Lse[at + 6] = PortableMath.Cos(x);
        problem.Lse[at + 7] = PortableMath.Sqrt(x);
        problem.Lse[at + 8] = PortableMath.Pow(x, p.Y);
        problem.Lse[at + 9] = PortableMath.Abs(x);
        problem.Lse[at + 10] = PortableMath.Floor(x);
        problem.Lse[at + 11] = PortableMath.Ceiling(x);
        problem.Lse[at + 12] = PortableMath.Min(x, p.Y);
        problem.Lse[at + 13] = PortableMath.Max(x, p.Y);
        problem.Lse[at + 14] = PortableMath.Clamp(x, -p.Y, p.Y);

        int i = p.I + index.X, j = p.J;
        problem.Lse[at + 20] = PortableMath.Div(i, 8) + PortableMath.Div(i, 7) + PortableMath.Div(i, j);
        problem.Lse[at + 21] = PortableMath.Rem(i, 8) + PortableMath.Rem(i, 7) + PortableMath.Rem(i, j);
        problem.Lse[at + 22] = PortableMath.Div((long)i, 8) + PortableMath.Rem((long)i, 8);
        problem.Lse[at + 23] = (i & 12) + (i | 3) + (i ^ j) + (i << 2) + (i >> 3) + ~i;
        problem.Lse[at + 24] = PortableMath.Abs(i) + PortableMath.Min(i, j) + PortableMath.Max(i, j) + PortableMath.Clamp(i, 0, j);
        problem.Lse[at + 25] = PortableMath.Abs((long)i) + PortableMath.Min((long)i, j) + PortableMath.Max((long)i, j);
        problem.Lse[at + 26] = (i > j ^ p.Flag != 0) ? i : -j;
        problem.Lse[at + 27] = !(i == j) && (i != 5 || p.Flag != 0) ? 1 : 0;
        problem.Lse[at + 28] = (long)i * j > int.MaxValue ? 1 : 0;
    }
}
