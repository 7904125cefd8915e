using System.Text;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>
/// One thread block: its shared memory, its barriers, its registers, and its warps, one of which, chosen at random, works at a time
/// for a while. Copies by the tensor memory accelerator land at random, too. The seed chooses how long a warp works, how late
/// copies are, and how often a warp asks for a barrier in vain.
/// </summary>
internal sealed class PtxBlock
{
    /// <summary>Registers of a multiprocessor.</summary>
    public const int Registers = 65536;

    private const int WarpgroupWarps = 4;

    // Of all warps together, several times what a test needs.
    private const int MostSteps = 3_000_000;

    private readonly PtxWarp[] _warps;
    private readonly List<PtxWarp> _ready = [];
    private readonly List<PtxTensorCopy> _copies = [];
    private readonly Dictionary<ulong, PtxMBarrier> _barriers = [];
    private readonly Dictionary<ulong, PtxMeeting> _meetings = [];
    private readonly PtxMeeting[] _warpgroups;
    private readonly int _turn, _haste, _doubt;
    private int _steps;

    public PtxBlock(PtxGrid grid, int number, int seed)
    {
        (Grid, Number) = (grid, number);
        Random = new((1000 * seed) + number);
        Shared = new(grid.SharedBytes, Random);
        _turn = (seed / 2 % 4) switch { 0 => 5000, 1 => 1, 2 => 30, _ => 400 };
        _haste = (seed / 2 % 3) switch { 0 => int.MaxValue, 1 => 4, _ => 1 };
        _doubt = seed % 2 == 0 ? 7 : 1;
        _warps = [.. Enumerable.Range(0, grid.Threads / PtxWarp.Lanes).Select(i => new PtxWarp(this, i))];
        _warpgroups = [.. Enumerable.Range(0, _warps.Length / WarpgroupWarps).Select(_ => new PtxMeeting(this, WarpgroupWarps))];
        Wake();
    }

    public PtxGrid Grid { get; }

    public int Number { get; }

    public Random Random { get; }

    public PtxShared Shared { get; }

    /// <summary>Registers that no thread has.</summary>
    public int FreeRegisters { get; set; }

    /// <summary>Whether a warp that asks whether a barrier's phase has ended is told no, rather than to wait for it.</summary>
    public bool GivesUp() => Random.Next(8) < _doubt;

    /// <summary>Lets one warp work for a turn.</summary>
    /// <returns>Whether there is anything left to do.</returns>
    /// <exception cref="PtxException">All warps wait, and nothing is on its way.</exception>
    public bool Advance()
    {
        if (_ready.Count == 0)
            return HasEnded() ? false : Land() ? true : throw new PtxException(ToString());
        PtxWarp warp = _ready[Random.Next(_ready.Count)];
        bool goesOn = true;
        for (int left = Random.Next(_turn); goesOn && left >= 0; left--)
        {
            goesOn = warp.Step();
            if (++_steps > MostSteps)
                throw new PtxException($"block {Number} does not end.");
        }

        if (!goesOn)
            _ready.Remove(warp);
        if (Random.Next(_haste) == 0)
            Land();
        return true;
    }

    /// <summary>Something changed: whoever waits looks again.</summary>
    public void Wake()
    {
        _ready.Clear();
        _ready.AddRange(_warps.Where(static w => !w.IsDone));
    }

    /// <summary>The warps of a warp's group.</summary>
    public ReadOnlySpan<PtxWarp> WarpgroupOf(PtxWarp warp) => _warps.AsSpan(warp.Number & ~(WarpgroupWarps - 1), WarpgroupWarps);

    /// <summary>Where the warps of a warp's group meet.</summary>
    public PtxMeeting MeetingOf(PtxWarp warp) => _warpgroups[warp.Number / WarpgroupWarps];

    /// <summary>Where warps meet at a numbered barrier.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="threads">How many threads; 0 are all of the block.</param>
    public PtxMeeting Meeting(ulong number, int threads)
    {
        if (!_meetings.TryGetValue(number, out PtxMeeting? meeting))
            _meetings[number] = meeting = new(this, threads == 0 ? _warps.Length : threads / PtxWarp.Lanes);
        return meeting;
    }

    /// <summary>Makes an mbarrier.</summary>
    public void AddBarrier(ulong address, int count, PtxInstruction by)
    {
        Shared.At(address, 8, by);
        if (!_barriers.TryAdd(address, new(this, count)))
            throw new PtxException($"a barrier is initialised twice: {by.Text}");
    }

    /// <summary>The mbarrier at an address.</summary>
    public PtxMBarrier Barrier(ulong address, PtxInstruction by) => _barriers.TryGetValue(address, out PtxMBarrier? barrier) ? barrier
        : throw new PtxException($"there is no barrier at {address - PtxShared.Address} of shared memory: {by.Text}");

    /// <summary>Sends a copy on its way.</summary>
    public void Send(PtxTensorCopy copy) => _copies.Add(copy);

    public override string ToString()
    {
        StringBuilder text = new($"block {Number} waits for ever.");
        foreach (PtxWarp warp in _warps.Where(static w => !w.IsDone))
            text.Append('\n').Append(warp);
        return text.ToString();
    }

    private bool Land()
    {
        if (_copies.Count == 0)
            return false;
        int which = Random.Next(_copies.Count);
        PtxTensorCopy copy = _copies[which];
        _copies.RemoveAt(which);
        copy.Land(this);
        return true;
    }

    private bool HasEnded()
    {
        if (!Array.TrueForAll(_warps, static w => w.IsDone))
            return false;
        foreach (PtxWarp warp in _warps)
        {
            if (warp.ThreadRegisters != WarpgroupOf(warp)[0].ThreadRegisters)
                throw new PtxException($"warp {warp.Number} has {warp.ThreadRegisters} registers a thread, others of its group have not");
        }

        return _copies.Count == 0 ? true : throw new PtxException($"a block ends before its copies: {_copies[0].By.Text}");
    }
}
