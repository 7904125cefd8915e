using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>Numbers in device memory by their addresses, and where threads meet over them. Device code.</summary>
internal static unsafe class Memory
{
    /// <summary>Waits for all threads of the block, in code whose lanes may have gone different ways.</summary>
    public static void Meet()
    {
        Warp.Barrier();
        Tile.SyncBlock();
    }

    public static int Int(long address) => *(int*)address;

    public static void SetInt(long address, int value) => *(int*)address = value;
}
