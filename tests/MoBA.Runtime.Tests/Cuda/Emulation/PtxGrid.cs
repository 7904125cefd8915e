namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>A launch on an emulated machine: blocks that run at once, in turns chosen at random.</summary>
/// <param name="program">The kernel.</param>
/// <param name="threads">Threads of a block.</param>
/// <param name="sharedBytes">Shared memory of a block.</param>
/// <param name="parameters">Parameters, as <see cref="PtxProgram.Pack"/> places them.</param>
/// <param name="memory">Global memory.</param>
/// <param name="start">Its first address.</param>
internal sealed class PtxGrid(PtxProgram program, int threads, int sharedBytes, byte[] parameters, byte[] memory, long start = 0)
{
    /// <summary>Seeds with which everything that a seed chooses meets.</summary>
    public const int Seeds = 24;

    public PtxProgram Program => program;

    public int Threads => threads;

    public int SharedBytes => sharedBytes;

    public byte[] Parameters => parameters;

    /// <summary>Bytes of global memory.</summary>
    public Span<byte> Memory(long address, int bytes, PtxInstruction by)
    {
        long at = address - start;
        return at >= 0 && at + bytes <= memory.Length && address % Math.Min(bytes, 16) == 0
            ? memory.AsSpan((int)at, bytes)
            : throw new PtxException($"{bytes} bytes at {at} of {memory.Length}: {by.Text}");
    }

    public int Blocks { get; private set; }

    /// <summary>Runs the kernel.</summary>
    /// <param name="blocks">Blocks.</param>
    /// <param name="seed">Of all that may go one way or another.</param>
    public void Run(int blocks, int seed)
    {
        Blocks = blocks;
        Random random = new(seed);
        List<PtxBlock> running = [.. Enumerable.Range(0, blocks).Select(i => new PtxBlock(this, i, seed))];
        while (running.Count > 0)
        {
            PtxBlock block = running[random.Next(running.Count)];
            if (!block.Advance())
                running.Remove(block);
        }
    }
}
