using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MoBA.Runtime;
using Spectre.Console;

namespace MoBA.Program;

/// <summary>What was measured of one pattern on a device. Times are milliseconds unless named otherwise; null is not measured.</summary>
internal sealed record DeviceRow
{
    /// <summary>The class's name.</summary>
    public required string Pattern { get; init; }

    /// <summary>Its parameters, for example <c>Window=1024 Sinks=4</c>.</summary>
    public required string Settings { get; init; }

    /// <summary>Median of the calls after a rest.</summary>
    public required double Median { get; init; }

    /// <summary>Shortest of them.</summary>
    public required double Min { get; init; }

    /// <summary>How many there were.</summary>
    public required int Calls { get; init; }

    /// <summary>Attended pairs over all heads and sequences, counted exactly.</summary>
    public required long Pairs { get; init; }

    /// <summary>Part of all pairs that is attended, 0 to 1.</summary>
    public required double Density { get; init; }

    /// <summary>Multiplications and additions that count as useful: 4 dim for each attended pair, and for patterns that attend all of the
    /// past 4 dim tokens^2 / 2 a head, as is usual.</summary>
    public required double UsefulFlop { get; init; }

    /// <summary>Tiles of 128 x 128 that are attended wholly.</summary>
    public required long FullTiles { get; init; }

    /// <summary>Tiles of 128 x 128 where the predicate is asked score by score.</summary>
    public required long PartialTiles { get; init; }

    /// <summary>Part of the visited tiles that is partial, 0 to 1.</summary>
    public required double PartialShare { get; init; }

    /// <summary>Bytes that the first call took on the device beside q, k, v and o.</summary>
    public required long DeviceBytes { get; init; }

    /// <summary>Microseconds that the host takes to enqueue a call.</summary>
    public required double HostMicroseconds { get; init; }

    /// <summary>Median under about two seconds of load without a pause.</summary>
    public double? Sustained { get; init; }

    /// <summary>First call of a process, with nothing compiled.</summary>
    public double? FirstCall { get; init; }

    /// <summary>First call of a process whose kernel an earlier one compiled.</summary>
    public double? FirstCallCached { get; init; }

    /// <summary>Of an expert with a gate: milliseconds of each pass of a call, medians of a few calls.</summary>
    public IReadOnlyDictionary<string, double>? Passes { get; init; }

    /// <summary>Of an expert with a gate: bytes of scratch memory that a call takes.</summary>
    public long? WorkspaceBytes { get; init; }

    /// <summary>Of an expert with a gate: in how many groups of heads the routed blocks are attended; 0 where none are.</summary>
    public int? Groups { get; init; }

    /// <summary>Of an expert with a gate that chooses past blocks: how many 128 neighbouring queries of a head choose together, over how many
    /// one of them does.</summary>
    public double? UnionRatio { get; init; }

    /// <summary>Of an expert with a gate that chooses past blocks: the path that a call takes, as <c>--path</c> spells it.</summary>
    public string? Path { get; init; }

    /// <summary>The same ratio of the attention kernel's tiles, as the device counts it; null where it did not.</summary>
    public double? TileRatio { get; init; }

    /// <summary>Useful TFLOP/s by the median.</summary>
    public double Tflops => UsefulFlop / Median / 1e9;
}

/// <summary>Everything that <c>moba bench --target cuda</c> has measured.</summary>
internal sealed record DeviceReport
{
    /// <summary>The engine's description.</summary>
    public required string Engine { get; init; }

    /// <summary>Query tokens of all sequences.</summary>
    public required int Tokens { get; init; }

