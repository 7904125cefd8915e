using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>Four neighbouring elements of a row: rows move in 16-byte pieces.</summary>
public struct Float4
{
    /// <summary>Element 0.</summary>
    public float X;

    /// <summary>Element 1.</summary>
    public float Y;

    /// <summary>Element 2.</summary>
    public float Z;

    /// <summary>Element 3.</summary>
    public float W;
}

/// <summary>
/// One sequence of a call as a portable kernel sees it: float tensors on the device, in pieces of four elements. All strides
/// count pieces.
/// </summary>
public struct PortableProblem
{
    /// <summary>Queries, [row, head, piece] by the strides below.</summary>
    public ArrayView<Float4> Queries;

    /// <summary>Keys, [key, key head, piece], pieces of a row side by side.</summary>
    public ArrayView<Float4> KeyRows;

    /// <summary>Values, laid out as <see cref="KeyRows"/>.</summary>
    public ArrayView<Float4> ValueRows;

    /// <summary>Output, laid out as <see cref="Queries"/>; zero before the kernel starts.</summary>
    public ArrayView<Float4> Output;

    /// <summary>Natural log-sum-exp, [row, head].</summary>
    public ArrayView<float> Lse;

    /// <summary>Pieces from one query row to the next.</summary>
    public long QueryStride;

    /// <summary>Pieces from one query head to the next.</summary>
    public long QueryHeadStride;

    /// <summary>Pieces from one piece of a query row to the next.</summary>
    public long QueryPieceStride;

    /// <summary>Pieces from one piece of an output row to the next.</summary>
    public long OutputPieceStride;

    /// <summary>Pieces from one slot of the output to the next, where rows are gathered and results go to slots.</summary>
    public long SlotStride;

    /// <summary>Pieces from one key to the next.</summary>
    public long KeyStride;

    /// <summary>Pieces from one key head to the next.</summary>
    public long KeyHeadStride;

    /// <summary>Pieces in a row: dim / 4.</summary>
    public int Pieces;

    /// <summary>Query rows of the sequence.</summary>
    public int Rows;

    /// <summary>Keys of the sequence.</summary>
    public int Keys;

    /// <summary>Query heads.</summary>
    public int Heads;

    /// <summary>Query heads that read one key head.</summary>
    public int HeadsPerKeyHead;

    /// <summary>Position of the first query row.</summary>
    public int QueryStart;

    /// <summary>Factor of the raw scores.</summary>
    public float Scale;

    /// <summary>Second factor of the raw scores, at least 1, where the call is <see cref="Careful"/>.</summary>
    public float ScaleRest;

    /// <summary>Factor of the finished output.</summary>
    public float ValueFactor;

    /// <summary>1 where scores or sums could leave the range of float: the queries were divided by a power of two, which the
    /// scale gives back, and scores are held within it; else 0.</summary>
    public int Careful;

    /// <summary>Which rows and keys a launch works on.</summary>
    public PortableGather Gather;

    /// <summary>First piece of a query row.</summary>
    internal readonly long QueryAt(int row, int head) => (row * QueryStride) + (head * QueryHeadStride);

    /// <summary>First piece of the output of a unit's query head.</summary>
    internal readonly long OutputAt(PortableUnit unit, int head) =>
        Gather.ToSlots != 0 ? unit.Slot * SlotStride : QueryAt(unit.Row, head);

    /// <summary>Place of the log-sum-exp of a unit's query head.</summary>
    internal readonly long LseAt(PortableUnit unit, int head) =>
        Gather.ToSlots != 0 ? unit.Slot : ((long)unit.Row * Heads) + head;
}
