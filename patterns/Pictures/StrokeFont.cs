using SkiaSharp;

namespace MoBA.Program;

/// <summary>
/// Letters drawn as lines, so that a picture is the same on every machine and needs no font there. A glyph is strokes between
/// spaces; a stroke is points of two digits, x then y, on a grid where capitals stand from y = 0 to 6, small letters from 2
/// to 6, and descenders reach 8.
/// </summary>
internal static class StrokeFont
{
    private const float CapHeight = 6;
    private const float Gap = 1.9f;
    private const float Space = 2.4f;
    private const float Rounding = 0.9f;
    private const float Weight = 0.72f;

    /// <summary>A letter and its strokes; three spaces between glyphs.</summary>
    private const string Table =
        """
        A 062046 1434   B 00063645443303 3342413000   C 4130100105163645   D 00062644422000   E 40000646 0333
        F 400006 0333   G 41301001051636454323   H 0006 4046 0343   I 0006   J 3035261605   K 0006 4003 1246   L 000636
        M 0600234046   N 06004640   O 103041453616050110   P 06003041423303   Q 103041453616050110 3447
        R 06003041423303 2346   S 413010010213334445361605   T 0040 2026   U 000516364540   V 002640   W 0016223640
        X 0046 4006   Y 002340 2326   Z 00400646   a 3236 3322120305162635   b 0006 0312223335261605
        c 3322120305162635   d 3036 3322120305162635   e 04343322120305162635   f 30201116 0232
        g 3237281807 3322120305162635   h 0006 0312223336   i 0206 0000   j 121708 1010   k 0006 3204 1336   l 0006
        m 0206 03122326 23324346   n 0206 0312223336   o 122233352616050312   p 0208 0312223335261605
        q 3238 3322120305162635   r 0206 031222   s 33221203142435261605   t 101526 0222   u 0205162635 3236   v 022642
        w 0216233642   x 0236 3206   y 0226 4218   z 02320636   0 102031352616050110   1 011016   2 01102031320636
        3 01102031322313 233435261605   4 26200434   5 300003233435261605   6 312010010516263534231304   7 003016
        8 13020110203132231304051626353423   9 051626353120100102132332   . 0606   , 1607   : 0303 0606   ; 1313 1607
        ! 0004 0606   ? 01102031322314 1616   - 0434   + 0444 2226   = 0343 0545   < 420446   > 024406
        & 4602011020310405162644   | 0007   ( 10020517   ) 00121507   [ 20000727   ] 00202707   { 20101203141727
        } 00101223141707   / 0630   % 0640 0010110100 3545463635   * 2024 0143 4103   ' 0001   " 0001 2021   _ 0737
        # 1006 3026 0242 0444   ^ 022042   ~ 04132433
        """;

    private static readonly Dictionary<char, string> _glyphs = Table
        .Split(["   ", "\n"], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .ToDictionary(glyph => glyph[0], glyph => glyph[2..]);

    /// <summary>Width of a line of text whose capitals are that many pixels high.</summary>
    public static float Measure(string text, float height) =>
        Math.Max(0, text.Sum(Advance) - Gap) * height / CapHeight;

    /// <summary>As much of a text as fits, with dots where it was cut.</summary>
    public static string Fit(string text, float height, float width)
    {
        string fitting = text;
        for (int length = text.Length; length > 0 && Measure(fitting, height) > width; length--)
        {
            fitting = $"{text.AsSpan(0, length).TrimEnd()}...";
        }

        return fitting;
    }

    /// <summary>A text in lines that fit, broken between words.</summary>
    public static IReadOnlyList<string> Wrap(string text, float height, float width)
    {
        List<string> lines = [""];
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string longer = lines[^1].Length == 0 ? word : $"{lines[^1]} {word}";
            if (lines[^1].Length > 0 && Measure(longer, height) > width)
            {
                lines.Add(word);
            }
            else
            {
                lines[^1] = longer;
            }
        }

        return lines;
    }

    /// <summary>Draws a line of text; (x, y) is the top left of its capitals.</summary>
    public static void Draw(SKCanvas canvas, string text, float x, float y, float height, SKColor colour)
    {
        float unit = height / CapHeight;
        using SKPathEffect corners = SKPathEffect.CreateCorner(Rounding * unit);
        using var paint = new SKPaint
        {
            Color = colour,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = Math.Max(1.1f, Weight * unit),
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
            PathEffect = corners,
        };
        foreach (char letter in text)
        {
            DrawGlyph(canvas, Glyph(letter), x, y, unit, paint);
            x += Advance(letter) * unit;
        }
    }

    private static void DrawGlyph(SKCanvas canvas, string glyph, float x, float y, float unit, SKPaint paint)
    {
        foreach (string stroke in glyph.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            SKPoint[] points = [.. stroke.Chunk(2).Select(point => new SKPoint(x + ((point[0] - '0') * unit), y + ((point[1] - '0') * unit)))];
            if (points.Length == 2 && points[0] == points[1])
            {
                canvas.DrawCircle(points[0], paint.StrokeWidth * 0.35f, paint);
                continue;
            }

            using var path = new SKPath();
            path.AddPoly(points, close: false);
            canvas.DrawPath(path, paint);
        }
    }

    private static string Glyph(char letter) => letter == ' ' ? "" : _glyphs.GetValueOrDefault(letter) ?? _glyphs['?'];

    private static float Advance(char letter) =>
        letter == ' ' ? Space : Glyph(letter).Split(' ').SelectMany(stroke => stroke.Chunk(2)).Max(point => point[0] - '0') + Gap;
}
