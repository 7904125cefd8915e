using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// Chooses the blocks of one row with the highest gates; of equal gates the later block wins. NaN is as low as a gate can be.
/// </summary>
internal sealed unsafe class BestBlocks
{
    private const int Lanes = 16;
    private const int Tile = Centroids.Tile;

    // Up to as many, the candidates of a row nearly always fit one vector.
    private const int FewSlots = 9;

    private int[] _keys = [];

    /// <summary>Writes the best blocks, ascending, as many as <paramref name="chosen"/> holds.</summary>
    /// <param name="gates">Gates of the first 64 blocks; those of the next 64 lie <paramref name="tileStride"/> floats on. What lies
    /// behind the last gate of its 64 is read, too.</param>
    /// <param name="tileStride">Floats from 64 gates to the next.</param>
    /// <param name="count">Blocks; more than are chosen.</param>
    /// <param name="chosen">Takes the blocks.</param>
    public void Choose(float* gates, int tileStride, int count, Span<int> chosen)
    {
        if (chosen.Length > FewSlots || !ChooseAmongFew(gates, tileStride, count, chosen))
            ChooseByBisection(gates, tileStride, count, chosen);
    }

    // False where more blocks are candidates than there are lanes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool ChooseAmongFew(float* gates, int tileStride, int count, Span<int> chosen)
    {
        // Pass 1: the greatest of every sixteenth block are gates of sixteen different blocks; what reaches the worst of the best of
        // these may be chosen, and hardly more than that.
        Vector512<float> most = Vector512.Create(float.NegativeInfinity);
        for (int column = 0; column < count; column += Lanes)
            most = Vector512.MaxNative(most, Ranked(gates, tileStride, column, count));
        Vector512<float> isAmong = Vector512.LessThan(Ranks(most, laterFirst: false), Vector512.Create(chosen.Length)).AsSingle();
        Vector512<float> enough = Vector512.Create(Least(Vector512.ConditionalSelect(isAmong, most, Vector512.Create(float.PositiveInfinity))));

        // Pass 2: the candidates, ascending, sixteen at a time behind those that are there already.
        float* candidates = stackalloc float[2 * Lanes];
        int* blocks = stackalloc int[2 * Lanes];
        int found = 0;
        for (int column = 0; column < count; column += Lanes)
        {
            Vector512<float> sixteen = Ranked(gates, tileStride, column, count);
            Vector512<float> isGood = Vector512.GreaterThanOrEqual(sixteen, enough);
            Compress(sixteen, isGood).Store(candidates + found);
            Compress(Vector512<int>.Indices + Vector512.Create(column), isGood.AsInt32()).Store(blocks + found);
            found += BitOperations.PopCount(isGood.ExtractMostSignificantBits());
            if (found > Lanes)
                return false;
        }

        // Pass 3: the best of them.
        Vector512<float> known = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(found)).AsSingle();
        Vector512<float> all = Vector512.ConditionalSelect(known, Vector512.Load(candidates), Vector512.Create(float.NegativeInfinity));
        Vector512<int> isBest = Vector512.LessThan(Ranks(all, laterFirst: true), Vector512.Create(chosen.Length));
        Compress(Vector512.Load(blocks), isBest).Store(blocks);
        new ReadOnlySpan<int>(blocks, chosen.Length).CopyTo(chosen);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Compress(Vector512<float> x, Vector512<float> isKept) => Compress(x.AsInt32(), isKept.AsInt32()).AsSingle();

    // The lanes that are kept, moved together.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Compress(Vector512<int> x, Vector512<int> isKept)
    {
        if (Avx512F.IsSupported)
            return Avx512F.Compress(Vector512<int>.Zero, isKept, x);
        Span<int> lanes = stackalloc int[Lanes];
        int next = 0;
        for (int lane = 0; lane < Lanes; lane++)
        {
            if (isKept[lane] != 0)
                lanes[next++] = x[lane];
        }

        return Vector512.Create<int>(lanes);
    }

