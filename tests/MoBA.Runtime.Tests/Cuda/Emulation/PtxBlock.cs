using System.Buffers.Binary;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>
/// One thread block on an emulated machine: the threads that are furthest behind go first, so that those who parted meet again.
/// Whatever warps do together is only right when all threads of the block are there, and is checked for it. Shared memory starts
/// with noise, a copy is seen only once it was waited for.
/// </summary>
internal sealed class PtxBlock
{
    public const ulong SharedAddress = 4096;

    private readonly PtxProgram _program;
    private readonly int _threads, _block;
    private readonly byte[] _parameters, _memory, _shared;
    private readonly ulong[][] _registers;
    private readonly int[] _next;
    private readonly List<(int To, byte[] Bytes)> _copies = [];
    private readonly Dictionary<string, Func<ulong, ulong, ulong, ulong>> _math = [];

    /// <param name="program">The kernel.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Shared memory.</param>
    /// <param name="parameters">Parameters.</param>
    /// <param name="memory">Global memory; an address is a place in it.</param>
    /// <param name="block">Number of the block.</param>
    public PtxBlock(PtxProgram program, int threads, int sharedBytes, byte[] parameters, byte[] memory, int block)
    {
        (_program, _threads, _parameters, _memory, _block) = (program, threads, parameters, memory, block);
        _shared = new byte[sharedBytes];
        new Random(block).NextBytes(_shared);
        _next = new int[threads];
        _registers = [.. Enumerable.Range(0, program.Registers).Select(_ => new ulong[threads])];
    }

    public void Run()
    {
        List<int> active = [];
        while (true)
        {
            int at = _next.Min();
            if (at >= _program.Instructions.Count)
                return;
            active.Clear();
            for (int t = 0; t < _threads; t++)
            {
                if (_next[t] == at)
                    active.Add(t);
            }

            PtxInstruction instruction = _program.Instructions[at];
            foreach (int t in active)
                _next[t] = at + 1;
            if (instruction.Guard is int guard)
                active.RemoveAll(t => _registers[guard][t] != 0 == instruction.IsNot);
            Step(instruction, active);
        }
    }

    private void Step(PtxInstruction i, List<int> active)
    {
        PtxOperand[] o = i.Operands;
        bool isTogether = i.Name is "bar.sync" || i.Name.StartsWith("shfl", StringComparison.Ordinal) || i.Name.Contains(".sync.", StringComparison.Ordinal);
        Assert.True(!isTogether || active.Count == _threads, $"only {active.Count} of {_threads} threads do {i.Text}");
        string kind = i.Name.Split('.')[0];
        switch (kind)
        {
            case "bra":
                active.ForEach(t => _next[t] = (int)o[0].Value);
                break;
            case "ret":
                active.ForEach(t => _next[t] = int.MaxValue);
                break;
            case "bar":
                break;
            case "ld":
                active.ForEach(t => _registers[o[0].Registers[0]][t] = Load(i.Name, o[1], t));
                break;
            case "st":
                active.ForEach(t => Store(o[0], o[1], t));
                break;
            case "cp" when i.Name == "cp.async.wait_all":
                _copies.ForEach(c => c.Bytes.CopyTo(_shared, c.To));
                _copies.Clear();
                break;
            case "cp":
                active.ForEach(t => Copy(o, t));
                break;
            case "ldmatrix":
                LoadMatrices(o[0].Registers, o[1], i.Name.Contains("trans", StringComparison.Ordinal));
                break;
            case "mma":
                Multiply(o, i.Name.Contains(".f16.", StringComparison.Ordinal));
                break;
            case "shfl":
                ulong[] given = [.. Enumerable.Range(0, _threads).Select(t => Value(o[1], t))];
                active.ForEach(t => _registers[o[0].Registers[0]][t] = given[t ^ (int)o[2].Value]);
                break;
            case "vote":
                bool[] votes = [.. Enumerable.Range(0, _threads).Select(t => Value(o[1], t) != 0)];
                bool isBallot = i.Name.Contains(".ballot", StringComparison.Ordinal);
                active.ForEach(t => _registers[o[0].Registers[0]][t] = Ballot(votes, t) is var ballot && isBallot ? ballot : Math.Min(ballot, 1));
                break;
            default:
                if (!_math.TryGetValue(i.Name, out Func<ulong, ulong, ulong, ulong>? compute))
                    _math[i.Name] = compute = PtxMath.Of(i.Name);
                ulong[] to = _registers[o[0].Registers[0]];
                foreach (int t in active)
                    to[t] = compute(Value(o[1], t), o.Length > 2 ? Value(o[2], t) : 0, o.Length > 3 ? Value(o[3], t) : 0);
                break;
        }
    }

