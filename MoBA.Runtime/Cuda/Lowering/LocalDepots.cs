using System.Text;
using System.Text.RegularExpressions;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "registers": an <c>out</c> operand of inline PTX is a C# local with an address, which ILGPU puts into local memory, and
/// ptxas leaves it there once a kernel copies asynchronously. Each such depot becomes a register, if its address is used for
/// nothing but loads and stores of one type.
/// </summary>
internal static partial class LocalDepots
{
    public static string ToRegisters(string ptx)
    {
        string[] lines = ptx.Split('\n');
        Dictionary<string, Depot> depots = Find(lines);
        HashSet<string> taken = [.. depots.Values.Select(static d => d.Name)];
        StringBuilder text = new(ptx.Length);
        foreach (string line in lines)
        {
            if (Declaration().Match(line) is { Success: true } declaration && taken.Contains(declaration.Groups["depot"].Value))
                continue;
            text.Append(Rewritten(line, depots)).Append('\n');
        }

        return text.ToString(0, text.Length - 1);
    }

    // The depots that can be registers, by the register that holds their address.
    private static Dictionary<string, Depot> Find(string[] lines)
    {
        Dictionary<string, Depot> depots = [];
        foreach (Match address in lines.Select(static l => Address().Match(l)).Where(static m => m.Success))
            depots[address.Groups["address"].Value] = new(address.Groups["depot"].Value, $"%depot{depots.Count}");
        foreach (string line in lines)
        {
            if (depots.Count == 0 || !line.Contains("%rd", StringComparison.Ordinal) || Address().IsMatch(line))
                continue;
            Match access = Access().Match(line);
            foreach (Match use in WideRegister().Matches(line))
            {
                if (!depots.TryGetValue(use.Value, out Depot? depot))
                    continue;
                string? type = access.Success && access.Groups["address"].Index == use.Index ? access.Groups["type"].Value : null;
                if (type is null || (depot.Type ?? type) != type)
                    depots.Remove(use.Value);
                else
                    depot.Type = type;
            }
        }

        return depots;
    }

    private static string Rewritten(string line, Dictionary<string, Depot> depots)
    {
        if (Address().Match(line) is { Success: true } address)
            return depots.TryGetValue(address.Groups["address"].Value, out Depot? declared) ? $"\t.reg .{declared.Type ?? "b32"} {declared.Register};" : line;
        Match access = Access().Match(line);
        if (!access.Success || !depots.TryGetValue(access.Groups["address"].Value, out Depot? depot))
            return line;
        string value = access.Groups["value"].Value;
        return access.Groups["load"].Success ? $"\tmov.{depot.Type}\t{value}, {depot.Register};" : $"\tmov.{depot.Type}\t{depot.Register}, {value};";
    }

    [GeneratedRegex(@"^\s*\.local .*\b(?<depot>__local_depot\d+)\[")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^\s*mov\.b64\s+(?<address>%rd\d+), (?<depot>__local_depot\d+);\s*$")]
    private static partial Regex Address();

    [GeneratedRegex(@"^\s*(?:(?<load>ld)\.local\.(?<type>\w+)\s+(?<value>%\w+), \[(?<address>%rd\d+)\]|st\.local\.(?<type>\w+)\s+\[(?<address>%rd\d+)\], (?<value>[^;]+));\s*$")]
    private static partial Regex Access();

    [GeneratedRegex(@"%rd\d+")]
    private static partial Regex WideRegister();

    private sealed class Depot(string name, string register)
    {
        public string Name => name;

        public string Register => register;

        public string? Type { get; set; }
    }
}
