using System.Globalization;
using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>Prints tile instructions as PTX for one shape; what an architecture does in its own way is abstract.</summary>
/// <param name="shape">The shape.</param>
internal abstract class TilePrinter(TileShape shape)
{
    /// <summary>The printer of a shape.</summary>
    public static TilePrinter For(TileShape shape) => (shape.Role, shape.Target) switch
    {
        (KernelRole.Plain, _) => new PlainTiles(shape),
        (KernelRole.Attention, KernelTarget.Sm90a) => new HopperTiles(shape),
        (KernelRole.Routed or KernelRole.Listed, KernelTarget.Sm90a) => new HopperRoutedTiles(shape),
        (KernelRole.Attention, KernelTarget.Sm80) => new AmpereTiles(shape),
        (KernelRole.Routed or KernelRole.Listed, KernelTarget.Sm80) => new AmpereTiles(shape),
        (KernelRole.Gate, _) => new GateTiles(shape),
        _ => throw new NotSupportedException($"no tiles for {shape.Target} and {shape.Role}"),
    };

    /// <summary>Name of the machine in PTX.</summary>
    public abstract string Target { get; }

    /// <summary>Threads of a block.</summary>
    public abstract int Threads { get; }

    /// <summary>Blocks for which a processor is to have registers.</summary>
    public virtual int BlocksTogether => 1;

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

    /// <summary>The softmax on the registers of a thread.</summary>
    protected abstract SoftmaxPrinter Softmax { get; }

    /// <summary>Components of a row.</summary>
    protected int Dim => shape.Dim;

    /// <summary>Keys of a tile, in pass "routed".</summary>
    protected int BlockKeys => shape.BlockKeys;

    /// <summary>Query tiles and listed blocks of a gate.</summary>
    protected (int Operands, int Listed) GateSizes => (shape.Operands, shape.Listed);

    /// <summary>Element type in PTX.</summary>
    protected string Element => shape.Element == ElementKind.Half ? "f16" : "bf16";

    /// <summary>Whether modified scores are known to be small.</summary>
    protected bool IsBounded => shape.IsBounded;

