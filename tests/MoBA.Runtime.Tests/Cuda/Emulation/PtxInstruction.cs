namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>How an operand is written.</summary>
internal enum PtxOperandKind
{
    /// <summary><c>%r1</c>, and every constant: a register that nothing writes.</summary>
    Register,

    /// <summary><c>{%r1, %r2}</c>.</summary>
    Vector,

    /// <summary><c>[%r1+8]</c>.</summary>
    Address,

    /// <summary><c>[%r1, {%r2, %r3, %r4}]</c>: a tensor map and coordinates.</summary>
    Tensor,
}

/// <summary>An operand.</summary>
/// <param name="Kind">How it is written.</param>
/// <param name="Registers">Numbers of its registers.</param>
/// <param name="Offset">Bytes beyond the address in its register.</param>
internal readonly record struct PtxOperand(PtxOperandKind Kind, int[] Registers, ulong Offset = 0)
{
    public int Register => Registers[0];
}

/// <summary>Does an instruction for the active lanes of a warp (bit n: lane n), all of it or nothing.</summary>
/// <returns>Whether it is done; else the warp has to wait, and has been told for what.</returns>
internal delegate bool PtxStep(PtxWarp warp, PtxInstruction instruction, uint active);

/// <summary>An instruction, which a predicate may guard.</summary>
/// <param name="Text">As it was written.</param>
/// <param name="Name">With its suffixes.</param>
/// <param name="Guard">Register of its predicate.</param>
/// <param name="IsNot">Whether it is done where the predicate does not hold.</param>
/// <param name="Operands">Operands.</param>
internal sealed record PtxInstruction(string Text, string Name, int? Guard, bool IsNot, PtxOperand[] Operands)
{
    /// <summary>All registers in it.</summary>
    public int[] Registers { get; } = [.. Operands.SelectMany(static o => o.Registers), .. Guard is int guard ? [guard] : Array.Empty<int>()];

    /// <summary>Where one goes from the end of the kernel.</summary>
    public const int End = int.MaxValue;

    /// <summary>Where a branch goes.</summary>
    public int Target { get; set; } = End;

    /// <summary>Whether the lanes of a warp do it together.</summary>
    public bool IsTogether { get; } = Name.StartsWith("bar.", StringComparison.Ordinal) || Name.Contains(".sync", StringComparison.Ordinal);

    /// <summary>Whether it starts products of a warpgroup.</summary>
    public bool IsProduct { get; } = Name.StartsWith("wgmma.mma_async", StringComparison.Ordinal);

    /// <summary>What it does; <c>null</c> if it says where to go.</summary>
    public PtxStep? Step { get; } = Name is "bra" or "ret" ? null : PtxInstructions.Of(Name);
}

/// <summary>What a kernel must not do, or that it waits for ever.</summary>
internal sealed class PtxException(string message) : Exception(message);
