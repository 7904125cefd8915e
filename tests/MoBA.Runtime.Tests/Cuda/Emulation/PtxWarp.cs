using System.Numerics;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>
/// A warp: its registers, and where its lanes are. Lanes that are furthest behind go first, so that those who parted meet again. What
/// lanes do together is only right when all are there, and is checked for it.
/// </summary>
internal sealed class PtxWarp
{
    public const int Lanes = 32;

    /// <summary>Every lane.</summary>
    public const uint All = uint.MaxValue;

    // What a register holds that was never written: no number.
    private const ulong Noise = 0xFFF0DEADFFF0DEAD;

    private readonly ulong[] _values;
    private readonly List<(int At, uint Lanes)> _fronts = [(0, All)];
    private Func<string>? _reason;

    public PtxWarp(PtxBlock block, int number)
    {
        (Block, Number) = (block, number);
        PtxProgram program = block.Grid.Program;
        _values = new ulong[program.Registers * Lanes];
        _values.AsSpan().Fill(Noise);
        foreach ((ulong value, int register) in program.Constants)
            this[register].Fill(value);
        foreach ((string name, int register) in program.Specials)
        {
            for (int lane = 0; lane < Lanes; lane++)
                this[register][lane] = Special(name, lane);
        }

        Products = new(this, program.Registers);
        ThreadRegisters = PtxBlock.Registers / block.Grid.Threads & ~7;
    }

    public PtxBlock Block { get; }

    public int Number { get; }

    /// <summary>Its asynchronous products.</summary>
    public PtxProducts Products { get; }

    /// <summary>Its copies that no wait has awaited: 16 bytes each.</summary>
    public List<(ulong To, byte[] Bytes, PtxInstruction By)> Copies { get; } = [];

    /// <summary>Its bulk copies to device memory that no wait has awaited.</summary>
    public List<(int Lane, long To, ulong From, int Bytes, PtxInstruction By)> BulkStores { get; } = [];

    /// <summary>Registers of a thread.</summary>
    public int ThreadRegisters { get; set; }

    public bool IsDone => _fronts.Count == 0;

    private PtxInstruction Next => Block.Grid.Program.Instructions[_fronts[0].At];

    /// <summary>A register, by lane.</summary>
    public Span<ulong> this[int register] => _values.AsSpan(register * Lanes, Lanes);

    /// <summary>Says for what it waits.</summary>
    /// <returns>false.</returns>
    public bool Wait(Func<string> reason)
    {
        _reason = reason;
        return false;
    }

    /// <summary>One instruction of the lanes that are furthest behind.</summary>
    /// <returns>Whether it can go on: it neither waits nor has ended.</returns>
    public bool Step()
    {
        // At a barrier of the warp lanes wait for the others.
        int front = 0;
        while (front + 1 < _fronts.Count && Block.Grid.Program.Instructions[_fronts[front].At].Name.StartsWith("bar.warp.sync", StringComparison.Ordinal))
            front++;
        (int at, uint lanes) = _fronts[front];
        PtxInstruction instruction = Block.Grid.Program.Instructions[at];
        uint active = lanes;
        if (instruction.Guard is int guard)
            active &= Where(guard) ^ (instruction.IsNot ? All : 0);
        if (instruction.IsTogether && active != All && active != 0)
            throw new PtxException($"only lanes 0x{active:x} of warp {Number} do {instruction.Text}");
        Products.Touch(instruction);
        if (instruction.Step is null)
        {
            _fronts.RemoveAt(front);
            Put(instruction.Target, active);
            Put(at + 1, lanes & ~active);
            if (IsDone && (Products.AreInFlight || Copies.Count > 0 || BulkStores.Count > 0))
                throw new PtxException($"warp {Number} ends before its products or copies.");
            return !IsDone;
        }

        if (active != 0 && !instruction.Step(this, instruction, active))
            return false;
        _fronts[front] = (at + 1, lanes);
        if (_fronts.Count > front + 1 && _fronts[front + 1].At == at + 1)
        {
            _fronts[front] = (at + 1, lanes | _fronts[front + 1].Lanes);
            _fronts.RemoveAt(front + 1);
        }

        return true;
    }

    /// <summary>The lanes where a predicate holds.</summary>
    public uint Where(int register)
    {
        Span<ulong> values = this[register];
        uint lanes = 0;
        for (int lane = 0; lane < values.Length; lane++)
            lanes |= values[lane] != 0 ? 1u << lane : 0;
        return lanes;
    }

    /// <summary>What all lanes have.</summary>
    public ulong Uniform(int register, PtxInstruction by)
    {
        Span<ulong> values = this[register];
        return values.IndexOfAnyExcept(values[0]) < 0 ? values[0] : throw new PtxException($"an operand is not alike in all lanes: {by.Text}");
    }

    public override string ToString() =>
        $"warp {Number} waits at {Next.Text}: {_reason?.Invoke() ?? "it could go on"}";

    private void Put(int at, uint lanes)
    {
        if (lanes == 0 || at == PtxInstruction.End)
            return;
        int i = 0;
        while (i < _fronts.Count && _fronts[i].At < at)
            i++;
        if (i < _fronts.Count && _fronts[i].At == at)
            _fronts[i] = (at, _fronts[i].Lanes | lanes);
        else
            _fronts.Insert(i, (at, lanes));
    }

    private ulong Special(string name, int lane) => name switch
    {
        "%tid.x" => (ulong)((Number * Lanes) + lane),
        "%laneid" => (ulong)lane,
        "%ctaid.x" => (ulong)Block.Number,
        "%nctaid.x" => (ulong)Block.Grid.Blocks,
        _ => 0,
    };
}
