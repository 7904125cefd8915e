using System.Text;
using System.Text.RegularExpressions;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// From ILGPU's PTX of an attention kernel to the text that the driver loads, in six passes: "tiles" replaces every tile
/// instruction by PTX for one shape, "registers" takes <c>out</c> operands out of local memory, "divisions" and "functions" do
/// without routines, "products" multiplies 32-bit factors as such, "header" names the machine that ILGPU cannot name and declares
/// the shared memory and the tensor maps.
/// </summary>
internal static partial class TileLowering
{
    /// <summary>Lowers a kernel.</summary>
    /// <param name="ptx">What ILGPU compiled, with tile instructions in it.</param>
    /// <param name="shape">The shape of its tiles.</param>
    public static KernelText Lower(string ptx, TileShape shape)
    {
        TilePrinter printer = TilePrinter.For(shape);
        string text = WideDivisions.ToInstructions(LocalDepots.ToRegisters(Tiles(ptx, printer)));
        text = Header(WideProducts.OfNarrowFactors(Functions(text)), printer);
        return new(text, Entry().Match(text).Groups["name"].Value, printer.Threads, printer.SharedBytes);
    }

    private static string Tiles(string ptx, TilePrinter printer)
    {
        StringBuilder text = new(ptx.Length * 2);
        foreach (string line in ptx.Split('\n'))
        {
            Match tile = Instruction().Match(line);
            if (tile.Success)
                text.Append("\t// ").Append(line.AsSpan().Trim()).Append('\n')
                    .Append(printer.Print(tile.Groups["name"].Value, Operands(tile.Groups["operands"].Value))).Append('\n');
            else
                text.Append(OfNumbers(line)).Append('\n');
        }

        return text.ToString();
    }

    // What C# makes of a NaN: the greater of it and a number is a NaN. PTX would take the number, and lose a score that is none.
    private static string OfNumbers(string line) =>
        line.Replace("max.f32", "max.NaN.f32", StringComparison.Ordinal).Replace("min.f32", "min.NaN.f32", StringComparison.Ordinal);

    private static string[] Operands(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    // Rounded exactly, each is a routine with a branch; the device's own is a unit of the last place off.
    private static string Functions(string ptx) => ptx
        .Replace("rcp.rn.f32", "rcp.approx.ftz.f32", StringComparison.Ordinal)
        .Replace("sqrt.rn.f32", "sqrt.approx.ftz.f32", StringComparison.Ordinal);

    // ILGPU's analysis of uniform branches is wrong after inline PTX, and a wrong .uni may lose lanes.
    private static string Header(string ptx, TilePrinter printer)
    {
        ptx = Target().Replace(ptx, $".target {printer.Target}", 1).Replace("bra.uni", "bra", StringComparison.Ordinal);
        ptx = ptx.Replace(".minnctapersm 1", $".minnctapersm {printer.BlocksTogether}", StringComparison.Ordinal);
        ptx = ptx.Replace(".address_size 64", ".address_size 64\n.extern .shared .align 1024 .b8 moba_shared[];", StringComparison.Ordinal);
        return printer.TensorMaps == 0 ? ptx
            : EndOfParameters().Replace(ptx, $",\n\t.param .align 64 .b8 moba_maps[{printer.TensorMaps * 128}]\n)\n.maxntid", 1);
    }

    [GeneratedRegex(@"^\s*tile\.(?<name>\w+)\s*(?<operands>[^;]*);\s*$")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"\.target\s+sm_\w+")]
    private static partial Regex Target();

    [GeneratedRegex(@"\.entry (?<name>\w+)\(")]
    private static partial Regex Entry();

    [GeneratedRegex(@"\n\)\s*\n\.maxntid")]
    private static partial Regex EndOfParameters();
}
