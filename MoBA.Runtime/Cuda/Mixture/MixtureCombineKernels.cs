using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>Pass "combine" of a mixture: one output of what a row's experts gave, in the order of their ids. A thread has eight columns of a
/// row.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class MixtureCombineKernels
{
    private const float Log2E = 1.44269504f, Ln2 = 0.693147181f;

    /// <summary>Launched over <see cref="CudaProblem.Items"/> rows, those of a head side by side, of <paramref name="lanes"/> threads each.</summary>
    public static void Mix(CudaProblem problem, CudaMixture mixture, int lanes)
    {
        Tile.Begin();
        int all = (Grid.IdxX * PlainTiles.BlockThreads) + Group.IdxX;
        int row = (int)((uint)all / (uint)lanes), column = all - (row * lanes);
        if (row >= problem.Items)
            return;
        int ofHeads = (int)((uint)row / (uint)mixture.QueryTokens);
        int token = row - (ofHeads * mixture.QueryTokens), head = mixture.FirstHead + ofHeads;
        MixedRow entry = default;
        entry.Head = head;
        entry.Number = ((long)token * problem.Heads) + head;
        entry.Slots = mixture.SlotsOf(token, head);
        bool exists = column * 8 < problem.Dim;
        float total = mixture.LogSumExp != 0 ? LogSum(problem, mixture, entry) : 0f;
        float relative = total == float.NegativeInfinity ? 0f : total;
        Tile.ClearSums();

        // Where the row was refused, a weight of NaN meets zeros.
        int slot = 0;
        for (; slot + 1 < mixture.TopK; slot += 2)
        {
            float a = WeightOf(problem, mixture, entry, slot, relative), b = WeightOf(problem, mixture, entry, slot + 1, relative);
            Tile.LoadWordsIf(0, PlaceOf(problem, mixture, entry, slot).Output + (column * 16L), exists & a > 0f, 0);
            Tile.LoadWordsIf(1, PlaceOf(problem, mixture, entry, slot + 1).Output + (column * 16L), exists & b > 0f, 0);
            Tile.AddWords(0, a);
            Tile.AddWords(1, b);
        }

        if (slot < mixture.TopK)
        {
            float weight = WeightOf(problem, mixture, entry, slot, relative);
            Tile.LoadWordsIf(0, PlaceOf(problem, mixture, entry, slot).Output + (column * 16L), exists & weight > 0f, 0);
            Tile.AddWords(0, weight);
        }

        Tile.StoreSums(problem.Output + (token * problem.OutputTokenStride) + (head * problem.OutputHeadStride) + (column * 16L), exists);
        if (column == 0 & problem.Lse != 0)
            ((float*)problem.Lse)[entry.Number] = total * Ln2;
    }

    /// <summary>Sets the output and log-sum-exp of rows whose logits could not be ranked to NaN. Launched over query tokens * query heads
    /// threads.</summary>
    public static void Refuse(CudaProblem problem, CudaMixture mixture)
    {
        Tile.Begin();
        int row = (Grid.IdxX * PlainTiles.BlockThreads) + Group.IdxX;
        if (row >= mixture.QueryTokens * problem.Heads)
            return;
        if (((int*)mixture.Chosen)[(long)row * mixture.TopK] >= 0)
            return;
        int token = row / problem.Heads, head = row - (token * problem.Heads);
        long output = problem.Output + (token * problem.OutputTokenStride) + (head * problem.OutputHeadStride);
        for (int i = 0; i < problem.Dim; i++)
            Tile.SetElement(output + (i * 2L), float.NaN);
        if (problem.Lse != 0)
            ((float*)problem.Lse)[row] = float.NaN;
    }

    // To base 2; -infinity where no expert saw a key.
    private static float LogSum(CudaProblem problem, CudaMixture mixture, MixedRow entry)
    {
        if (IsRefused(mixture, entry))
            return float.NaN;
        float most = float.NegativeInfinity, sum = 0f;
        for (int slot = 0; slot < mixture.TopK; slot++)
        {
            float lse = LseOf(problem, mixture, entry, slot);
            most = !(most >= lse) ? lse : most;
        }

        float shift = most == float.NegativeInfinity ? 0f : most;
        for (int slot = 0; slot < mixture.TopK; slot++)
            sum += Tile.Exp2(LseOf(problem, mixture, entry, slot) - shift);
        return shift + Tile.Log2(sum);
    }

    private static float WeightOf(CudaProblem problem, CudaMixture mixture, MixedRow entry, int slot, float relative)
    {
        if (IsRefused(mixture, entry))
            return float.NaN;
        return mixture.LogSumExp != 0
            ? Tile.Exp2(LseOf(problem, mixture, entry, slot) - relative)
            : ((float*)mixture.SlotShares)[entry.Slots + slot];
    }

    private static bool IsRefused(CudaMixture mixture, MixedRow entry) => ((int*)mixture.Chosen)[entry.Number * mixture.TopK] < 0;

    // To base 2.
    private static float LseOf(CudaProblem problem, CudaMixture mixture, MixedRow entry, int slot) =>
        *(float*)PlaceOf(problem, mixture, entry, slot).Lse * Log2E;

    // Where a slot's expert has put its output of a row.
    private static MixturePlace PlaceOf(CudaProblem problem, CudaMixture mixture, MixedRow entry, int slot)
    {
        long at = entry.Slots + slot;
        int route = ((int*)mixture.Routes)[at];
        int plane = route < 0 ? -1 : ((int*)mixture.PlaneOf)[mixture.BySequences.DivNatural(route)];
        long row = plane < 0
            ? ((long)(entry.Head - mixture.FirstHead) * mixture.RowsPerHead) + ((int*)mixture.Places)[at]
            : ((long)plane * mixture.QueryTokens * problem.Heads) + entry.Number;
        MixturePlace place = default;
        place.Output = (plane < 0 ? mixture.Partials : mixture.Planes) + (row * problem.Dim * sizeof(ushort));
        place.Lse = (plane < 0 ? mixture.PartialLse : mixture.PlaneLse) + (row * sizeof(float));
        return place;
    }
}

/// <summary>A token of a head. Device code.</summary>
internal struct MixedRow
{
    /// <summary>The query head.</summary>
    public int Head;

    /// <summary>Its number among [query tokens, query heads], and the index of its first slot.</summary>
    public long Number, Slots;
}

/// <summary>Addresses of an output and its log-sum-exp. Device code.</summary>
internal struct MixturePlace
{
    public long Output, Lse;
}
