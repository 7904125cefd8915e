namespace MoBA.Runtime.Cuda;

/// <summary>
/// Mixtures on tensor cores: a call's memory, and its passes in their order, all on one stream and without waiting for any. An expert works on the
/// list of its rows. With a block gate it has passes of its own, whose last one merges rows where those of their tokens are: in a plane of its
/// own, or where the others overwrite theirs, in the output.
/// </summary>
internal sealed class MixtureAttention(TensorCoreAttention attention, GatedAttention gates, WorkspacePool pool)
{
    /// <summary>As <see cref="ICudaAttention.LaunchMixture"/>.</summary>
    public long Launch(CudaMixtureCall mixture, in CudaCall call, CudaStream stream, PassMarks? marks)
    {
        if (call.Extent is { } extent)
        {
            // Checks the parameters and tables against the positions, before anything runs.
            foreach (ISparseExpert expert in mixture.Experts)
            {
                expert.Bind(extent);
                expert.BindAlways(extent);
            }
        }

        GatedWay[] ways = Ways(mixture.Experts, call.Sequences);
        int gated = ways.Count(static way => way == GatedWay.Routed);
        bool isMerged = mixture.Info.TopK > 1 || gated > 1 || (gated == 1 && call.Output.Pointer == call.Q.Pointer);
        bool byLse = isMerged && (mixture.Info.Combine == Combine.LogSumExp || mixture.Info.TopK == 1);
        CudaMixture given = Given(mixture, call, ways, byLse);
        MixtureLayout layout = new(call, given, isMerged ? gated : -1, byLse);
        int heads = HeadsTogether(layout, mixture.Info.Name);
        DeviceBlock block = Rent(layout, ref heads, mixture.Info.Name, stream);
        try
        {
            (CudaMixture known, CudaRouting index) = layout.At(block.Pointer, heads, given);
            index.Blocks = attention.Data.Get<AttentionSequence, KeyBlock, int>(call.Sequences, mixture.Experts.Length, MixtureSchedule.Blocks, out _);
            MixtureRun run = new(attention, gates, mixture, ways, call, stream, marks, known, index);
            run.Route();
            if (call.Extent is null)
                run.WithoutKeys();
            else if (isMerged)
                run.Merged(heads);
            else
                run.Direct();
            return block.Bytes;
        }
        finally
        {
            pool.GiveBack(block, stream);
        }
    }

    // An expert without a gate attends as one that needs none.
    private static GatedWay[] Ways(ISparseExpert[] experts, AttentionSequence[] sequences)
    {
        GatedWay[] ways = new GatedWay[experts.Length];
        for (int id = 0; id < ways.Length; id++)
            ways[id] = experts[id].Gate is { } gate ? new GatedSchedule(gate, sequences).WayOf(experts[id]) : GatedWay.WithoutGate;
        return ways;
    }

    // What is known before there is memory.
    private CudaMixture Given(CudaMixtureCall mixture, in CudaCall call, GatedWay[] ways, bool byLse)
    {
        byte[] hasPlane = [.. ways.Select(static way => way == GatedWay.Routed ? (byte)1 : (byte)0)];
        CudaMixture given = new()
        {
            Logits = mixture.Logits,
            Chosen = mixture.Routes,
            Shares = mixture.Weights,
            Entropy = mixture.Entropy,
            SequenceStarts = attention.Data.Get<AttentionSequence, int, int>(call.Sequences, 0, MixtureSchedule.Starts, out _),
            PlaneOf = attention.Data.Get<byte, int, int>(hasPlane, 0, MixtureSchedule.Planes, out _),
            Sequences = call.Sequences.Length,
            BySequences = CudaDivisor.Of(call.Sequences.Length),
            Experts = mixture.Experts.Length,
            TopK = mixture.Info.TopK,
            SlotStride = (mixture.Info.TopK + 3) & ~3,
            QueryTokens = call.QueryTokens,
            LogSumExp = byLse ? 1 : 0,
        };
        if (mixture.Router is { } router)
        {
            given.Weights = attention.Data.Get(router.AllWeights, static content => content.Values);
            given.Bias = attention.Data.Get(router.AllBias, static content => content.Values);
        }

        return given;
    }

    private int HeadsTogether(in MixtureLayout layout, string mixture)
    {
        if (pool.CallBytes is not { } limit)
            return Math.Max(1, layout.HeadsWithin(attention.Context.Device.MemoryBytes / 4));
        int heads = layout.HeadsWithin(WorkspacePool.ClassWithin(limit));
        return heads > 0 ? heads : throw layout.TooSmall(mixture, limit);
    }

    // Where there is not as much memory, one head at a time.
    private DeviceBlock Rent(in MixtureLayout layout, ref int heads, string mixture, CudaStream stream)
    {
        string purpose = $"routes, lists and outputs of the experts of {mixture}";
        try
        {
            return pool.Rent(layout.Bytes(heads), purpose, stream);
        }
        catch (InsufficientMemoryException) when (heads > 1)
        {
            heads = 1;
            return pool.Rent(layout.Bytes(heads), purpose, stream);
        }
    }
}
