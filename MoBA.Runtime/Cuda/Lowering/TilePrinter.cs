using System.Globalization;
using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>Prints tile instructions as PTX for one shape; what an architecture does in its own way is abstract.</summary>
/// <param name="shape">The shape.</param>
internal abstract class TilePrinter(TileShape shape)
{
    /// <summary>The printer of a shape.</summary>
    public static TilePrinter For(TileShape shape) => shape.Target switch
    {
        KernelTarget.Sm90a => new HopperTiles(shape),
        _ => throw new NotSupportedException($"no tiles for {shape.Target}"),
    };

    /// <summary>Name of the machine in PTX.</summary>
    public abstract string Target { get; }

    /// <summary>Threads of a block.</summary>
    public abstract int Threads { get; }

    /// <summary>Dynamic shared memory of a block.</summary>
    public abstract int SharedBytes { get; }

    /// <summary>Tensor maps in the last parameter.</summary>
    public virtual int TensorMaps => 0;

    /// <summary>Whether a block takes work items until none is left, rather than one.</summary>
    public virtual bool IsPersistent => false;

    /// <summary>Queries of a tile.</summary>
    public abstract int Queries { get; }

    /// <summary>Keys of a tile.</summary>
    public abstract int Keys { get; }

    /// <summary>Components of a row.</summary>
    protected int Dim => shape.Dim;

    /// <summary>Element type in PTX.</summary>
    protected string Element => shape.Element == ElementKind.Half ? "f16" : "bf16";

    /// <summary>The PTX of an instruction.</summary>
    public abstract string Print(string name, string[] operands);

    /// <summary>A list of registers as one operand.</summary>
    protected static string Registers(string name, int first, int count) =>
        "{" + string.Join(",", Enumerable.Range(first, count).Select(i => name + Number(i))) + "}";

    /// <summary>Lines of PTX.</summary>
    protected static string Lines(params IEnumerable<string> lines) => string.Join("\n", lines.Select(static l => "\t" + l));

    /// <summary>A number in PTX.</summary>
    protected static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
