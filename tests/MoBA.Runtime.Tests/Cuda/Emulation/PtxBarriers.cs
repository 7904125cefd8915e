using System.Numerics;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>An mbarrier: a phase ends once all its arrivals and all bytes that it expects are there.</summary>
internal sealed class PtxMBarrier(PtxBlock block, int count)
{
    private readonly int _count = count;
    private int _arrivals = count, _phase;
    private long _bytes;

    /// <summary>Whether the last phase of a parity, the one before the first counted, has ended.</summary>
    public bool HasEnded(ulong parity) => (ulong)(_phase & 1) != parity;

    public void Arrive(PtxInstruction by)
    {
        if (_arrivals == 0)
            throw new PtxException($"more than {_count} arrivals at a barrier: {by.Text}");
        _arrivals--;
        EndPhase();
    }

    public void ExpectAndArrive(long bytes, PtxInstruction by)
    {
        _bytes += bytes;
        Arrive(by);
    }

    public void Complete(long bytes)
    {
        _bytes -= bytes;
        EndPhase();
    }

    public override string ToString() => $"its phase {_phase} lacks {_arrivals} of {_count} arrivals and {_bytes} bytes";

    private void EndPhase()
    {
        if (_arrivals > 0 || _bytes != 0)
            return;
        (_arrivals, _phase) = (_count, _phase + 1);
        block.Wake();
    }
}

/// <summary>Where a number of warps wait until all of them are there.</summary>
/// <param name="block">The block.</param>
/// <param name="warps">How many.</param>
internal sealed class PtxMeeting(PtxBlock block, int warps)
{
    private uint _arrived, _passed;
    private PtxInstruction? _first;

    /// <summary>Whether a warp may go on. The last one to come does <paramref name="together"/> for all, unless it cannot yet.</summary>
    public bool Meet(PtxWarp warp, PtxInstruction instruction, Func<bool>? together = null)
    {
        uint bit = 1u << warp.Number;
        if ((_passed & bit) != 0)
        {
            _passed ^= bit;
            return true;
        }

        if (_arrived == 0)
            _first = instruction;
        if (together is not null && !ReferenceEquals(_first, instruction))
            throw new PtxException($"a warpgroup parts: warp {warp.Number} is at {instruction.Text}, others are at {_first!.Text}");
        _arrived |= bit;
        if (BitOperations.PopCount(_arrived) < warps)
            return warp.Wait(() => $"{BitOperations.PopCount(_arrived)} of {warps} warps are there");
        if (together is not null && !together())
            return false;
        (_passed, _arrived) = (_arrived ^ bit, 0);
        block.Wake();
        return true;
    }
}