    /// <summary>The PTX of an instruction.</summary>
    public string Print(string name, string[] operands) => Lines(PrintOwn(name, operands) ?? (name, operands) switch
    {
        ("queries", [var value]) => [$"mov.u32 {value}, {Queries};"],
        ("keys", [var value]) => [$"mov.u32 {value}, {Keys};"],
        ("syncblock", _) => ["bar.sync 0;"],
        ("clearoutput", _) => Softmax.Clear(),
        ("scalescores", [var first, var factor]) => Softmax.Scale(first, factor),
        ("cutscores", [var first, var keys, var isFirst]) => Softmax.Cut(first, keys, isFirst),
        ("keep", [var register, var attended, var isFirst]) => [Softmax.Keep(register, attended, isFirst)],
        ("keepcolumns", [var register, var attended, var isFirst]) => Softmax.KeepColumns(register, attended, isFirst),
        ("score", [var value, var register]) => [Softmax.Read(value, register)],
        ("setscore", [var register, var value]) => [Softmax.Write(register, value)],
        ("setmodifiedscore", [var register, var value, var isFirst]) => Softmax.WriteModified(register, value, isFirst),
        ("largestscore", [var value, var first]) => Softmax.Largest(value, first),
        ("scoreunit", [var value]) => [$"mov.f32 {value}, {Softmax.Unit};"],
        ("scoreshift", [var value, var row]) => [$"mov.f32 {value}, {Softmax.Shift(row)};"],
        ("boundedpowers", [var first]) => Softmax.BoundedPowers(first),
        ("clearsoftmax", _) => Softmax.Begin(),
        ("startsoftmax", [var factor]) => Softmax.Start(factor),
        ("continuesoftmax", [var factor]) => Softmax.Continue(factor),
        ("pack", _) => Softmax.Pack(),
        ("rescaleoutput", _) => Softmax.Rescale(),
        ("endsoftmax", [var factor]) => Softmax.End(factor),
        ("nosoftmax", _) => Softmax.None(),
        ("exp2", [var value, var power]) => [$"ex2.approx.ftz.f32 {value}, {power};"],
        ("log2", [var value, var x]) => [$"lg2.approx.f32 {value}, {x};"],
        ("offirstlane", [var value, var from]) => [$"shfl.sync.idx.b32 {value}, {from}, 0, 0x1f, 0xffffffff;"],
        ("ballot", [var lanes, "0" or "1"]) => [$"mov.u32 {lanes}, {(operands[1] == "0" ? "0" : "0xffffffff")};"],
        ("ballot", [var lanes, var condition]) => [$"vote.sync.ballot.b32 {lanes}, {condition}, 0xffffffff;"],
        ("lowestbit", [var bit, var bits]) => [$"brev.b32 {bit}, {bits}; clz.b32 {bit}, {bit};"],
        ("isamong", [var found, var address, var number]) =>
        [
            $"{{ .reg .b32 x<4>; .reg .pred p; ld.global.nc.v4.b32 {Registers("x", 0, 4)}, [{address}];",
            $"setp.eq.s32 p, x0, {number}; setp.eq.or.s32 p, x1, {number}, p; setp.eq.or.s32 p, x2, {number}, p; setp.eq.or.s32 p, x3, {number}, p;",
            $"selp.b32 {found}, -1, 0, p; }}",
        ],
        ("brokenrows", [var lanes, var row]) => Softmax.Broken(lanes, row),
        ("largestelement", [var value]) => [$"mov.b32 {value}, {(Element == "f16" ? "0x477FE000" : "0x7F7F0000")};"],
        ("element", [var value, var address]) => [Element == "f16"
            ? $"{{ .reg .b16 x; ld.global.b16 x, [{address}]; cvt.f32.f16 {value}, x; }}"
            : $"{{ .reg .u16 x; .reg .b32 y; ld.global.u16 x, [{address}]; cvt.u32.u16 y, x; shl.b32 y, y, 16; mov.b32 {value}, y; }}"],
        ("low", [var value, var word]) => [Element == "f16"
            ? $"{{ .reg .b16 x, y; mov.b32 {{x, y}}, {word}; cvt.f32.f16 {value}, x; }}"
            : $"{{ .reg .b32 x; shl.b32 x, {word}, 16; mov.b32 {value}, x; }}"],
        ("high", [var value, var word]) => [Element == "f16"
            ? $"{{ .reg .b16 x, y; mov.b32 {{x, y}}, {word}; cvt.f32.f16 {value}, y; }}"
            : $"{{ .reg .b32 x; and.b32 x, {word}, 0xFFFF0000; mov.b32 {value}, x; }}"],
        ("pair", [var word, var low, var high]) => [$"cvt.rn.{Element}x2.f32 {word}, {high}, {low};"],
        ("setelement", [var address, var value]) => [$"{{ .reg .b16 x; cvt.rn.{Element}.f32 x, {value}; st.global.b16 [{address}], x; }}"],
        ("roundoutput", _) => Softmax.Round(),
        ("storeoutput", [var row, var address, var columns]) => Softmax.Store(row, address, columns),
        ("storelse", [var row, var address, var write]) => Softmax.StoreLse(row, address, write),
        ("roundpartial", _) => Softmax.RoundPartial(),
        ("brokenpartials", [var lanes, var row]) => Softmax.BrokenPartial(lanes, row),
        ("storepartial", [var row, var address, var odd, var write]) => Softmax.StorePartial(row, address, odd, write),
        _ => throw new NotSupportedException($"tile.{name} with {operands.Length} operands is no instruction of {Target}."),
    });

    /// <summary>The PTX of an instruction that is not alike on every architecture; null for those that are.</summary>
    protected abstract IEnumerable<string>? PrintOwn(string name, string[] operands);

    /// <summary>A list of registers as one operand.</summary>
    protected static string Registers(string name, int first, int count) =>
        "{" + string.Join(",", Enumerable.Range(first, count).Select(i => name + Number(i))) + "}";

    /// <summary>Lines of PTX.</summary>
    protected static string Lines(params IEnumerable<string> lines) => string.Join("\n", lines.Select(static l => "\t" + l));

    /// <summary>A number in PTX.</summary>
    protected static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
