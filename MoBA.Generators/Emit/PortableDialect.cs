using MoBA.Generators.Model;

namespace MoBA.Generators.Emit;

/// <summary>Members of the portable kernel's parameter struct, and arithmetic that ILGPU compiles rightly on every device.</summary>
internal sealed class PortableDialect : Dialect
{
    public override string Parameter(string path) => $"p.{Names.Member(path)}";

    // ILGPU passes no bool to a kernel.
    public override string Flag(string path) => $"(p.{Names.Member(path)} != 0)";

    public override string Table(string path) => $"p.{Names.Member(path)}";

    public override string Function(string name, ExprType type) => $"PortableMath.{name}";

    // ILGPU 1.5.3 compiles a signed division by a power of two to a shift, which is wrong below zero.
    public override string? Division(BinaryOp op, Expr divisor) => op == BinaryOp.Divide ? "PortableMath.Div" : "PortableMath.Rem";
}
