using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>What pass "gate" needs besides the problem.</summary>
/// <typeparam name="TShape">Block size and top-k, as constants where the gate's attribute gives them.</typeparam>
public struct GateParameters<TShape>
    where TShape : unmanaged, IGateShape
{
    /// <summary>Block size and top-k.</summary>
    public TShape Shape;

    /// <summary>The key blocks.</summary>
    public Centroids Centroids;

    /// <summary>Gates of the blocks in <see cref="PortableGather.Routes"/>, as integers of the same order; scratch.</summary>
    public ArrayView<int> Gates;

    /// <summary>Query heads whose queries are summed: all of a key head, or one.</summary>
    public int HeadsPerGate;

    /// <summary>Power of two that keeps that sum and its gates within float; 1 unless queries are huge.</summary>
    public float Factor;
}

/// <summary>
/// Pass "gate": one thread walks the past blocks of one unit and keeps the best of them in its column of the routes. Nothing is
/// kept of the other blocks.
/// </summary>
public static class GateKernel
{
    private const int NaN = int.MinValue;    // below the order of every number

    /// <summary>Launched over [units, 1].</summary>
    public static void Run<TShape>(Index2D index, PortableProblem problem, GateParameters<TShape> gate)
        where TShape : unmanaged, IGateShape
    {
        int unit = index.X, q = problem.QueryStart + problem.Gather.Units.At(unit).Row;
        int past = q < 0 ? 0 : (int)((uint)q / (uint)gate.Shape.BlockSize);
        past = PortableMath.Min(past, gate.Centroids.Blocks);
        int wanted = gate.Shape.TopK - 1;
        if (past > wanted)
        {
            Choose(unit, past, wanted, problem, gate);
            return;
        }

        // Fewer blocks than places: all of them.
        for (int rank = 0; rank < problem.Gather.Ranks; rank++)
            problem.Gather.Routes[problem.Gather.RouteAt(rank, unit)] = rank < past ? rank : -1;
    }

    // The kept blocks stay ascending: a block that comes in is later than all of them, and goes to the end.
    private static void Choose<TShape>(int unit, int past, int wanted, PortableProblem problem, GateParameters<TShape> gate)
        where TShape : unmanaged, IGateShape
    {
        PortableUnit place = problem.Gather.Units.At(unit);
        for (int block = 0; block < wanted; block++)
            Put(unit, block, block, Order(Gate(place, block, problem, gate)), problem, gate);

        int least = Least(unit, wanted, problem, gate);
        for (int block = wanted; block < past; block++)
        {
            int order = Order(Gate(place, block, problem, gate));
            if (order < gate.Gates[problem.Gather.RouteAt(least, unit)])
                continue;                                           // of equal gates the later wins
            for (int rank = least; rank < wanted - 1; rank++)
            {
                long next = problem.Gather.RouteAt(rank + 1, unit);
                Put(unit, rank, problem.Gather.Routes[next], gate.Gates[next], problem, gate);
            }

            Put(unit, wanted - 1, block, order, problem, gate);
            least = Least(unit, wanted, problem, gate);
        }
    }

    private static void Put<TShape>(int unit, int rank, int block, int order, PortableProblem problem, GateParameters<TShape> gate)
        where TShape : unmanaged, IGateShape
    {
        long at = problem.Gather.RouteAt(rank, unit);
        problem.Gather.Routes[at] = block;
        gate.Gates[at] = order;
    }

    // Rank of the least gate; of equal ones the earliest.
    private static int Least<TShape>(int unit, int wanted, PortableProblem problem, GateParameters<TShape> gate)
        where TShape : unmanaged, IGateShape
    {
        int least = 0, order = int.MaxValue;
        for (int rank = 0; rank < wanted; rank++)
        {
            int other = gate.Gates[problem.Gather.RouteAt(rank, unit)];
            least = other < order ? rank : least;
            order = PortableMath.Min(order, other);
        }

        return least;
    }

    // q . mean, or q+ . max + q- . min, of the sum over the query heads that are gated together.
    private static float Gate<TShape>(PortableUnit unit, int block, PortableProblem problem, GateParameters<TShape> gate)
        where TShape : unmanaged, IGateShape
    {
        int head = unit.Head * problem.Gather.HeadsPerUnit;
        int first = head - (int)((uint)head % (uint)gate.HeadsPerGate);
        long at = gate.Centroids.At((int)((uint)head / (uint)problem.HeadsPerKeyHead), block, problem.Pieces);
        long query = (unit.Row * problem.QueryStride) + (first * problem.QueryHeadStride);
        float result = 0f;
        for (int piece = 0; piece < problem.Pieces; piece++)
        {
            Float4 high = default, low = default;                   // what meets the greatest and the least elements
            for (int h = 0; h < gate.HeadsPerGate; h++)
            {
                Float4 q = problem.Queries[query + (h * problem.QueryHeadStride) + (piece * problem.QueryPieceStride)];
                high = Add(high, gate.Centroids.MinMax != 0 ? Positive(q) : q, gate.Factor);
                low = Add(low, Negative(q), gate.Factor);
            }

            result = Dot(high, gate.Centroids.High[at + piece], result);
            if (gate.Centroids.MinMax != 0)
                result = Dot(low, gate.Centroids.Low[at + piece], result);
        }

        return result;
    }

    private static Float4 Add(Float4 sum, Float4 q, float factor)
    {
        sum.X += q.X * factor;
        sum.Y += q.Y * factor;
        sum.Z += q.Z * factor;
        sum.W += q.W * factor;
        return sum;
    }

    private static Float4 Positive(Float4 q)
    {
        q.X = q.X < 0f ? 0f : q.X;
        q.Y = q.Y < 0f ? 0f : q.Y;
        q.Z = q.Z < 0f ? 0f : q.Z;
        q.W = q.W < 0f ? 0f : q.W;
        return q;
    }

    private static Float4 Negative(Float4 q)
    {
        q.X = q.X > 0f ? 0f : q.X;
        q.Y = q.Y > 0f ? 0f : q.Y;
        q.Z = q.Z > 0f ? 0f : q.Z;
        q.W = q.W > 0f ? 0f : q.W;
        return q;
    }

    private static float Dot(Float4 a, Float4 b, float sum) => sum + (a.X * b.X) + (a.Y * b.Y) + (a.Z * b.Z) + (a.W * b.W);

    // Integers in the order of floats, the two zeros alike.
    internal static int Order(float x)
    {
        if (CentroidKernel.IsNaN(x))
            return NaN;
        int bits = x == 0f ? 0 : (int)Interop.FloatAsInt(x);
        return bits < 0 ? bits ^ int.MaxValue : bits;
    }
}
