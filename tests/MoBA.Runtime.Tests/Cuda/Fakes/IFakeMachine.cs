namespace MoBA.Runtime.Tests.Cuda;

/// <summary>A machine behind the fake driver that runs kernels.</summary>
internal interface IFakeMachine
{
    /// <summary>Memory of the machine, at an address of this process; it is there as long as the machine.</summary>
    nint Allocate(long bytes);

    /// <summary>Runs a kernel.</summary>
    void Run(string ptx, uint grid, uint threads, uint sharedBytes, byte[][] parameters);

    /// <summary>Writes a tensor map as the machine reads it: lengths innermost first, strides in bytes.</summary>
    void Encode(Span<byte> map, nint address, ulong[] lengths, ulong[] strides, uint[] box);
}
