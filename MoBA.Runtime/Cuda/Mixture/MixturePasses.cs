namespace MoBA.Runtime.Cuda;

/// <summary>The passes of one call of a mixture that know no pattern.</summary>
internal sealed unsafe class MixturePasses(TensorCoreAttention attention, in CudaCall call, CudaStream stream)
{
    private readonly CudaCall _call = call;

    private long Rows => (long)_call.QueryTokens * _call.QueryHeads;

    /// <summary>Pass "route".</summary>
    public void Route(CudaMixture mixture)
    {
        CudaProblem problem = _call.Problem();
        int heads = _call.QueryHeads;
        if (mixture.Weights != 0)
        {
            int tiles = (_call.QueryTokens + CudaMixture.RouteTokens - 1) / CudaMixture.RouteTokens;
            Launch(KernelPass.Logits, heads * tiles, &problem, &mixture);
        }

        Launch(KernelPass.Choose, Blocks(Rows), &mixture, &heads);
    }

    /// <summary>Pass "index".</summary>
    public void Index(CudaRouting index, ExpertRows rows, CudaMixture mixture)
    {
        new GatedPasses(attention, _call, stream).Index(index);
        int heads = _call.QueryHeads, sequences = mixture.Sequences;
        Launch(KernelPass.Order, heads * mixture.Experts, &index, &rows, &heads, &sequences);
    }

    /// <summary>Takes the routes of a block gate from rows that were not sent to its expert.</summary>
    public void Forget(CudaMixture mixture, CudaRouting routing, int expert)
    {
        int heads = _call.QueryHeads;
        Launch(KernelPass.Forget, Blocks(Rows), &mixture, &routing, &heads, &expert);
    }

    /// <summary>Pass "combine", for some heads from the first on.</summary>
    public void Combine(CudaMixture mixture, int heads)
    {
        CudaProblem problem = _call.Problem();
        problem.Items = _call.QueryTokens * heads;
        int lanes = _call.Dim / 8;
        Launch(KernelPass.Mix, Blocks((long)problem.Items * lanes), &problem, &mixture, &lanes);
    }

    /// <summary>Makes rows NaN whose logits could not be ranked.</summary>
    public void Refuse(CudaMixture mixture)
    {
        CudaProblem problem = _call.Problem();
        Launch(KernelPass.Refuse, Blocks(Rows), &problem, &mixture);
    }

    private static int Blocks(long threads) => checked((int)((threads + PlainTiles.BlockThreads - 1) / PlainTiles.BlockThreads));

    private void Launch(KernelPass pass, int blocks, void* first, void* second, void* third = null, void* fourth = null)
    {
        void** parameters = stackalloc void*[] { first, second, third, fourth };
        attention.Kernel(pass, pass.Shape(_call.Kind)).Module.Launch(stream, (uint)blocks, parameters);
    }
}
