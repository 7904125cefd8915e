using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>Where an engine for CUDA ran a call on host tensors.</summary>
internal static class DeviceNote
{
    /// <summary>In words; null for other engines.</summary>
    public static string? Of(AttentionEngine engine, IReadOnlyList<PassTiming> timings) =>
        engine.Target != Target.Cuda ? null
        : timings.Any(pass => pass.Pass == "upload") ? "on tensor cores"
        : "on the CPU: tensor cores take BF16 or F16 tensors, and routes of at most 64 blocks";
}
