using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Plan;

namespace MoBA.Generators.Emit;

/// <summary>Fields of a pattern for tensor-core kernels, and arithmetic that ILGPU compiles rightly: bounds of tiles, by the thread
/// that copies.</summary>
internal class CudaDialect : Dialect
{
    public override string Parameter(string path) => Names.Member(path);

    // ILGPU passes no bool to a kernel.
    public override string Flag(string path) => $"({Names.Member(path)} != 0)";

    public override string Table(string path) => Names.Member(path);

    public override string Function(string name, ExprType type) => type == ExprType.Float ? $"CudaMath.{name}" : $"PortableMath.{name}";

    // ILGPU 1.5.3 compiles a signed division by a power of two that it knows to a shift, which is wrong below zero.
    public override string? Division(BinaryOp op, Expr divisor) =>
        ExprWalk.Any(divisor, static n => n is ParameterRef) ? null : op == BinaryOp.Divide ? "PortableMath.Div" : "PortableMath.Rem";
}

/// <summary>What the threads that compute evaluate. They run in step beside tensor cores, so there is no branch.</summary>
internal class CudaBranchFreeDialect : CudaDialect
{
    public override bool IsBranchFree => true;

    public override string Function(string name, ExprType type) => name == "Abs" ? "CudaMath.Abs" : base.Function(name, type);

    public override string? FloatDivision => "CudaMath.Divide";
}

/// <summary>What they evaluate for a pair, from what is known of its query and of its key.</summary>
internal class CudaPairDialect : CudaBranchFreeDialect
{
    public override string Variable(Variable variable) => variable switch
    {
        Model.Variable.Query => "q.Q",
        Model.Variable.Head => "q.Head",
        Model.Variable.Heads => "q.Heads",
        Model.Variable.Key => "k.K",
        _ => base.Variable(variable),
    };

    public override string Local(string name) => name[0] == 'K' ? $"k.{name}" : $"q.{name}";
}

/// <summary>The same where scores are near 0, with what the kernel passes along.</summary>
internal sealed class CudaNearDialect : CudaPairDialect
{
    private static readonly string[] _passed = [NearForm.Scale.Name, NearForm.Unit.Name, NearForm.Shift.Name];

    public override string Local(string name) => _passed.Contains(name) ? name : base.Local(name);
}