    // Bit n: the vote of lane n of a thread's warp.
    private static ulong Ballot(bool[] votes, int thread) =>
        Enumerable.Range(0, 32).Aggregate(0ul, (bits, lane) => bits | ((votes[(thread & ~31) + lane] ? 1ul : 0) << lane));

    private ulong Value(PtxOperand operand, int thread) => operand.Kind switch
    {
        PtxOperandKind.Register => _registers[operand.Registers[0]][thread],
        PtxOperandKind.Address => _registers[operand.Registers[0]][thread] + operand.Value,
        PtxOperandKind.Thread => (ulong)thread,
        PtxOperandKind.Lane => (ulong)thread & 31,
        PtxOperandKind.Block => (ulong)_block,
        _ => operand.Value,
    };

    private ulong Load(string name, PtxOperand address, int thread)
    {
        ReadOnlySpan<byte> from = (name.Contains(".param", StringComparison.Ordinal) ? _parameters : _memory).AsSpan((int)Value(address, thread));
        return name.EndsWith("64", StringComparison.Ordinal) ? BinaryPrimitives.ReadUInt64LittleEndian(from) : BinaryPrimitives.ReadUInt32LittleEndian(from);
    }

    private void Store(PtxOperand address, PtxOperand value, int thread)
    {
        int to = (int)Value(address, thread);
        Assert.True(value.Registers.Length == 1 || to % 16 == 0, $"16 bytes are stored at {to}");
        foreach (int register in value.Registers)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_memory.AsSpan(to), (uint)_registers[register][thread]);
            to += 4;
        }
    }

    private void Copy(PtxOperand[] o, int thread)
    {
        byte[] bytes = new byte[16];
        int count = (int)Value(o[3], thread), to = (int)(Value(o[0], thread) - SharedAddress), from = (int)Value(o[1], thread);
        Assert.True(to >= 0 && to + 16 <= _shared.Length && to % 16 == 0 && count is 0 or 16, $"{count} bytes are copied to {to} of {_shared.Length}");
        Assert.True(count == 0 || from % 16 == 0, $"16 bytes are copied from {from}");
        _memory.AsSpan(count == 0 ? 0 : from, count).CopyTo(bytes);
        _copies.Add((to, bytes));
    }

    // Lane l names row l % 8 of matrix l / 8, and gets two elements of row l / 4 of each: or, transposed, of column l / 4.
    private void LoadMatrices(int[] to, PtxOperand address, bool transposed)
    {
        for (int warp = 0; warp < _threads; warp += 32)
        {
            for (int matrix = 0; matrix < 4; matrix++)
            {
                int[] rows = [.. Enumerable.Range(warp + (8 * matrix), 8).Select(t => (int)(Value(address, t) - SharedAddress))];
                Assert.Equal(8, rows.Select(static r => r / 16 % 8).Distinct().Count());   // else banks conflict
                for (int lane = 0; lane < 32; lane++)
                {
                    uint low = Half(lane >> 2, (lane & 3) * 2), high = Half(lane >> 2, ((lane & 3) * 2) + 1);
                    _registers[to[matrix]][warp + lane] = low | (high << 16);
                }

                uint Half(int row, int column) => transposed ? At(rows[column], row) : At(rows[row], column);
            }
        }

        uint At(int row, int column) => BinaryPrimitives.ReadUInt16LittleEndian(_shared.AsSpan(row + (2 * column)));
    }

    // D = A B + C, 16 x 16 by 16 x 8, with the places of elements that the PTX manual gives.
    private void Multiply(PtxOperand[] o, bool isHalf)
    {
        float[,] a = new float[16, 16], b = new float[16, 8];
        for (int warp = 0; warp < _threads; warp += 32)
        {
            for (int lane = 0; lane < 32; lane++)
            {
                int group = lane >> 2, quad = lane & 3;
                for (int i = 0; i < 8; i++)
                    a[group + (i is 2 or 3 or 6 or 7 ? 8 : 0), (quad * 2) + (i & 1) + (i >= 4 ? 8 : 0)] = Part(o[1], i, warp + lane);
                for (int i = 0; i < 4; i++)
                    b[(quad * 2) + (i & 1) + (i >= 2 ? 8 : 0), group] = Part(o[2], i, warp + lane);
            }

            for (int lane = 0; lane < 32; lane++)
            {
                for (int i = 0; i < 4; i++)
                {
                    int row = (lane >> 2) + (i >= 2 ? 8 : 0), column = ((lane & 3) * 2) + (i & 1);
                    float sum = PtxMath.F(_registers[o[3].Registers[i]][warp + lane]);
                    for (int k = 0; k < 16; k++)
                        sum += a[row, k] * b[k, column];
                    _registers[o[0].Registers[i]][warp + lane] = PtxMath.F(sum);
                }
            }
        }

        float Part(PtxOperand of, int i, int thread) => PtxMath.Element(_registers[of.Registers[i >> 1]][thread] >> (16 * (i & 1)), isHalf);
    }
}
