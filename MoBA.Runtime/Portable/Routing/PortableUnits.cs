using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>A unit of routing: one query row of one head that routes.</summary>
public struct PortableUnit
{
    /// <summary>Query row of the sequence.</summary>
    public int Row;

    /// <summary>Head; <see cref="PortableGather.HeadsPerUnit"/> query heads share it.</summary>
    public int Head;

    /// <summary>Where the unit's results go, where each unit has a place of its own for them.</summary>
    public int Slot;
}

/// <summary>
/// The units that one launch works on, ascending by head and then by row: a run of all rows of all heads, or a list of some.
/// </summary>
public struct PortableUnits
{
    /// <summary>Slots of the listed units; slot s is unit s % <see cref="Count"/> of the run.</summary>
    public ArrayView<int> Slots;

    /// <summary>1 where only the listed units of the run are meant, else 0.</summary>
    public int IsList;

    /// <summary>First unit of the run: head * <see cref="Rows"/> + row.</summary>
    public int First;

    /// <summary>Units of the run.</summary>
    public int Count;

    /// <summary>Query rows of the sequence.</summary>
    public int Rows;

    /// <summary>A unit by its place.</summary>
    public readonly PortableUnit At(int index)
    {
        PortableUnit unit;
        unit.Slot = IsList != 0 ? Slots[(long)index] : index;
        uint place = (uint)First + ((uint)unit.Slot % (uint)Count);
        unit.Row = (int)(place % (uint)Rows);
        unit.Head = (int)(place / (uint)Rows);
        return unit;
    }
}
