using System.ComponentModel;
using System.Numerics;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Division by a number that is the same for every pair, as a multiplication and shifts: tensor-core kernels divide positions by
/// parameters, and the machine has no instruction for that. Exact for every int; it truncates as C# does.
/// </summary>
/// <remarks>After Granlund and Montgomery (1994): x / d is x m / 2^(32 + shift) towards zero, where m = 2^(32 + shift) / d, rounded
/// up, lies between 2^31 and 2^32 + 1. <see cref="Multiplier"/> is m - 2^32, which is an int.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct CudaDivisor
{
    /// <summary>The divisor.</summary>
    public int Divisor;

    /// <summary>What is multiplied by, less 2^32.</summary>
    public int Multiplier;

    /// <summary>What the upper half of the product is shifted by.</summary>
    public int Shift;

    /// <summary>Division by <paramref name="divisor"/>, which is positive.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static CudaDivisor Of(int divisor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisor);
        int bits = Math.Max(1, 32 - BitOperations.LeadingZeroCount((uint)divisor - 1));
        return new()
        {
            Divisor = divisor,
            Multiplier = unchecked((int)(1 + ((1UL << (31 + bits)) / (uint)divisor))),
            Shift = bits - 1,
        };
    }

    /// <summary><paramref name="x"/> / divisor.</summary>
    public readonly int Div(int x) => DivDown(x) + (int)((uint)x >> 31);

    /// <summary><paramref name="x"/> / divisor, of a number that is an int.</summary>
    public readonly long Div(long x) => Div((int)x);

    /// <summary><paramref name="x"/> % divisor: its sign is that of <paramref name="x"/>.</summary>
    public readonly int Rem(int x) => x + (Div(x) * -Divisor);

    /// <summary><paramref name="x"/> % divisor, of a number that is an int.</summary>
    public readonly long Rem(long x) => Rem((int)x);

    /// <summary>What is left of <paramref name="x"/> above the next multiple of the divisor below: never negative.</summary>
    public readonly int Mod(int x)
    {
        int rest = Rem(x);
        return rest + ((rest >> 31) & Divisor);
    }

    /// <summary><paramref name="x"/> / divisor, where <paramref name="x"/> is not negative.</summary>
    public readonly int DivNatural(int x) => DivDown(x);

    /// <summary><paramref name="x"/> % divisor, where <paramref name="x"/> is not negative.</summary>
    public readonly int RemNatural(int x) => x + (DivDown(x) * -Divisor);

    // One less than the quotient where x is negative. ILGPU has no upper half of a product; a lowering pass makes one of this.
    private readonly int DivDown(int x) => (x + (int)(((long)x * Multiplier) >> 32)) >> Shift;
}
