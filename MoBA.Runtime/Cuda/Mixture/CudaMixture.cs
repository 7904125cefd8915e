using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>What the passes of a mixture share that know no pattern, as a parameter of their kernels: device pointers and sizes. An entry is a
/// query token of a query head.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct CudaMixture
{
    /// <summary>A router's weights, float [query heads, experts, dim]; 0 where the caller gives logits.</summary>
    public long Weights;

    /// <summary>Its biases, float [query heads, experts].</summary>
    public long Bias;

    /// <summary>Logits, float [query tokens, query heads, experts]: the caller's, or scratch of the router's.</summary>
    public long Logits;

    /// <summary>Chosen experts, int [query tokens, query heads, <see cref="TopK"/>], the highest logit first; -1 - e in the first place, and -1 in
    /// the others, where the logit of e is infinite or NaN.</summary>
    public long Chosen;

    /// <summary>Softmax over the chosen logits, float, laid out as <see cref="Chosen"/>; the logit itself where it is infinite or NaN.</summary>
    public long Shares;

    /// <summary>Entropy of the softmax over all logits in nats, float [query tokens, query heads].</summary>
    public long Entropy;

    /// <summary>First query tokens of sequences, int [<see cref="Sequences"/>].</summary>
    public long SequenceStarts;

    /// <summary>What pass "index" sorts: int [query heads, query tokens, <see cref="SlotStride"/>], expert * sequences + sequence, ascending, then
    /// -1.</summary>
    public long Routes;

    /// <summary>Places in the lists of a head, laid out as <see cref="Routes"/>.</summary>
    public long Places;

    /// <summary>As <see cref="ExpertRows.Order"/> and <see cref="ExpertRows.Begins"/>.</summary>
    public long Order, Begins;

    /// <summary><see cref="Shares"/> in the order of <see cref="Routes"/>, and laid out as they are; 0 where rows are not merged by them.</summary>
    public long SlotShares;

    /// <summary>Outputs of listed rows, elements [query heads from <see cref="FirstHead"/> on, <see cref="RowsPerHead"/>, dim].</summary>
    public long Partials;

    /// <summary>Their log-sum-exps to base e, float, laid out as <see cref="Partials"/> without the last dimension.</summary>
    public long PartialLse;

    /// <summary>For every expert which of the planes has its outputs, int [experts]; -1 where they are in the lists.</summary>
    public long PlaneOf;

    /// <summary>Outputs of experts that do not work on lists, elements [planes, query tokens, query heads, dim].</summary>
    public long Planes;

    /// <summary>Their log-sum-exps to base e, float, laid out as <see cref="Planes"/> without the last dimension.</summary>
    public long PlaneLse;

    /// <summary>Divides by <see cref="Sequences"/>.</summary>
    public CudaDivisor BySequences;

    /// <summary>Sequences.</summary>
    public int Sequences;

    /// <summary>Experts, and how many a row is sent to.</summary>
    public int Experts, TopK;

    /// <summary><see cref="TopK"/> rounded up to a multiple of 4.</summary>
    public int SlotStride;

    /// <summary>Query tokens.</summary>
    public int QueryTokens;

    /// <summary>Rows of a head in <see cref="Partials"/>.</summary>
    public int RowsPerHead;

    /// <summary>The first query head that pass "combine" is launched for.</summary>
    public int FirstHead;

    /// <summary>1 to merge by log-sum-exp, 0 for the weighted sum.</summary>
    public int LogSumExp;

    /// <summary>Tokens of a head that a block of pass "route" has.</summary>
    internal const int RouteTokens = 128;

    /// <summary>Index of a row's first slot.</summary>
    internal readonly long SlotsOf(long token, int head) => (((long)head * QueryTokens) + token) * SlotStride;
}
