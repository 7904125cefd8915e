using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// The best blocks of one row, by falling gate; of equal gates the later block's comes first. NaN is as low as a gate can be.
/// </summary>
internal sealed unsafe class BestBlocks
{
    private const int Lanes = 16;
    private const int Tile = Centroids.Tile;

    private int _slots;
    private float[] _gates = new float[Lanes];      // falling; -infinity where there is no block yet
    private int[] _blocks = new int[Lanes];

    /// <summary>The best blocks.</summary>
    public ReadOnlySpan<int> Blocks
    {
        get
        {
            int end = _gates.AsSpan(0, _slots).IndexOf(float.NegativeInfinity);
            return _blocks.AsSpan(0, end < 0 ? _slots : end);
        }
    }

    /// <summary>Forgets all, and keeps <paramref name="slots"/> blocks from now on.</summary>
    public void Clear(int slots)
    {
        _slots = slots;
        if (_gates.Length < slots)
            (_gates, _blocks) = (new float[slots], new int[slots]);
        Array.Fill(_gates, float.NegativeInfinity);
    }

    /// <summary>Chooses among <paramref name="count"/> blocks.</summary>
    /// <param name="gates">Gates of the first 64 blocks; those of the next 64 lie <paramref name="tileStride"/> floats on. What lies
    /// behind the last gate of its 64 is read, too.</param>
    /// <param name="tileStride">Floats from 64 gates to the next.</param>
    /// <param name="count">Blocks, at least as many as slots.</param>
    public void Choose(float* gates, int tileStride, int count)
    {
        if (_slots <= Lanes && Vector512.IsHardwareAccelerated)
            ChooseInVector(gates, tileStride, count);
        else
            ChooseInList(gates, tileStride, count);
    }

    // The list stays in two registers, and nearly all that cannot be among the best is never offered to it. Late blocks go first:
    // they win ties.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ChooseInVector(float* gates, int tileStride, int count)
    {
        Vector512<float> best = Vector512.Create<float>(_gates), enough = Enough(gates, tileStride, count);
        Vector512<float> first = Vector512.Create(float.NegativeInfinity).WithElement(0, float.PositiveInfinity);
        Vector512<int> blocks = Vector512<int>.Zero, last = Vector512.Create(_slots - 1);
        Vector512<int> before = Vector512.Max(Vector512<int>.Indices - Vector512<int>.One, Vector512<int>.Zero);
        for (int column = (count - 1) / Lanes * Lanes; column >= 0; column -= Lanes)
        {
            float* from = gates + column / Tile * tileStride + column % Tile;
            Vector512<float> sixteen = Ranked(Vector512.Load(from));
            ulong good = (Vector512.GreaterThanOrEqual(sixteen, enough) & Vector512.GreaterThan(sixteen, Vector512.Shuffle(best, last)))
                .ExtractMostSignificantBits() & Valid(count - column);
            while (good != 0)
            {
                int lane = BitOperations.Log2(good);
                good ^= 1ul << lane;

                // It goes in before the first lower lane, the lower ones move up, and the last leaves the slots.
                Vector512<float> gate = Ranked(Vector512.Create(from[lane]));
                Vector512<float> moved = Vector512.MaxNative(Vector512.Shuffle(best, before), first);
                Vector512<int> lower = Vector512.LessThan(best, gate).AsInt32(), movedLower = Vector512.LessThan(moved, gate).AsInt32();
                blocks = Vector512.ConditionalSelect(
                    lower, Vector512.ConditionalSelect(movedLower, Vector512.Shuffle(blocks, before), Vector512.Create(column + lane)), blocks);
                best = Vector512.MaxNative(best, Vector512.MinNative(moved, gate));
            }
        }

        best.CopyTo(_gates);
        blocks.CopyTo(_blocks);
    }

    // A gate that enough blocks reach: the greatest of every sixteenth block are sixteen different blocks, so the slots-th greatest of
    // these is one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Vector512<float> Enough(float* gates, int tileStride, int count)
    {
        Vector512<float> none = Vector512.Create(float.NegativeInfinity), most = none;
        int column = 0;
        for (; column <= count - Lanes; column += Lanes)
            most = Vector512.MaxNative(most, Ranked(Vector512.Load(gates + column / Tile * tileStride + column % Tile)));
        if (column < count)
        {
            Vector512<float> isBlock = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count - column)).AsSingle();
            Vector512<float> rest = Ranked(Vector512.Load(gates + column / Tile * tileStride + column % Tile));
            most = Vector512.MaxNative(most, Vector512.ConditionalSelect(isBlock, rest, none));
        }

        // How many lanes are greater, lane by lane; true is -1.
        Vector512<int> next = (Vector512<int>.Indices + Vector512<int>.One) & Vector512.Create(Lanes - 1), greater = Vector512<int>.Zero;
        Vector512<float> turned = most;
        for (int turn = 1; turn < Lanes; turn++)
        {
            turned = Vector512.Shuffle(turned, next);
            greater -= Vector512.GreaterThan(turned, most).AsInt32();
        }

        Vector512<float> isAmong = Vector512.LessThan(greater, Vector512.Create(_slots)).AsSingle();
        Vector512<float> least = Vector512.ConditionalSelect(isAmong, most, Vector512.Create(float.PositiveInfinity));
        Vector256<float> half = Vector256.MinNative(least.GetLower(), least.GetUpper());
        Vector128<float> quarter = Vector128.MinNative(half.GetLower(), half.GetUpper());
        quarter = Vector128.MinNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        quarter = Vector128.MinNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(1, 0, 3, 2)));
        return Vector512.Create(quarter.ToScalar());
    }

    private void ChooseInList(float* gates, int tileStride, int count)
    {
        for (int block = count - 1; block >= 0; block--)
        {
            float gate = gates[block / Tile * tileStride + block % Tile];
            gate = gate > float.MinValue ? gate : float.MinValue;
            if (gate <= _gates[_slots - 1])
                continue;
            int place = _slots - 1;
            for (; place > 0 && _gates[place - 1] < gate; place--)
                (_gates[place], _blocks[place]) = (_gates[place - 1], _blocks[place - 1]);
            (_gates[place], _blocks[place]) = (gate, block);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Ranked(Vector512<float> gates)
    {
        Vector512<float> lowest = Vector512.Create(float.MinValue);
        return Vector512.ConditionalSelect(Vector512.GreaterThan(gates, lowest), gates, lowest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Valid(int count) => count < Lanes ? (1ul << count) - 1 : ushort.MaxValue;
}
