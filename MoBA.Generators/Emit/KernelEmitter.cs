using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Plan;
using Scriban.Runtime;

namespace MoBA.Generators.Emit;

/// <summary>Emit: a <see cref="KernelPlan"/> becomes the text of a CPU kernel, of a portable one, and of a pattern for
/// tensor-core kernels.</summary>
/// <param name="plan">The plan.</param>
/// <param name="name">What the kernels are named after.</param>
internal sealed class KernelEmitter(KernelPlan plan, string name)
{
    private readonly PatternSpec _spec = plan.Spec;
    private readonly CSharpPrinter _author = new(new AuthorDialect());
    private readonly CSharpPrinter _expert = new(new ExpertDialect());
    private readonly CSharpPrinter _cpu = new(new CpuDialect());
    private readonly CSharpPrinter _cpuBounds = new(new CpuDialect(), inBounds: true);
    private readonly CSharpPrinter _portable = new(new PortableDialect());
    private readonly CSharpPrinter _portableBounds = new(new PortableDialect(), inBounds: true);
    private readonly CSharpPrinter _cudaBounds = new(new CudaDialect(), inBounds: true);
    private readonly CSharpPrinter _cudaSide = new(new CudaBranchFreeDialect());
    private readonly CSharpPrinter _cudaPair = new(new CudaPairDialect());
    private readonly CSharpPrinter _cudaNear = new(new CudaNearDialect());
    private string? _cuda;

    public string CpuClass => $"{name}_Cpu";

    public string PortableClass => $"{name}_Portable";

    public string CudaStruct => $"{name}_Cuda";

    /// <summary>What the kernels are for, in their own comments.</summary>
    public required string What { get; init; }

    public ScriptObject[] Parameters => ParameterModels.Of(plan.Parameters);

    /// <summary>What the pattern for tensor-core kernels divides by, as the expert computes it for a launch.</summary>
    public ScriptObject[] Divisors =>
        [.. plan.Pair.Divisors.Select(d => new ScriptObject { ["name"] = d.Name, ["value"] = _expert.Print(d.Value) })];

    /// <summary>The CPU kernel.</summary>
    /// <param name="info">The text of what is known of the expert, where the kernel holds it.</param>
    public string Cpu(string? info) => Templates.Render("cpu", CpuModel(info));

    public string Portable() => Templates.Render("portable", PortableModel());

    /// <summary>The pattern for tensor-core kernels.</summary>
    public string Cuda => _cuda ??= Templates.Render("cuda", CudaModel());

    /// <summary>SHA-256 of <see cref="Cuda"/>, its first half: a compiled kernel is kept by what it was compiled from.</summary>
    public string CudaHash
    {
        get
        {
            using SHA256 hash = SHA256.Create();
            return string.Concat(hash.ComputeHash(Encoding.UTF8.GetBytes(Cuda)).Take(16).Select(static b => b.ToString("x2", CultureInfo.InvariantCulture)));
        }
    }

    private ScriptObject CpuModel(string? info) => new()
    {
        ["what"] = What,
        ["generated_code"] = Place.GeneratedCode,
        ["cpu_class"] = CpuClass,
        ["parameters"] = Parameters,
        ["max_key_ranges"] = Place.Number(plan.Facts.MaxKeyRanges),
        ["info"] = info,
        ["checks"] = Checks(),
        ["classify"] = Classify(_cpuBounds, plan.Classify),
        ["key_ranges"] = KeyRangesModel(_cpuBounds, plan.KeyRanges),
        ["mask"] = plan.Mask is { } mask ? Row(mask) : null,
        ["modifier"] = plan.Modifier is { } modifier ? Row(modifier) : null,
    };

    private ScriptObject PortableModel()
    {
        int runs = plan.KeyRanges.Runs.Count;
        return new()
        {
            ["what"] = What,
            ["generated_code"] = Place.GeneratedCode,
            ["portable_class"] = PortableClass,
            ["parameters"] = Parameters,
            ["classify"] = Classify(_portableBounds, plan.Classify),
            ["key_ranges"] = KeyRangesModel(_portableBounds, plan.KeyRanges),
            ["attends"] = _portable.Print(_spec.Attends),
            ["modifier"] = _spec.Score is not null,
            ["score"] = _spec.Score is null ? null : _portable.Print(_spec.Score),
            ["next_from_zero"] = Next(runs, "0"),
            ["next"] = Next(runs, "k0 + PortableRow.KeyTile"),
        };
    }

