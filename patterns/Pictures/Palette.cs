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

    /// <summary>Experts of a mixture by id, in turn.</summary>
    public static readonly SKColor[] Experts =
    [
        new(0x25, 0x4E, 0xA5), new(0xEE, 0x86, 0x22), new(0x2E, 0x9E, 0x6B), new(0xC4, 0x3D, 0x7A), new(0x7B, 0x5E, 0xC6), new(0x8A, 0x93, 0x2B), new(0x1F, 0x9F, 0xB8), new(0x8C, 0x5A, 0x3C),
    ];

    public static readonly SKColor Always = new(0x2E, 0x9E, 0x6B);

    /// <summary>A cell of routes: the brighter the block's blue, the more of its queries chose it.</summary>
    public static SKColor Route(RouteCell cell) => Route(cell, Empty, Partial, Full, Always);

    /// <summary>The same for a terminal.</summary>
    public static SKColor RouteOnDark(RouteCell cell) =>
        Route(cell, new(52, 57, 70), new(240, 162, 70), new(110, 160, 255), new(70, 190, 130));

    private static SKColor Route(RouteCell cell, SKColor nothing, SKColor own, SKColor chosen, SKColor always)
    {
        double none = Math.Max(0, 1 - cell.Own - cell.Chosen - cell.Always);
        return new(Mix(colour => colour.Red), Mix(colour => colour.Green), Mix(colour => colour.Blue));

        byte Mix(Func<SKColor, byte> channel) => (byte)Math.Clamp(Math.Round(
            (none * channel(nothing)) + (cell.Own * channel(own)) + (cell.Chosen * channel(chosen)) + (cell.Always * channel(always))), 0, 255);
    }

    /// <summary>A partial tile's cell of which that share is attended.</summary>
    public static SKColor Attended(double share) => new(
        Blend(Skipped.Red, Partial.Red, share), Blend(Skipped.Green, Partial.Green, share), Blend(Skipped.Blue, Partial.Blue, share));

    private static byte Blend(byte from, byte to, double share) => (byte)Math.Round(from + ((to - from) * share));
}
