namespace MoBA.Runtime.Cuda;

/// <summary>
/// The query tiles of a gate, in shared memory. A gate is linear in the query, or in its positive and its negative part, so heads that share a
/// route are summed before they are scored: in two parts, of which the second is what the first lost by rounding. Device code.
/// </summary>
internal static class GateQueries
{
    /// <summary>Writes them, by all threads of the block; the first <see cref="Tile.WaitCopies"/> makes them seen.</summary>
    public static void Prepare(CudaProblem problem, CudaRouting routing, GateWork work, int thread)
    {
        if (routing.HeadsPerGate == 1 & routing.Least == 0)
        {
            int row = thread >> 3, piece = thread & 7;
            Tile.CopyQueries(
                problem.Q + ((work.QueryToken + row) * problem.QueryTokenStride) + (work.FirstHead * problem.QueryHeadStride) + (piece * 16L),
                problem.QueryTokenStride, work.Queries - row, problem.Dim - (piece * 8));
            return;
        }

        int pairs = routing.PaddedDim >> 1, tileBytes = Tile.Queries() * routing.PaddedDim * 2;
        for (int i = thread; i < Tile.Queries() * pairs; i += 128)
        {
            int row = (int)((uint)i / (uint)pairs), pair = i - (row * pairs);
            bool exists = row < work.Queries & pair * 2 < problem.Dim;
            float low = 0f, high = 0f, lowLess = 0f, highLess = 0f;
            for (int head = 0; head < (exists ? routing.HeadsPerGate : 0); head++)
            {
                int word = Memory.Int(
                    problem.Q + ((work.QueryToken + row) * problem.QueryTokenStride) + ((work.FirstHead + head) * problem.QueryHeadStride) + (pair * 4L));
                float x = Tile.Low(word), y = Tile.High(word);
                low += routing.Least == 0 | !(x <= 0f) ? x : 0f;
                high += routing.Least == 0 | !(y <= 0f) ? y : 0f;
                lowLess += !(x >= 0f) ? x : 0f;
                highLess += !(y >= 0f) ? y : 0f;
            }

            // Panels of 64 columns, pieces of 16 bytes at their number xor the row's, modulo 8.
            int at = ((pair >> 5) * Tile.Queries() * 128) + (row * 128) + ((((pair >> 2) ^ row) & 7) * 16) + ((pair & 3) * 4);
            Store(at, tileBytes, routing.HeadsPerGate > 1, low, high);
            if (routing.Least != 0)
                Store(at + tileBytes, tileBytes, routing.HeadsPerGate > 1, lowLess, highLess);
        }
    }

    private static void Store(int at, int tileBytes, bool isSum, float low, float high)
    {
        int word = Tile.Pair(low, high);
        Tile.StoreShared(at, word);
        if (isSum)
            Tile.StoreShared(at + (2 * tileBytes), Tile.Pair(Rest(low, Tile.Low(word)), Rest(high, Tile.High(word))));
    }

    private static float Rest(float x, float rounded)
    {
        float rest = x - rounded;
        return rest - rest == 0f ? rest : 0f;
    }
}