    // How many lanes are greater than each, or also equal and later.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Ranks(Vector512<float> x, bool laterFirst)
    {
        Vector512<int> lanes = Vector512<int>.Indices, ranks = Vector512<int>.Zero;
        for (int turn = 1; turn < Lanes; turn++)
        {
            Vector512<float> turned = Vector512.ShuffleNative(x, (lanes + Vector512.Create(turn)) & Vector512.Create(Lanes - 1));
            ranks += Vector512.GreaterThan(turned, x).AsInt32();   // true is -1
            if (laterFirst)
                ranks += Vector512.Equals(turned, x).AsInt32() & Vector512.LessThan(lanes, Vector512.Create(Lanes - turn));
        }

        return -ranks;
    }

    // Bisects for the greatest gate that enough blocks reach, on integers that are ordered as the gates are.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ChooseByBisection(float* gates, int tileStride, int count, Span<int> chosen)
    {
        int length = (count + Lanes - 1) / Lanes * Lanes;
        if (_keys.Length < length)
            _keys = new int[length];
        Vector512<int> least = Vector512.Create(int.MaxValue), most = Vector512.Create(int.MinValue);
        for (int column = 0; column < length; column += Lanes)
        {
            Vector512<int> bits = Ranked(gates, tileStride, column, count).AsInt32();
            Vector512<int> keys = bits ^ ((bits >> 31) & Vector512.Create(int.MaxValue));
            keys.CopyTo(_keys, column);
            (least, most) = (Vector512.Min(least, keys), Vector512.Max(most, keys));
        }

        int low = int.MaxValue, high = int.MinValue;
        for (int lane = 0; lane < Lanes; lane++)
            (low, high) = (Math.Min(low, least[lane]), Math.Max(high, most[lane]));
        int reach = length;
        while (low < high && reach != chosen.Length)
        {
            int middle = (int)(low + (((long)high - low + 1) / 2)), reached = CountAtLeast(middle, length);
            if (reached >= chosen.Length)
                (low, reach) = (middle, reached);
            else
                high = middle - 1;
        }

        // Of the blocks that are equal to the least that is chosen, the earliest stay out.
        int surplus = reach - chosen.Length;
        for (int column = 0, i = 0; i < chosen.Length; column += Lanes)
        {
            ulong good = Vector512.GreaterThanOrEqual(Vector512.Create<int>(_keys.AsSpan(column)), Vector512.Create(low)).ExtractMostSignificantBits();
            for (; good != 0; good &= good - 1)
            {
                int block = column + BitOperations.TrailingZeroCount(good);
                if (_keys[block] == low && surplus > 0)
                    surplus--;
                else
                    chosen[i++] = block;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int CountAtLeast(int key, int length)
    {
        Vector512<int> count = Vector512<int>.Zero, least = Vector512.Create(key);
        ref int keys = ref MemoryMarshal.GetArrayDataReference(_keys);
        for (int column = 0; column < length; column += Lanes)
            count -= Vector512.GreaterThanOrEqual(Vector512.LoadUnsafe(ref keys, (nuint)column), least);   // true is -1
        return Vector512.Sum(count);
    }

    // Sixteen gates; -infinity behind the last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Ranked(float* gates, int tileStride, int column, int count)
    {
        Vector512<float> sixteen = Ranked(Vector512.Load(gates + column / Tile * tileStride + column % Tile));
        if (count - column >= Lanes)
            return sixteen;
        Vector512<float> isBlock = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count - column)).AsSingle();
        return Vector512.ConditionalSelect(isBlock, sixteen, Vector512.Create(float.NegativeInfinity));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Ranked(Vector512<float> gates)
    {
        Vector512<float> lowest = Vector512.Create(float.MinValue);
        return Vector512.ConditionalSelect(Vector512.GreaterThan(gates, lowest), gates, lowest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Least(Vector512<float> x)
    {
        Vector256<float> half = Vector256.MinNative(x.GetLower(), x.GetUpper());
        Vector128<float> quarter = Vector128.MinNative(half.GetLower(), half.GetUpper());
        quarter = Vector128.MinNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MinNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
