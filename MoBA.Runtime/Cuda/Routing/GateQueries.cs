using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// The queries of a gate, as the thread's operands. A gate is linear in the query, or in its positive and its negative part, so heads that share
/// a route are summed before they are scored: in parts, each of which is what the ones before it lost by rounding. What orders a row's gates is
/// not changed by a power of two, which keeps sums of huge queries finite. Device code.
/// </summary>
internal static class GateQueries
{
    /// <summary>Has the operands ready.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="routing">The launch.</param>
    /// <param name="work">The queries.</param>
    /// <param name="turn">0, or 1 to scale them.</param>
    public static void Load(CudaProblem problem, CudaRouting routing, GateWork work, int turn)
    {
        if (turn == 0 & routing.HeadsPerGate == 1)
        {
            Tile.LoadQueryRow(0, Address(problem, work, 0), Columns(problem, work, 0));
            Tile.LoadQueryRow(1, Address(problem, work, 1), Columns(problem, work, 1));
            Tile.LoadQueryRow(2, Address(problem, work, 2), Columns(problem, work, 2));
            Tile.LoadQueryRow(3, Address(problem, work, 3), Columns(problem, work, 3));
            return;
        }

        for (int row = 0; row < GateWork.RowsOfWarp() >> 3; row++)
            Prepare(problem, routing, work, row);
        if (routing.HeadsPerGate == 1)
        {
            // Where others are to write.
            Tile.LoadPart(0);
            Memory.Meet();
        }
    }

    private static int RowOf(int row) => ((Group.IdxX >> 5) * GateWork.RowsOfWarp()) + (row * 8) + ((Group.IdxX & 31) >> 2);

    private static long Address(CudaProblem problem, GateWork work, int row) =>
        problem.Q + ((work.QueryToken + RowOf(row)) * problem.QueryTokenStride) + (work.FirstHead * problem.QueryHeadStride) + ((Group.IdxX & 3) * 16L);

    private static int Columns(CudaProblem problem, GateWork work, int row) => RowOf(row) < work.Queries ? problem.Dim - ((Group.IdxX & 3) * 8) : 0;

    // A row of the thread: its words, two components each, are words 0 to 3 of every 64 bytes from its address on.
    private static void Prepare(CudaProblem problem, CudaRouting routing, GateWork work, int row)
    {
        long address = Address(problem, work, row);
        int columns = Columns(problem, work, row);
        int exponent = Exponent(problem, routing, address, columns);
        int shift = Tile.SizeOfGate(GateSize.Exponent) - exponent, part = shift >> 1;
        float first = Interop.IntAsFloat((uint)((127 + part) << 23)), second = Interop.IntAsFloat((uint)((127 + shift - part) << 23));
        for (int i = 0; i < routing.PaddedDim >> 3; i++)
        {
            int piece = i >> 2, word = i & 3;
            float low = 0f, high = 0f, lowLess = 0f, highLess = 0f;
            int heads = piece * 32 < columns ? routing.HeadsPerGate : 0;
            for (int head = 0; head < heads; head++)
            {
                int pair = Memory.Int(address + (head * problem.QueryHeadStride) + (piece * 64L) + (word * 4L));
                float x = Tile.Low(pair) * first * second, y = Tile.High(pair) * first * second;
                bool isWhole = routing.Least == 0 | routing.HeadsPerGate == 1;
                low += isWhole | !(x <= 0f) ? x : 0f;
                high += isWhole | !(y <= 0f) ? y : 0f;
                lowLess += !(x >= 0f) ? x : 0f;
                highLess += !(y >= 0f) ? y : 0f;
            }

            int at = PlaceOf(routing, row, piece, word);
            if (routing.HeadsPerGate == 1)
                Store(at, 1, low, high);
            else if (routing.Least == 0)
                Store(at, 3, low, high);
            else
            {
                Store(at, 2, low, high);
                Store(at + (2 * Tile.SizeOfGate(GateSize.PartBytes)), 2, lowLess, highLess);
            }
        }
    }

    // Biased exponent of the largest magnitude in a row of all heads.
    private static int Exponent(CudaProblem problem, CudaRouting routing, long address, int columns)
    {
        int most = 0;
        for (int i = 0; i < routing.PaddedDim >> 3; i++)
        {
            int heads = (i >> 2) * 32 < columns ? routing.HeadsPerGate : 0;
            for (int head = 0; head < heads; head++)
            {
                int pair = Memory.Int(address + (head * problem.QueryHeadStride) + ((i >> 2) * 64L) + ((i & 3) * 4L));
                int low = (int)Interop.FloatAsInt(Tile.Low(pair)) & int.MaxValue, high = (int)Interop.FloatAsInt(Tile.High(pair)) & int.MaxValue;
                most = PortableMath.Max(most, PortableMath.Max(low, high));
            }
        }

        Warp.Barrier();
        int lane = Group.IdxX & 31;
        most = PortableMath.Max(most, Warp.Shuffle(most, lane ^ 1));
        most = PortableMath.Max(most, Warp.Shuffle(most, lane ^ 2));
        return most >> 23;
    }

    // As Tile.LoadPart reads it: a half of a piece is two words of one row, and between them those of the row eight below.
    private static int PlaceOf(CudaRouting routing, int row, int piece, int word)
    {
        int pieces = routing.PaddedDim >> 5, operand = ((((row >> 1) * pieces) + piece) * 2) + (word >> 1);
        return Tile.SizeOfGate(GateSize.PartsAt) + (operand * 128 * 16) + (Group.IdxX * 16) + ((word & 1) * 8) + ((row & 1) * 4);
    }

    private static void Store(int at, int parts, float low, float high)
    {
        for (int part = 0; part < parts; part++)
        {
            int word = Tile.Pair(low, high);
            Tile.StoreShared(at, word);
            low = Rest(low, Tile.Low(word));
            high = Rest(high, Tile.High(word));
            at += Tile.SizeOfGate(GateSize.PartBytes);
        }
    }

    private static float Rest(float x, float rounded)
    {
        float rest = x - rounded;
        return rest - rest == 0f ? rest : 0f;
    }
}