    private ScriptObject CudaModel()
    {
        PairPlan pair = plan.Pair;
        Expr[] bodies = pair.Modifier is null ? [pair.Mask] : [pair.Mask, pair.Modifier];
        return new()
        {
            ["what"] = What,
            ["generated_code"] = Place.GeneratedCode,
            ["cuda_struct"] = CudaStruct,
            ["divisors"] = Divisors,
            ["parameters"] = Parameters,
            ["classify"] = Classify(_cudaBounds, pair.Classify),
            ["key_ranges"] = KeyRangesModel(_cudaBounds, pair.KeyRanges),
            ["next"] = Enumerable.Range(0, plan.KeyRanges.Runs.Count).Select(static i => $"runs.Run{i}.From(k0)")
                .DefaultIfEmpty("int.MaxValue").Aggregate(static (a, b) => $"PortableMath.Min({a}, {b})"),
            ["reads_tables"] = ReadsByKey ? "true" : "false",
            ["query_values"] = SideModel(pair.PerQuery, bodies, (Variable.Query, "Q"), (Variable.Head, "Head"), (Variable.Heads, "Heads")),
            ["key_values"] = SideModel(pair.PerKey, bodies, (Variable.Key, "K")),
            ["attends"] = _cudaPair.Print(pair.Mask),
            ["has_columns"] = pair.Columns is null ? "false" : "true",
            ["columns"] = pair.Columns is null ? "-1" : _cudaPair.Print(pair.Columns),
            ["has_score"] = pair.Modifier is null ? "false" : "true",
            ["score"] = pair.Modifier is null ? "score" : _cudaPair.Print(pair.Modifier),
            ["has_near"] = pair.Near is null ? "false" : "true",
            ["near_limit"] = pair.Near is null ? "0f" : _cudaNear.Print(pair.Near.Limit),
            ["score_near"] = pair.Near is null ? "score" : _cudaNear.Print(pair.Near.Score),
            ["score_bound"] = pair.ScoreBound is null ? "float.PositiveInfinity" : _cudaSide.Print(pair.ScoreBound),
        };
    }

    /// <summary>Whether a table is read at an index that has to do with the key.</summary>
    private bool ReadsByKey => new[] { _spec.Attends, _spec.Score }.OfType<Expr>().SelectMany(ExprWalk.All)
        .Any(static e => e is Lookup && ExprWalk.Mentions(e, Variable.Key));

    /// <summary>The fields of what is known of a query or of a key, with their values.</summary>
    private ScriptObject[] SideModel(IEnumerable<NamedValue> values, Expr[] bodies, params (Variable Variable, string Name)[] positions) =>
    [
        .. positions.Where(p => bodies.Any(b => ExprWalk.Mentions(b, p.Variable)))
            .Select(p => Field("int", p.Name, _cudaSide.Print(new VariableRef(p.Variable)))),
        .. values.Select(v => Field(v.Value.Type == ExprType.Float ? "float" : "int", v.Name, _cudaSide.Print(v.Value))),
    ];

    private static ScriptObject Field(string type, string name, string value) => new() { ["type"] = type, ["name"] = name, ["value"] = value };

    /// <summary>The first key tile of any run from <paramref name="from"/> on.</summary>
    private static string Next(int runs, string from) => runs == 0
        ? "row.Keys"
        : Enumerable.Range(0, runs).Select(i => $"tiles{i}.From({from})").Aggregate(static (a, b) => $"PortableMath.Min({a}, {b})");

    private static ScriptObject Classify(CSharpPrinter printer, ClassifyPlan classify) => new()
    {
        ["values"] = DeclareBounds(printer, classify.Values),
        ["all"] = printer.Print(classify.All),
        ["any"] = printer.Print(classify.Any),
    };

