namespace MoBA.Runtime.Cuda;

/// <summary>A ring of tiles in shared memory with two barriers a slot, as <see cref="HopperTiles"/> prints it.</summary>
/// <param name="Map">Register of its tensor map.</param>
/// <param name="TilesAt">Byte offset of slot 0.</param>
/// <param name="TileBytes">From one slot to the next.</param>
/// <param name="Slots">1 to 3.</param>
/// <param name="FullAt">Byte offset of the barriers of full slots; those of free slots, and the words told with tiles, follow.</param>
internal readonly record struct TileRing(string Map, int TilesAt, int TileBytes, int Slots, int FullAt)
{
    /// <summary>Byte offset of the barriers of free slots.</summary>
    public int FreeAt => FullAt + (Slots == 3 ? 24 : 16);

    /// <summary>Byte offset of the words told with tiles.</summary>
    public int ToldAt => FullAt + (Slots == 3 ? 48 : 32);

    /// <summary>Declares <c>slot</c>, that of tile <paramref name="n"/>, and <c>a</c> for an address.</summary>
    public IEnumerable<string> Slot(string n) => [$".reg .u32 slot, a; {(Slots == 3 ? $"rem.u32 slot, {n}, 3;" : $"and.b32 slot, {n}, {Slots - 1};")}"];

    /// <summary>Sets a register to 1 where tile <paramref name="n"/> is in an odd round of the ring, else to 0.</summary>
    public string Round(string register, string n) => Slots == 3
        ? $"div.u32 {register}, {n}, 3; and.b32 {register}, {register}, 1;"
        : $"shr.u32 {register}, {n}, {(Slots == 1 ? 0 : 1)}; and.b32 {register}, {register}, 1;";
}
