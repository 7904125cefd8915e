using System.Globalization;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Plan;
using Scriban.Runtime;

namespace MoBA.Generators.Emit;

/// <summary>Emit: a <see cref="KernelPlan"/> becomes the text of one C# file.</summary>
internal sealed class ExpertEmitter
{
    private readonly KernelPlan _plan;
    private readonly PatternSpec _spec;
    private readonly CSharpPrinter _author = new(new AuthorDialect());
    private readonly KernelEmitter _kernels;
    private readonly KernelEmitter? _besides;

    private ExpertEmitter(KernelPlan plan)
    {
        (_plan, _spec) = (plan, plan.Spec);
        _kernels = new(plan, FlatName) { What = _spec.Name };
        _besides = plan.Besides is null ? null : new(plan.Besides, $"{FlatName}_Always") { What = $"what {_spec.Name} always attends" };
    }

    public static string Emit(KernelPlan plan) => new ExpertEmitter(plan).Emit();

    private string FlatName => _spec.Class.FlatName();

    private string GateStruct => $"{FlatName}_Gate";

    private string Emit() => Templates.Render("expert", new()
    {
        ["name"] = _spec.Name,
        ["methods"] = Methods(),
        ["gate"] = _spec.Gate is null ? null : FactLines.Of(_spec.Gate),
        ["picture_tile"] = Place.Number(_plan.Facts.PictureTile),
        ["picture"] = Picture(),
        ["facts"] = FactLines.Of(_spec, _plan.Facts).ToArray(),
        ["kernel_namespace"] = _spec.Class.KernelNamespace(),
        ["class_text"] = _spec.Class.Enclose(Templates.Render("class", ClassModel())),
        ["parts"] = Parts().Select(Place.Indent).ToArray(),
    });

    /// <summary>What stands beside the author's class.</summary>
    private IEnumerable<string> Parts()
    {
        yield return _kernels.Cpu(Place.Indent(Templates.Render("info", InfoModel())));
        yield return _kernels.Portable();
        yield return _kernels.Cuda;
        if (_besides is not null)
        {
            yield return _besides.Cpu(info: null);
            yield return _besides.Portable();
            yield return _besides.Cuda;
        }

        if (_spec.Gate is { } gate)
        {
            yield return Templates.Render("gate", new()
            {
                ["name"] = _spec.Name,
                ["generated_code"] = Place.GeneratedCode,
                ["gate_struct"] = GateStruct,
                ["block_size"] = Place.Number(gate.BlockSize),
                ["top_k"] = Place.Number(gate.TopK),
            });
        }
    }

    /// <summary>The author's methods as the compiler understood them.</summary>
    private ScriptObject[] Methods()
    {
        return [.. new[]
        {
            Method($"Attends({Arguments(_spec.AttendsTakesHead)})", _spec.Attends),
            Method($"Always({Arguments(_spec.AlwaysTakesHead)})", _spec.Always),
            Method("Score", _spec.Score),
        }.Where(static m => m is not null)!];

        ScriptObject? Method(string head, Expr? body) => body is null ? null : new() { ["head"] = head, ["body"] = _author.Print(body) };
    }

    private static string Arguments(bool takesHead) => takesHead ? "q, k, head" : "q, k";

    private string[] Picture() => _plan.Facts.Picture.TrimEnd('\n').Split('\n');

    private IEnumerable<ParameterSpec> OwnParameters => _spec.Parameters.Where(static p => p.IsOwn).Concat(_spec.Gate?.Parameters ?? []);

    private ScriptObject ClassModel() => new()
    {
        ["identifier"] = Names.Identifier(_spec.Name),
        ["generated_code"] = Place.GeneratedCode,
        ["info"] = $"{KernelClass(_kernels.CpuClass)}.Info",
        ["info_taken"] = _spec.TakenMembers.Contains("Info"),
        ["classify_taken"] = _spec.TakenMembers.Contains("Classify"),
        ["key_ranges_taken"] = _spec.TakenMembers.Contains("KeyRanges"),
        ["attends_arguments"] = Arguments(_spec.AttendsTakesHead),
        ["always_arguments"] = _spec.Always is null ? null : Arguments(_spec.AlwaysTakesHead),
        ["score_call"] = _spec.ScoreArity == 0
            ? "score"
            : $"Score({string.Join(", ", new[] { "score", "q", "k", "head", "heads" }.Take(_spec.ScoreArity))})",
        ["nested_experts"] = ParameterModels.OfExperts(_spec.NestedExperts),
        ["own_experts"] = ParameterModels.OfExperts(_spec.NestedExperts.Where(static e => !e.Contains('.'))),
        ["kernels"] = _besides is null ? new[] { Kernel(_kernels, "", "") } : [Kernel(_kernels, "", ""), Kernel(_besides, "Always", "?")],
        ["own_parameters"] = ParameterModels.Of(OwnParameters),
        ["gate"] = GateModel(),
        ["can_build"] = _spec.Class.CannotBuild is null,
        ["cannot_build"] = Names.Literal($"'{_spec.Name}' cannot be copied with other parameters: {_spec.Class.CannotBuild}"),
    };

    private string KernelClass(string name) => $"global::{_spec.Class.KernelNamespace()}.{name}";

    private ScriptObject Kernel(KernelEmitter kernel, string suffix, string nullable) => new()
    {
        ["suffix"] = suffix,
        ["nullable"] = nullable,
        ["cpu"] = KernelClass(kernel.CpuClass),
        ["portable"] = KernelClass(kernel.PortableClass),
        ["cuda"] = KernelClass(kernel.CudaStruct),
        ["cuda_hash"] = kernel.CudaHash,
        ["divisors"] = kernel.Divisors,
        ["parameters"] = kernel.Parameters,
    };

    private ScriptObject? GateModel() => _spec.Gate is not { } gate ? null : new()
    {
        ["block_size"] = Place.Number(gate.BlockSize),
        ["top_k"] = Place.Number(gate.TopK),
        ["pooling"] = gate.Pooling.ToString(),
        ["scope"] = gate.Scope.ToString(),
    };

    private ScriptObject InfoModel() => new()
    {
        ["name"] = Names.Literal(_spec.Name),
        ["summary"] = Names.Literal(_spec.Class.Summary),
        ["predicate"] = Names.Literal(_author.Print(_spec.Attends)),
        ["score_modifier"] = _spec.Score is null ? "null" : Names.Literal(_author.Print(_spec.Score)),
        ["own_parameters"] = ParameterModels.Of(OwnParameters),
        ["causal"] = _plan.Facts.Causal.ToString(),
        ["attends_itself"] = _plan.Facts.AttendsItself.ToString(),
        ["dense"] = _plan.Facts.Dense.ToString(),
        ["depends_on_head"] = _plan.Facts.DependsOnHead ? "true" : "false",
        ["token_limit"] = Place.Number(_plan.Facts.TokenLimit),
        ["max_key_ranges"] = Place.Number(_plan.Facts.MaxKeyRanges),
        ["keys_per_token"] = _plan.Facts.KeysPerToken?.ToString("R", CultureInfo.InvariantCulture) ?? "null",
        ["gate"] = GateModel(),
        ["gate_struct"] = GateStruct,
        ["always_predicate"] = _spec.Always is null ? null : Names.Literal(_author.Print(_spec.Always)),
        ["picture"] = Picture(),
    };
}
