using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>A kernel's PTX as a list of instructions, with registers as numbers and labels as positions. Constants and what a thread
/// knows of itself are registers too.</summary>
internal sealed partial class PtxProgram
{
    private readonly List<Dictionary<string, int>> _scopes = [];
    private readonly List<(PtxInstruction Branch, string Label, int[] Scopes)> _jumps = [];
    private readonly Dictionary<(int Scope, string Label), int> _labels = [];
    private readonly List<int> _open = [];
    private readonly List<(string Name, int Offset, int Bytes)> _parameters = [];
    private readonly Dictionary<ulong, int> _constants = [];
    private readonly Dictionary<string, int> _specials = [];
    private readonly List<PtxInstruction> _instructions = [];

    public PtxProgram(string ptx)
    {
        ptx = Comment().Replace(ptx, "");
        int parameters = ptx.IndexOf(".entry", StringComparison.Ordinal), body = ptx.IndexOf('{', parameters);
        foreach (Match parameter in Parameter().Matches(ptx[parameters..body]))
            Declare(parameter);
        Parse(ptx[body..]);
        foreach ((PtxInstruction branch, string label, int[] scopes) in _jumps)
            branch.Target = scopes.Select(s => _labels.GetValueOrDefault((s, label), -1)).Last(static at => at >= 0);
    }

    public IReadOnlyList<PtxInstruction> Instructions => _instructions;

    public int Registers { get; private set; }

    /// <summary>The registers that hold constants.</summary>
    public IReadOnlyDictionary<ulong, int> Constants => _constants;

    /// <summary>The registers that hold what a thread knows of itself, as <c>%tid.x</c>.</summary>
    public IReadOnlyDictionary<string, int> Specials => _specials;

    /// <summary>The values of all parameters, each at its place.</summary>
    public byte[] Pack(params ReadOnlySpan<byte[]> values)
    {
        Assert.Equal(_parameters.Count, values.Length);
        byte[] packed = new byte[_parameters[^1].Offset + _parameters[^1].Bytes];
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal(_parameters[i].Bytes, values[i].Length);
            values[i].CopyTo(packed, _parameters[i].Offset);
        }

        return packed;
    }

    private void Declare(Match parameter)
    {
        int bytes = Number(parameter, "bits") / 8, align = bytes;
        if (parameter.Groups["count"].Success)
            (bytes, align) = (bytes * Number(parameter, "count"), Number(parameter, "align"));
        int end = _parameters.Count == 0 ? 0 : _parameters[^1].Offset + _parameters[^1].Bytes;
        _parameters.Add((parameter.Groups["name"].Value, (end + align - 1) / align * align, bytes));
    }

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
                string[] names = !name.Groups["count"].Success ? [name.Groups["name"].Value]
                    : [.. Enumerable.Range(0, Number(name, "count")).Select(i => string.Create(CultureInfo.InvariantCulture, $"{name.Groups["name"].Value}{i}"))];
                foreach (string register in names)
                    _scopes[_open[^1]][register] = Registers++;
            }

            return;
        }

        Match m = Form().Match(text);
        string[] operands = [.. Operand().Matches(m.Groups["operands"].Value).Select(static o => o.Value.Trim()).Where(static o => o.Length > 0)];
        int? guard = m.Groups["guard"].Success ? Register(m.Groups["guard"].Value) : null;
        bool isBranch = m.Groups["name"].Value == "bra";
        _instructions.Add(new(text, m.Groups["name"].Value, guard, m.Groups["not"].Success, isBranch ? [] : [.. operands.Select(Parsed)]));
        if (isBranch)
            _jumps.Add((_instructions[^1], operands[0], [.. _open]));
    }

    private PtxOperand Parsed(string text)
    {
        if (text[0] == '{')
            return new(PtxOperandKind.Vector, List(text));
        if (text[0] != '[')
            return new(PtxOperandKind.Register, [Register(text)]);
        string inside = text[1..^1];
        if (inside.IndexOf(',', StringComparison.Ordinal) is > 0 and var comma)
            return new(PtxOperandKind.Tensor, [Register(inside[..comma]), .. List(inside[(comma + 1)..].Trim())]);
        string[] parts = inside.Split('+', StringSplitOptions.TrimEntries);
        return new(PtxOperandKind.Address, [Register(parts[0])], parts.Length > 1 ? (ulong)long.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
    }

    private int[] List(string text) => [.. text[1..^1].Split(',', StringSplitOptions.TrimEntries).Select(Register)];

    private int Register(string name)
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            if (_scopes[_open[i]].TryGetValue(name, out int register))
                return register;
        }

        return name switch
        {
            "moba_shared" => Constant(PtxShared.Address),
            "_" or "%tid.x" or "%laneid" or "%ctaid.x" or "%nctaid.x" => Special(name),
            _ when _parameters.Find(p => p.Name == name) is { Name: not null } parameter => Constant((ulong)parameter.Offset),
            ['0', 'f', .. var bits] => Constant(Convert.ToUInt32(bits, 16)),
            ['0', 'x', .. var digits] => Constant(Convert.ToUInt64(digits, 16)),
            _ when long.TryParse(name, CultureInfo.InvariantCulture, out long value) => Constant((ulong)value),
            _ when ulong.TryParse(name, CultureInfo.InvariantCulture, out ulong value) => Constant(value),
            _ => throw new NotSupportedException($"no register is called {name}."),
        };
    }

    private int Constant(ulong value) => _constants.TryGetValue(value, out int register) ? register : _constants[value] = Registers++;

    private int Special(string name) => _specials.TryGetValue(name, out int register) ? register : _specials[name] = Registers++;

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\.param (?:\.align (?<align>\d+) )?\.\w(?<bits>\d+) (?<name>\w+)(?:\[(?<count>\d+)\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\G(?<name>[\w$]+):(?!:)")]
    private static partial Regex Label();

    [GeneratedRegex(@"(?<=[\s,])(?<name>%?[A-Za-z_]\w*)(?:<(?<count>\d+)>)?(?=\s*(?:,|$))")]
    private static partial Regex Declared();

    [GeneratedRegex(@"^(?:@(?<not>!)?(?<guard>[%\w]+)\s+)?(?<name>[\w.:]+)\s*(?<operands>.*)$", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")]
    private static partial Regex Operand();
}
