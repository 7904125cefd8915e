namespace MoBA.Runtime;

/// <summary>Where attention runs.</summary>
public enum Target
{
    /// <summary>The CPU engine: all cores, AVX-512 or AVX2.</summary>
    Cpu,

    /// <summary>NVIDIA GPUs through the CUDA driver.</summary>
    Cuda,

    /// <summary>Any device that ILGPU can drive; slower, and everywhere.</summary>
    Portable,
}