    private static ScriptObject KeyRangesModel(CSharpPrinter printer, KeyRangesPlan ranges) => new()
    {
        ["values"] = DeclareBounds(printer, ranges.Values),
        ["runs"] = ranges.Runs.Select(run => new ScriptObject
        {
            // The named values that one run needs, where every run is a function of its own.
            ["values"] = DeclareBounds(printer, KernelPlan.Used(ranges.Values, run.Low, run.High, run.When)),
            ["low"] = run.Low is IntLiteral { Value: <= 0 } ? "0" : printer.Print(run.Low),
            ["high"] = run.High is IntLiteral { Value: >= Fold.Infinity } ? "k1" : printer.Print(run.High),
            ["when"] = run.When.Equals(Fold.True) ? null : printer.Print(run.When),
        }).ToArray(),
    };

    private ScriptObject Checks()
    {
        ChecksPlan checks = plan.Checks;
        CSharpPrinter printer = _cpuBounds;
        HashSet<NamedValue> declared = [];
        return new()
        {
            ["is_needed"] = checks.Ends.Any(),
            ["positions"] = Positions(checks).ToArray(),
            ["divisors"] = checks.Divisors.Select(d => new ScriptObject
            {
                ["text"] = _cpu.Print(d),
                ["literal"] = Names.Literal(_author.Print(d)),
            }).ToArray(),
            // An index that is itself looked up: its table is checked first.
            ["covers"] = checks.Covers.Select(c => new ScriptObject
            {
                ["values"] = DeclareBounds(printer, KernelPlan.Used(checks.Values, c.Low, c.High).Where(declared.Add)),
                ["field"] = Names.Field(c.Table),
                ["low"] = printer.Print(c.Low),
                ["high"] = printer.Print(c.High),
            }).ToArray(),
            ["values"] = DeclareBounds(printer, checks.Values.Where(declared.Add)),
            ["demands"] = checks.Demands.Select(d => new ScriptObject
            {
                ["always"] = printer.Print(d.Always),
                ["literal"] = Names.Literal(_author.Print(d.What)),
            }).ToArray(),
            ["fits"] = checks.Fits.Select(f => new ScriptObject
            {
                ["low"] = printer.Print(f.Low),
                ["high"] = printer.Print(f.High),
                ["literal"] = Names.Literal(_author.Print(f.What)),
            }).ToArray(),
        };
    }

    /// <summary>The positions of a call that its checks mention.</summary>
    private static IEnumerable<string> Positions(ChecksPlan checks)
    {
        Expr[] users = [.. checks.Values.Select(static v => v.Value), .. checks.Ends];
        (Variable Variable, string Declaration)[] positions = [
            (Variable.FirstQuery, "long q0 = extent.FirstQuery;"),
            (Variable.LastQuery, "long q1 = extent.LastQuery;"),
            (Variable.FirstKey, "long k0 = 0;"),
            (Variable.LastKey, "long k1 = extent.Keys - 1;"),
            (Variable.Heads, "long heads = extent.Heads;")];
        return positions.Where(p => users.Any(u => ExprWalk.Mentions(u, p.Variable))).Select(static p => p.Declaration);
    }

    private ScriptObject Row(RowPlan row)
    {
        VectorPrinter vector = new(_cpu, row.PerKey.Select(static v => v.Name));
        return new()
        {
            ["per_tile"] = row.PerTile.Select(v => Declare(_cpu, v, "int")).ToArray(),
            ["per_row"] = row.PerRow.Select(v => Declare(_cpu, v, "int")).ToArray(),
            ["per_key"] = row.PerKey.Select(v => new ScriptObject
            {
                ["name"] = v.Name,
                ["type"] = v.Value.Type == ExprType.Float ? "float" : "int",
                ["value"] = vector.Print(v.Value),
            }).ToArray(),
            ["body"] = vector.PrintLines(row.Body, new string(' ', 20)),
            ["uses_head"] = row.All.Any(static e => ExprWalk.Mentions(e, Variable.Head)),
            ["uses_key"] = ExprWalk.Mentions(row.Body, Variable.Key),
        };
    }

    /// <summary>The declaration of a value that has a name.</summary>
    private static string Declare(CSharpPrinter printer, NamedValue value, string intType)
    {
        string type = value.Value.Type switch { ExprType.Bool => "bool", ExprType.Float => "float", _ => intType };
        return $"{type} {value.Name} = {printer.Print(value.Value)};";
    }

    private static string[] DeclareBounds(CSharpPrinter printer, IEnumerable<NamedValue> values) =>
        [.. values.Select(v => Declare(printer, v, "long"))];
}
