using System.ComponentModel;
using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>Routes as callers get them, int [query tokens, route heads, TopK]: the own block, then the chosen past blocks, numbered within
/// the sequence, and -1 where there are fewer. A thread block writes those of a tile of queries and a route head, a warp a row's.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class RoutesKernel
{
    private const int Warps = PlainTiles.BlockThreads / 32;

    /// <summary>Launched over <see cref="CudaRouting.GateTiles"/> * route heads.</summary>
    /// <param name="routing">The launch. Without <see cref="CudaRouting.Routes"/> every past block is chosen.</param>
    /// <param name="result">Where they go.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="topK">Blocks of a row.</param>
    public static void Write(CudaRouting routing, long result, int heads, int topK)
    {
        int routeHeads = heads / routing.HeadsPerGate;
        int number = Grid.IdxX / routeHeads, routeHead = Grid.IdxX - (number * routeHeads);
        QueryTile tile = ((QueryTile*)routing.Tiles)[number];
        int blocks = (tile.Keys + routing.BlockSize - 1) / routing.BlockSize;
        for (int row = Group.IdxX >> 5; row < tile.Queries; row += Warps)
        {
            int position = tile.Position + row, token = tile.QueryToken + row;
            int own = position < 0 ? -1 : routing.ByBlockSize.DivNatural(position);
            int past = PortableMath.Min(PortableMath.Max(own, 0), blocks);
            long to = result + ((((long)token * routeHeads) + routeHead) * topK * sizeof(int));
            long from = routing.Routes + (routing.SlotsOf(token, routeHead * routing.HeadsPerGate) * sizeof(int));
            for (int slot = Group.IdxX & 31; slot < topK; slot += 32)
            {
                int block = slot - 1 < past ? slot - 1 : -1;
                if (slot == 0)
                    block = own < blocks ? own : -1;
                else if (routing.Routes != 0)
                    block = slot <= routing.Slots ? Chosen(from + ((slot - 1) * 4L), tile.FirstBlock) : -1;
                Memory.SetInt(to + (slot * 4L), block);
            }
        }
    }

    private static int Chosen(long address, int firstBlock)
    {
        int block = Memory.Int(address);
        return block < 0 ? -1 : block - firstBlock;
    }
}
