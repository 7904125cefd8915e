using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "combine": merges what rows have of their own blocks, which stands in the output, with their partials, by the log-sum-exps and in the order
/// of the slots. A lane has eight columns of a row. It moves bytes and computes little: all of a row's partials are on their way at once.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class CombineKernel
{
    private const float Log2E = 1.44269504f, Ln2 = 0.693147181f;

    // Slots at a time: as many as lanes that ask for one each.
    private const int Together = 8;

    /// <summary>Launched over <see cref="CudaProblem.Items"/> rows, those of a head side by side, of <see cref="CudaRouting.PaddedDim"/> / 8
    /// threads each.</summary>
    public static void Merge(CudaProblem problem, CudaRouting routing)
    {
        Tile.Begin();
        if (!Turns.IsOf(routing))
            return;
        int lanes = routing.PaddedDim >> 3, lane = Group.IdxX & 31;
        int all = (Grid.IdxX * PlainTiles.BlockThreads) + Group.IdxX;
        int column = all & (lanes - 1), row = (int)((uint)all / (uint)lanes);
        bool exists = row < problem.Items;
        row = exists ? row : problem.Items - 1;

        // A head after the other: its partials are what the pages at hand have.
        int ofHeads = (int)((uint)row / (uint)routing.QueryTokens);
        long token = row - (ofHeads * routing.QueryTokens);
        int head = (routing.FirstListHead * routing.HeadsPerList) + ofHeads;
        long lse = routing.Lse + (((token * problem.Heads) + head) * sizeof(float));
        long output = problem.Output + (token * problem.OutputTokenStride) + (head * problem.OutputHeadStride) + (column * 16L);
        long route = routing.SlotsOf(token, head);
        int firstRow = (routing.ByHeadsPerList.DivNatural(head) - routing.FirstListHead) * routing.ItemsPerHead * CudaRouting.ItemRows;

        // What is there already, where each partial is, and its log-sum-exp: asked for before any is looked at, and kept, for the first slots.
        Tile.LoadWordsIf(Together, output, exists & column * 8 < problem.Dim, 0);
        float own = *(float*)lse;
        int index = IndexOf(routing, route, lane & 7, firstRow);
        float log = LogSum(routing, index);
        own *= Log2E;
        float most = Greater(own, log);
        for (int first = Together; first < routing.Slots; first += Together)
            most = Greater(most, LogSum(routing, IndexOf(routing, route, first + (lane & 7), firstRow)));
        most = Greater(most, Warp.ShuffleXor(most, 1));
        most = Greater(most, Warp.ShuffleXor(most, 2));
        most = Greater(most, Warp.ShuffleXor(most, 4));

        // Relative to a row that sees nothing there is no difference.
        float shift = most == float.NegativeInfinity ? 0f : most;
        float sum = Tile.Exp2(log - shift);
        sum += (lane & 7) == 0 ? Tile.Exp2(own - shift) : 0f;
        for (int first = Together; first < routing.Slots; first += Together)
            sum += Tile.Exp2(LogSum(routing, IndexOf(routing, route, first + (lane & 7), firstRow)) - shift);
        sum += Warp.ShuffleXor(sum, 1);
        sum += Warp.ShuffleXor(sum, 2);
        sum += Warp.ShuffleXor(sum, 4);

        // Of a row without keys the total is -infinity, to which nothing is relative; its weights are 0.
        float total = shift + Tile.Log2(sum), relative = sum == 0f ? 0f : total;

        Tile.ClearSums();
        Add(routing, index, index < 0 ? 0f : Tile.Exp2(log - relative), column, lane & 24);
        for (int first = Together; first < routing.Slots; first += Together)
        {
            int further = IndexOf(routing, route, first + (lane & 7), firstRow);
            Add(routing, further, further < 0 ? 0f : Tile.Exp2(LogSum(routing, further) - relative), column, lane & 24);
        }

        Tile.TransposeSums();
        Tile.AddWords(Together, Tile.Exp2(own - relative));
        Tile.StoreSums(output, exists & column * 8 < problem.Dim);
        if (exists & column == 0)
            *(float*)lse = total * Ln2;
    }

    private static float Greater(float x, float y) => !(x >= y) ? y : x;

    // The partial row of a slot, -1 where there is none; there is no memory for more than 2^31 of them.
    private static int IndexOf(CudaRouting routing, long route, int slot, int firstRow)
    {
        long at = (route + (slot < routing.Slots ? slot : routing.Slots - 1)) * sizeof(int);
        int block = Memory.Int(routing.Routes + at), place = Memory.Int(routing.Places + at);
        return slot < routing.Slots & block >= 0 ? firstRow + place : -1;
    }

    // To base 2.
    private static float LogSum(CudaRouting routing, int index) =>
        index < 0 ? float.NegativeInfinity : *(float*)(routing.PartialLse + ((long)index * sizeof(float))) * Log2E;

    // Eight slots, of which each lane from the first on knows one.
    private static void Add(CudaRouting routing, int index, float weight, int column, int first)
    {
        Tile.LoadWordsIf(0, Address(routing, Warp.Shuffle(index, first), column), Warp.Shuffle(weight, first) != 0f, 0);
        Tile.LoadWordsIf(1, Address(routing, Warp.Shuffle(index, first + 1), column), Warp.Shuffle(weight, first + 1) != 0f, 0);
        Tile.LoadWordsIf(2, Address(routing, Warp.Shuffle(index, first + 2), column), Warp.Shuffle(weight, first + 2) != 0f, 0);
        Tile.LoadWordsIf(3, Address(routing, Warp.Shuffle(index, first + 3), column), Warp.Shuffle(weight, first + 3) != 0f, 0);
        Tile.LoadWordsIf(4, Address(routing, Warp.Shuffle(index, first + 4), column), Warp.Shuffle(weight, first + 4) != 0f, 0);
        Tile.LoadWordsIf(5, Address(routing, Warp.Shuffle(index, first + 5), column), Warp.Shuffle(weight, first + 5) != 0f, 0);
        Tile.LoadWordsIf(6, Address(routing, Warp.Shuffle(index, first + 6), column), Warp.Shuffle(weight, first + 6) != 0f, 0);
        Tile.LoadWordsIf(7, Address(routing, Warp.Shuffle(index, first + 7), column), Warp.Shuffle(weight, first + 7) != 0f, 0);
        Tile.AddWords(0, Warp.Shuffle(weight, first));
        Tile.AddWords(1, Warp.Shuffle(weight, first + 1));
        Tile.AddWords(2, Warp.Shuffle(weight, first + 2));
        Tile.AddWords(3, Warp.Shuffle(weight, first + 3));
        Tile.AddWords(4, Warp.Shuffle(weight, first + 4));
        Tile.AddWords(5, Warp.Shuffle(weight, first + 5));
        Tile.AddWords(6, Warp.Shuffle(weight, first + 6));
        Tile.AddWords(7, Warp.Shuffle(weight, first + 7));
    }

    // Of a lane's 16 bytes of a partial row: pieces of four lanes change places two by two in odd rows.
    private static long Address(CudaRouting routing, int index, int column) =>
        routing.Partials + ((long)index * routing.PaddedDim * sizeof(ushort)) + ((((column >> 2) ^ (index & 1)) << 6) + ((column & 3) << 4));
}