    /// <summary>Number of sequences.</summary>
    public required int Batch { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key heads.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Numbers in a head.</summary>
    public required int Dim { get; init; }

    /// <summary>bf16 or fp16.</summary>
    public required string Dtype { get; init; }

    /// <summary>Bytes of q, k, v and o.</summary>
    public required double TensorBytes { get; init; }

    /// <summary>The device's rate at matrix products in TFLOP/s, if it was given.</summary>
    public double? Peak { get; init; }

    /// <summary>The patterns; dense causal attention last where it was timed beside them.</summary>
    public required IReadOnlyList<DeviceRow> Rows { get; init; }

    /// <summary>The pattern beside dense causal attention, by length, if that was asked for.</summary>
    public IReadOnlyList<CrossoverRow>? Crossover { get; init; }

    /// <summary>What random numbers are like: random or correlated; null where the tensors are a file's.</summary>
    public string? Data { get; init; }

    /// <summary>Dense causal attention of the same run.</summary>
    [JsonIgnore]
    public DeviceRow? Dense => Rows.LastOrDefault(row => row.Pattern == nameof(Patterns.Causal));

    /// <summary>The report as JSON, names in snake case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DeviceReportJson.Default.DeviceReport) + "\n";

    /// <summary>The report as a table.</summary>
    public Table ToTable()
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("pattern").NoWrap());
        (string Name, Func<DeviceRow, string> Text)[] columns =
        [
            ("density", row => Text(100 * row.Density, "0.00' %'")),
            ("ms", row => Text(row.Median, "0.000")),
            ("min", row => Text(row.Min, "0.000")),
            .. When(Rows.Any(row => row.Sustained is not null), ("sustained", row => row.Sustained is { } ms ? Text(ms, "0.000") : "")),
            ("TFLOP/s", row => Text(row.Tflops, "0.0")),
            .. When(Peak is not null, ("of peak", row => Text(row.Tflops / Peak!.Value, "0.00"))),
            .. When(Dense is not null, ("of dense", row => Text(row.Tflops / Dense!.Tflops, "0.00"))),
            .. When(Dense is not null, ("speed-up", row => Text(Dense!.Median / row.Median, "0.0'x'"))),
            ("partial", row => row.Passes is null ? Text(100 * row.PartialShare, "0.0' %'") : ""),
            ("MB", row => Text(row.DeviceBytes / 1e6, "0.0")),
            ("host us", row => Text(row.HostMicroseconds, "0.0")),
        ];
        foreach ((string name, _) in columns)
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        foreach (DeviceRow row in Rows)
        {
            table.AddRow([row.Pattern, .. columns.Select(column => column.Text(row))]);
        }

        return table;
    }

    /// <summary>What is said of an expert with a gate below the table.</summary>
    public IEnumerable<string> GateLines()
    {
        foreach (DeviceRow row in Rows)
        {
            if (row.Passes is { } passes)
            {
                yield return $"passes of {row.Pattern}, ms: {string.Join(", ", passes.Select(pass => $"{pass.Key} {Text(pass.Value, "0.000")}"))}";
                yield return row.Groups > 0
                    ? $"workspace: {Text(row.WorkspaceBytes!.Value / 1e6, "0.0")} MB, over {row.Groups} {(row.Groups == 1 ? "group" : "groups")} of heads"
                    : row.Path == DeviceOptions.Spelling(AttendPath.Union) ? $"workspace: {Text(row.WorkspaceBytes!.Value / 1e6, "0.0")} MB"
                    : "workspace: none, for no query has more past blocks than it chooses, or it chooses none";
            }

            if (row.UnionRatio is { } ratio)
            {
                yield return $"overlap of routes: 128 neighbouring queries of a head choose {Text(ratio, "0.00")} times as many past blocks as one";
            }

            if (row.Path is { } path)
            {
                yield return $"path: {path}{(row.TileRatio is { } tiles ? $", where a tile of queries chooses {Text(tiles, "0.00")} times as many past blocks as one" : "")}";
            }
        }
    }

    /// <summary>The pattern beside dense causal attention, by length.</summary>
    public Table CrossoverTable()
    {
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string name in (string[])["tokens", $"{Rows[0].Pattern} ms", "dense ms", "speed-up"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        foreach (CrossoverRow row in Crossover!)
        {
            table.AddRow(Text(row.Tokens, "0"), Text(row.Median, "0.000"), Text(row.Dense, "0.000"), Text(row.SpeedUp, "0.00'x'"));
        }

        return table;
    }

    private static (string, Func<DeviceRow, string>)[] When(bool there, (string, Func<DeviceRow, string>) column) => there ? [column] : [];

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}

/// <summary>How the report is written, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DeviceReport))]
internal sealed partial class DeviceReportJson : JsonSerializerContext;
