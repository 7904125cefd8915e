namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>A launch on an emulated machine: blocks that run at once, in turns chosen at random.</summary>
/// <param name="program">The kernel.</param>
/// <param name="threads">Threads of a block.</param>
/// <param name="sharedBytes">Shared memory of a block.</param>
/// <param name="parameters">Parameters, as <see cref="PtxProgram.Pack"/> places them.</param>
/// <param name="memory">Global memory; an address is a place in it.</param>
internal sealed class PtxGrid(PtxProgram program, int threads, int sharedBytes, byte[] parameters, byte[] memory)
{
    /// <summary>Seeds with which everything that a seed chooses meets.</summary>
    public const int Seeds = 24;

    public PtxProgram Program => program;

    public int Threads => threads;

    public int SharedBytes => sharedBytes;

    public byte[] Parameters => parameters;

    public byte[] Memory => memory;

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
