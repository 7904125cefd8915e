using SkiaSharp;

namespace MoBA.Program;

/// <summary>Colours of the pictures.</summary>
internal static class Palette
{
    public static readonly SKColor Paper = new(0xFF, 0xFF, 0xFF);
    public static readonly SKColor Ink = new(0x1C, 0x24, 0x33);
    public static readonly SKColor Muted = new(0x5F, 0x6B, 0x7E);
    public static readonly SKColor Line = new(0xD5, 0xDB, 0xE4);
    public static readonly SKColor Full = new(0x25, 0x4E, 0xA5);
    public static readonly SKColor Partial = new(0xEE, 0x86, 0x22);
    public static readonly SKColor Skipped = new(0xFC, 0xE9, 0xD2);
    public static readonly SKColor Empty = new(0xEF, 0xF2, 0xF6);

    /// <summary>A partial tile's cell of which that share is attended.</summary>
    public static SKColor Attended(double share) => new(
        Blend(Skipped.Red, Partial.Red, share), Blend(Skipped.Green, Partial.Green, share), Blend(Skipped.Blue, Partial.Blue, share));

    private static byte Blend(byte from, byte to, double share) => (byte)Math.Round(from + ((to - from) * share));
}
