namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>The asynchronous products of a warp, its part of them: 16 rows. Their results are in no register until they are waited
/// for, and registers that they read or write may not be touched before. A register that was touched needs a fence to be an operand.</summary>
internal sealed class PtxProducts(PtxWarp warp, int registers)
{
    private const int Open = int.MaxValue;

    // How many products in flight have a register, and how many fences there were when it was last touched.
    private readonly int[] _uses = new int[registers], _touched = new int[registers];
    private readonly Dictionary<int, float[]> _sums = [];
    private List<(PtxProduct Product, int Group)> _inFlight = [];
    private int _fences, _groups;

    public bool AreInFlight => _inFlight.Count > 0;

    /// <summary>An instruction uses its registers.</summary>
    public void Touch(PtxInstruction instruction)
    {
        if (instruction.IsProduct)
            return;
        foreach (int register in instruction.Registers)
        {
            if (_uses[register] > 0)
                throw new PtxException($"{instruction.Text} uses a register of a product in flight.");
            _touched[register] = _fences;
        }
    }

    /// <summary>Starts this warp's part of a product.</summary>
    /// <returns>Its sums, 16 rows; what they are, or 0.</returns>
    public float[] Start(PtxProduct product, bool isAdded)
    {
        PtxOperand[] o = product.Instruction.Operands;
        int[] to = o[0].Registers;
        IEnumerable<int> used = o[1].Kind == PtxOperandKind.Vector ? to.Concat(o[1].Registers) : to;
        foreach (int register in used)
        {
            if (_touched[register] >= _fences)
                throw new PtxException($"a register was used since the last fence: {product.Instruction.Text}");
            if (_uses[register]++ > 0 && !_inFlight.Exists(p => p.Product.Instruction.Operands[0].Registers.AsSpan().SequenceEqual(to)))
                throw new PtxException($"two products in flight share some registers: {product.Instruction.Text}");
        }

        _inFlight.Add((product, Open));
        if (_sums.TryGetValue(to[0], out float[]? sums) && isAdded)
            return sums;
        _sums[to[0]] = sums = new float[to.Length * PtxWarp.Lanes];
        if (isAdded)
            Move(to, sums, static (ref ulong register, ref float sum) => sum = PtxMath.F(register));
        return sums;
    }

    /// <summary>Orders what was done with registers before the products that follow.</summary>
    public void Fence() => _fences++;

    /// <summary>The products started since the last one are a group.</summary>
    public void Commit()
    {
        _inFlight = [.. _inFlight.Select(p => p.Group == Open ? (p.Product, _groups) : p)];
        _groups++;
    }

    /// <summary>Waits for all but the last groups.</summary>
    public void Wait(int left)
    {
        (PtxProduct Product, int Group)[] ended = [.. _inFlight.Where(p => p.Group < _groups - left)];
        _inFlight.RemoveAll(p => p.Group < _groups - left);
        foreach ((PtxProduct product, _) in ended)
        {
            PtxOperand[] o = product.Instruction.Operands;
            foreach (int register in o[1].Kind == PtxOperandKind.Vector ? o[0].Registers.Concat(o[1].Registers) : o[0].Registers)
                _uses[register]--;
            int[] to = o[0].Registers;
            if (_uses[to[0]] == 0 && _sums.Remove(to[0], out float[]? sums))
                Move(to, sums, static (ref ulong register, ref float sum) => register = PtxMath.F(sum));
            product.End();
        }
    }

    private delegate void Mover(ref ulong register, ref float sum);

    // Registers 4j and 4j + 1 are columns 8j and 8j + 1 of row 0, from two columns a lane of a quad and a row a quad on; 4j + 2 and
    // 4j + 3 those of row 8.
    private void Move(int[] registers, float[] sums, Mover move)
    {
        for (int i = 0; i < registers.Length; i++)
        {
            Span<ulong> values = warp[registers[i]];
            for (int lane = 0; lane < values.Length; lane++)
            {
                int row = (lane >> 2) + ((i & 2) * 4), column = (8 * (i >> 2)) + ((lane & 3) * 2) + (i & 1);
                move(ref values[lane], ref sums[(row * 2 * registers.Length) + column]);
            }
        }
    }
}
