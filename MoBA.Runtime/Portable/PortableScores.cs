namespace MoBA.Runtime.Portable;

/// <summary>Scores of one query row and the sixteen keys of a key tile. Sixteen fields and no array: an array that is indexed in
/// a loop would leave the registers.</summary>
public struct PortableScores
{
    private const float LargestScore = 1e38f;

    /// <summary>Score of key 0 of the tile.</summary>
    public float S0;

    /// <summary>Score of key 1 of the tile.</summary>
    public float S1;

    /// <summary>Score of key 2 of the tile.</summary>
    public float S2;

    /// <summary>Score of key 3 of the tile.</summary>
    public float S3;

    /// <summary>Score of key 4 of the tile.</summary>
    public float S4;

    /// <summary>Score of key 5 of the tile.</summary>
    public float S5;

    /// <summary>Score of key 6 of the tile.</summary>
    public float S6;

    /// <summary>Score of key 7 of the tile.</summary>
    public float S7;

    /// <summary>Score of key 8 of the tile.</summary>
    public float S8;

    /// <summary>Score of key 9 of the tile.</summary>
    public float S9;

    /// <summary>Score of key 10 of the tile.</summary>
    public float S10;

    /// <summary>Score of key 11 of the tile.</summary>
    public float S11;

    /// <summary>Score of key 12 of the tile.</summary>
    public float S12;

    /// <summary>Score of key 13 of the tile.</summary>
    public float S13;

    /// <summary>Score of key 14 of the tile.</summary>
    public float S14;

    /// <summary>Score of key 15 of the tile.</summary>
    public float S15;

    /// <summary>The greatest of the scores and <paramref name="floor"/>.</summary>
    public readonly float Max(float floor)
    {
        float low = PortableMath.Max(Max(S0, S1, S2, S3), Max(S4, S5, S6, S7));
        float high = PortableMath.Max(Max(S8, S9, S10, S11), Max(S12, S13, S14, S15));
        return PortableMath.Max(floor, PortableMath.Max(low, high));
    }

    /// <summary>The sum of the scores.</summary>
    public readonly float Sum() =>
        ((S0 + S1) + (S2 + S3)) + ((S4 + S5) + (S6 + S7)) + (((S8 + S9) + (S10 + S11)) + ((S12 + S13) + (S14 + S15)));

    /// <summary>Sets the scores of keys whose bit is 0 in <paramref name="attended"/> to -infinity.</summary>
    public void Keep(int attended)
    {
        S0 = Kept(S0, attended & 0x1);
        S1 = Kept(S1, attended & 0x2);
        S2 = Kept(S2, attended & 0x4);
        S3 = Kept(S3, attended & 0x8);
        S4 = Kept(S4, attended & 0x10);
        S5 = Kept(S5, attended & 0x20);
        S6 = Kept(S6, attended & 0x40);
        S7 = Kept(S7, attended & 0x80);
        S8 = Kept(S8, attended & 0x100);
        S9 = Kept(S9, attended & 0x200);
        S10 = Kept(S10, attended & 0x400);
        S11 = Kept(S11, attended & 0x800);
        S12 = Kept(S12, attended & 0x1000);
        S13 = Kept(S13, attended & 0x2000);
        S14 = Kept(S14, attended & 0x4000);
        S15 = Kept(S15, attended & 0x8000);
    }

    /// <summary>Multiplies every score.</summary>
    public void Multiply(float factor)
    {
        S0 *= factor;
        S1 *= factor;
        S2 *= factor;
        S3 *= factor;
        S4 *= factor;
        S5 *= factor;
        S6 *= factor;
        S7 *= factor;
        S8 *= factor;
        S9 *= factor;
        S10 *= factor;
        S11 *= factor;
        S12 *= factor;
        S13 *= factor;
        S14 *= factor;
        S15 *= factor;
    }

    /// <summary>Multiplies every score, and holds it where the difference of two is still a float.</summary>
    public void Hold(float factor)
    {
        S0 = Held(S0 * factor, LargestScore);
        S1 = Held(S1 * factor, LargestScore);
        S2 = Held(S2 * factor, LargestScore);
        S3 = Held(S3 * factor, LargestScore);
        S4 = Held(S4 * factor, LargestScore);
        S5 = Held(S5 * factor, LargestScore);
        S6 = Held(S6 * factor, LargestScore);
        S7 = Held(S7 * factor, LargestScore);
        S8 = Held(S8 * factor, LargestScore);
        S9 = Held(S9 * factor, LargestScore);
        S10 = Held(S10 * factor, LargestScore);
        S11 = Held(S11 * factor, LargestScore);
        S12 = Held(S12 * factor, LargestScore);
        S13 = Held(S13 * factor, LargestScore);
        S14 = Held(S14 * factor, LargestScore);
        S15 = Held(S15 * factor, LargestScore);
    }

    /// <summary>Replaces every score by exp(score - <paramref name="max"/>).</summary>
    public void Exp(float max)
    {
        S0 = PortableMath.Exp(S0 - max);
        S1 = PortableMath.Exp(S1 - max);
        S2 = PortableMath.Exp(S2 - max);
        S3 = PortableMath.Exp(S3 - max);
        S4 = PortableMath.Exp(S4 - max);
        S5 = PortableMath.Exp(S5 - max);
        S6 = PortableMath.Exp(S6 - max);
        S7 = PortableMath.Exp(S7 - max);
        S8 = PortableMath.Exp(S8 - max);
        S9 = PortableMath.Exp(S9 - max);
        S10 = PortableMath.Exp(S10 - max);
        S11 = PortableMath.Exp(S11 - max);
        S12 = PortableMath.Exp(S12 - max);
        S13 = PortableMath.Exp(S13 - max);
        S14 = PortableMath.Exp(S14 - max);
        S15 = PortableMath.Exp(S15 - max);
    }

    /// <summary><paramref name="x"/> held within <paramref name="limit"/>; NaN stays NaN.</summary>
    internal static float Held(float x, float limit) => x > limit ? limit : x < -limit ? -limit : x;

    private static float Kept(float score, int bit) => bit != 0 ? score : float.NegativeInfinity;

    private static float Max(float a, float b, float c, float d) => PortableMath.Max(PortableMath.Max(a, b), PortableMath.Max(c, d));
}
