using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>Memory on the device that the experts of a call use one after another.</summary>
internal sealed class RoutingScratch(PortableCall call)
{
    private readonly DeviceScratch<Float4> _outputs = new(call);
    private readonly DeviceScratch<float> _lse = new(call);

    /// <summary>Routed blocks.</summary>
    public DeviceScratch<int> Routes { get; } = new(call);

    /// <summary>Their gates.</summary>
    public DeviceScratch<int> Gates { get; } = new(call);

    /// <summary>The index pass and what it keeps.</summary>
    public IndexPass Index { get; } = new(call);

    /// <summary>Bytes of one partial result.</summary>
    public static long PartialBytes(PortableProblem problem) => (problem.Pieces * 16L) + 4;

    /// <summary>How many units fit at a time that take so many bytes each, and number so many slots.</summary>
    public int Most(long bytes, long slots) => (int)Math.Clamp(call.Device.ScratchBytes / bytes, 1, int.MaxValue / slots);

    /// <summary>How many heads may be sorted at a time that have so many cells each.</summary>
    public int MostHeads(int cells) => (int)Math.Clamp(call.Device.ScratchBytes / sizeof(int) / Math.Max(1, cells), 1, int.MaxValue / Math.Max(1, cells));

    /// <summary>Outputs of 0 for partial results, and unspecified log-sum-exps. On a GPU pieces are apart and neighbouring units
    /// side by side, as they are in queries.</summary>
    public Partials TakePartials(PortableProblem problem, int ranks)
    {
        long count = (long)ranks * problem.Gather.HeadsPerUnit * problem.Gather.Length;
        bool interleaved = call.Device.Interleaves;
        Partials partials = new()
        {
            Output = _outputs.Take(count * problem.Pieces),
            Lse = _lse.Take(count),
            Stride = interleaved ? 1 : problem.Pieces,
            PieceStride = interleaved ? count : 1,
            Ranks = ranks,
        };
        partials.Output.MemSetToZero();
        return partials;
    }
}
