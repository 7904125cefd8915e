namespace MoBA.Runtime.Cpu.Routing;

/// <summary>An expert bound for one call: its kernels, and what its gate knows of the blocks.</summary>
internal sealed class BoundExpert
{
    /// <summary>Binds an expert.</summary>
    /// <exception cref="ArgumentException">Its parameters do not fit the call.</exception>
    public BoundExpert(ISparseExpert expert, AttentionExtent? extent)
    {
        Expert = expert;
        Gate = expert.Gate;
        Kernel = extent is { } e ? expert.Bind(e) : null;
        Always = Gate is not null && extent is { } always ? expert.BindAlways(always) : null;
    }

    /// <summary>The expert.</summary>
    public ISparseExpert Expert { get; }

    /// <summary>Its kernel; null where no sequence has queries and keys.</summary>
    public CpuKernel? Kernel { get; }

    /// <summary>The kernel of the pairs that are attended whatever the gate chose, or null.</summary>
    public CpuKernel? Always { get; }

    /// <summary>The block gate, or null.</summary>
    public BlockGate? Gate { get; }

    /// <summary>What the gate knows of the blocks of the sequences that are attended now.</summary>
    public Centroids? Centroids { get; set; }

    /// <summary>Whether scores stay in natural units until the expert's modifier has seen them.</summary>
    public bool NaturalScores => Kernel is { ModifiesScores: true };
}
