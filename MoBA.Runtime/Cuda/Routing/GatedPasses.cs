namespace MoBA.Runtime.Cuda;

/// <summary>The passes of one call that know no pattern.</summary>
internal sealed unsafe class GatedPasses(TensorCoreAttention attention, in CudaCall call, CudaStream stream)
{
    private readonly CudaCall _call = call;

    /// <summary>Pass "centroids".</summary>
    public void Centroids(CudaRouting routing)
    {
        CudaProblem problem = _call.Problem();
        Launch(KernelPass.Centroids, _call.KeyHeads * routing.BlockCount, &problem, &routing);
    }

    /// <summary>Pass "gate".</summary>
    public void Gate(CudaRouting routing)
    {
        CudaProblem problem = _call.Problem();
        TileShape shape = KernelPasses.ShapeOfGate(_call.Dim, _call.Kind, routing);
        Launch(KernelPass.Gate, shape, routing.GateTiles * (_call.QueryHeads / routing.HeadsPerGate), &problem, &routing);
    }

    /// <summary>Pass "overlap".</summary>
    /// <param name="routing">The routes.</param>
    /// <param name="union">Where it goes.</param>
    /// <param name="chooses">Whether the device decides on a path, or tells of it.</param>
    public void Overlap(CudaRouting routing, CudaUnion union, bool chooses)
    {
        Launch(KernelPass.Overlap, union.TileCount * union.RouteHeads, &routing, &union);
        if (chooses)
            Launch(KernelPass.ChoosePath, 1, &union);
    }

    /// <summary>Pass "index".</summary>
    public void Index(CudaRouting routing)
    {
        int tiles = routing.ListHeads * routing.CountTiles;
        Launch(KernelPass.Count, tiles, &routing);
        Launch(KernelPass.Sum, routing.ListHeads * ((routing.BlockCount + BitMatrix.Columns - 1) / BitMatrix.Columns), &routing);
        Launch(KernelPass.Scan, routing.ListHeads, &routing);
        Launch(KernelPass.Scatter, tiles, &routing);
    }

    /// <summary>Pass "combine", for the list heads at hand.</summary>
    public void Combine(CudaRouting routing)
    {
        CudaProblem problem = _call.Problem();
        problem.Items = checked(_call.QueryTokens * routing.ListHeadsTogether * routing.HeadsPerList);
        int rows = PlainTiles.BlockThreads / (routing.PaddedDim / 8);
        Launch(KernelPass.Combine, (problem.Items + rows - 1) / rows, &problem, &routing);
    }

    /// <summary>Pass "routes": what callers get of them.</summary>
    /// <param name="routing">Tiles and blocks; without routes, every past block is chosen.</param>
    /// <param name="topK">Blocks of a row.</param>
    public void Routes(CudaRouting routing, int topK)
    {
        int heads = _call.QueryHeads;
        long result = _call.Routes;
        Launch(KernelPass.Routes, checked(routing.GateTiles * (heads / routing.HeadsPerGate)), &routing, &result, &heads, &topK);
    }

    private void Launch(KernelPass pass, int blocks, void* first, void* second = null, void* third = null, void* fourth = null) =>
        Launch(pass, pass.Shape(_call.Kind), blocks, first, second, third, fourth);

    private void Launch(KernelPass pass, TileShape shape, int blocks, void* first, void* second = null, void* third = null, void* fourth = null)
    {
        void** parameters = stackalloc void*[] { first, second, third, fourth };
        attention.Kernel(pass, shape).Module.Launch(stream, (uint)blocks, parameters);
    }
}
