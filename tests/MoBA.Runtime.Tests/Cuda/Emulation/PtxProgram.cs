using System.Globalization;
using System.Text.RegularExpressions;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>A kernel's PTX as a list of instructions, with registers as numbers and labels as positions.</summary>
internal sealed partial class PtxProgram
{
    private readonly List<Dictionary<string, int>> _scopes = [];
    private readonly List<(int At, int Operand, string Label, int[] Scopes)> _jumps = [];
    private readonly Dictionary<(int Scope, string Label), int> _labels = [];
    private readonly List<int> _open = [];
    private readonly Dictionary<string, int> _offsets = [];
    private readonly List<PtxInstruction> _instructions = [];

    public PtxProgram(string ptx)
    {
        ptx = Comment().Replace(ptx, "");
        int parameters = ptx.IndexOf(".entry", StringComparison.Ordinal), body = ptx.IndexOf('{', parameters);
        foreach (Match parameter in Parameter().Matches(ptx[parameters..body]))
        {
            int size = parameter.Groups["size"].Success ? int.Parse(parameter.Groups["size"].Value, CultureInfo.InvariantCulture)
                : int.Parse(parameter.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8;
            ParameterBytes = (ParameterBytes + 7) / 8 * 8;
            _offsets[parameter.Groups["name"].Value] = ParameterBytes;
            ParameterBytes += size;
        }

        Parse(ptx[body..]);
        foreach ((int at, int operand, string label, int[] scopes) in _jumps)
            _instructions[at].Operands[operand] = new(PtxOperandKind.Constant, (ulong)scopes.Select(s => _labels.GetValueOrDefault((s, label), -1)).Where(static p => p >= 0).Last(), []);
    }

    public IReadOnlyList<PtxInstruction> Instructions => _instructions;

    public int Registers { get; private set; }

    /// <summary>Bytes of all parameters, each aligned to 8.</summary>
    public int ParameterBytes { get; private set; }

    private void Parse(string text)
    {
        int at = 0;
        while (at < text.Length)
        {
            char c = text[at];
            if (char.IsWhiteSpace(c) || c == ';')
            {
                at++;
            }
            else if (c == '{')
            {
                _open.Add(_scopes.Count);
                _scopes.Add([]);
                at++;
            }
            else if (c == '}')
            {
                _open.RemoveAt(_open.Count - 1);
                at++;
            }
            else if (Label().Match(text, at) is { Success: true } label)
            {
                _labels[(_open[^1], label.Groups["name"].Value)] = _instructions.Count;
                at += label.Length;
            }
            else
            {
                int end = text.IndexOf(';', at);
                Statement(text[at..end].Trim());
                at = end + 1;
            }
        }
    }

    private void Statement(string text)
    {
        if (text.StartsWith(".reg", StringComparison.Ordinal))
        {
            foreach (Match name in Declared().Matches(text))
            {
                if (!name.Groups["count"].Success)
                    Declare(name.Groups["name"].Value);
                for (int i = 0; name.Groups["count"].Success && i < int.Parse(name.Groups["count"].Value, CultureInfo.InvariantCulture); i++)
                    Declare(name.Groups["name"].Value + i.ToString(CultureInfo.InvariantCulture));
            }

            return;
        }

        Match m = Form().Match(text);
        string[] operands = [.. Operand().Matches(m.Groups["operands"].Value).Select(static o => o.Value.Trim()).Where(static o => o.Length > 0)];
        int? guard = m.Groups["guard"].Success ? Register(m.Groups["guard"].Value) : null;
        string name_ = m.Groups["name"].Value;
        if (name_ == "bra")
            _jumps.Add((_instructions.Count, 0, operands[0], [.. _open]));
        _instructions.Add(new(text, name_, guard, m.Groups["not"].Success, [.. operands.Select(o => name_ == "bra" ? default : Parsed(o))]));
    }

    private void Declare(string name) => _scopes[_open[^1]][name] = Registers++;

    private int Register(string name) =>
        TryRegister(name) ?? throw new NotSupportedException($"no register is called {name}.");

    private int? TryRegister(string name)
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            if (_scopes[_open[i]].TryGetValue(name, out int register))
                return register;
        }

        return null;
    }

    private PtxOperand Parsed(string text)
    {
        if (text[0] == '{')
            return new(PtxOperandKind.Vector, 0, [.. text[1..^1].Split(',', StringSplitOptions.TrimEntries).Select(Register)]);
        if (text[0] == '[')
        {
            string[] parts = text[1..^1].Split('+', StringSplitOptions.TrimEntries);
            ulong offset = parts.Length > 1 ? (ulong)long.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
            return TryRegister(parts[0]) is int address ? new(PtxOperandKind.Address, offset, [address])
                : new(PtxOperandKind.Constant, (ulong)_offsets[parts[0]] + offset, []);
        }

        if (TryRegister(text) is int register)
            return new(PtxOperandKind.Register, 0, [register]);
        return text switch
        {
            "moba_shared" => new(PtxOperandKind.Constant, PtxBlock.SharedAddress, []),
            "%tid.x" => new(PtxOperandKind.Thread, 0, []),
            "%laneid" => new(PtxOperandKind.Lane, 0, []),
            "%ctaid.x" => new(PtxOperandKind.Block, 0, []),
            _ when text.StartsWith("0f", StringComparison.Ordinal) => new(PtxOperandKind.Constant, Convert.ToUInt32(text[2..], 16), []),
            _ when text.StartsWith("0x", StringComparison.Ordinal) => new(PtxOperandKind.Constant, Convert.ToUInt64(text[2..], 16), []),
            _ => new(PtxOperandKind.Constant, (ulong)long.Parse(text, CultureInfo.InvariantCulture), []),
        };
    }

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\.param (?:\.align \d+ )?\.\w(?<bits>\d+) (?<name>\w+)(?:\[(?<size>\d+)\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\G(?<name>[\w$]+):")]
    private static partial Regex Label();

    [GeneratedRegex(@"(?<=[\s,])(?<name>%?[A-Za-z_]\w*)(?:<(?<count>\d+)>)?(?=\s*(?:,|$))")]
    private static partial Regex Declared();

    [GeneratedRegex(@"^(?:@(?<not>!)?(?<guard>[%\w]+)\s+)?(?<name>[\w.:]+)\s*(?<operands>.*)$", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")]
    private static partial Regex Operand();
}

internal enum PtxOperandKind
{
    Constant,
    Register,
    Vector,
    Address,
    Thread,
    Lane,
    Block,
}

/// <summary>An operand: a constant (also the place of a parameter), registers, or an address with an offset.</summary>
internal readonly record struct PtxOperand(PtxOperandKind Kind, ulong Value, int[] Registers);

/// <summary>An instruction, which a predicate may guard.</summary>
internal sealed record PtxInstruction(string Text, string Name, int? Guard, bool IsNot, PtxOperand[] Operands);
