using System.CommandLine;
using System.Globalization;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>What <c>moba bench</c> takes with <c>--target cuda</c> alone.</summary>
internal sealed class DeviceOptions
{
    private const string Random = "random", Correlated = "correlated";

    private readonly Option<int> _batch = Arguments.Number("--batch", "With --target cuda: sequences of --tokens each, packed", 1, 1 << 20);
    private readonly Option<SafetensorsDtype> _dtype = Dtype();
    private readonly Option<string?> _input = Arguments.Data("With --target cuda: time this data (BF16 or F16; if packed, cu_seqlens)");
    private readonly Option<string?> _output = new("--output", "-o") { Description = "With --target cuda: write o of the pattern to this safetensors file", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "With --target cuda: write all that was measured to this file too", HelpName = "FILE" };
    private readonly Option<double?> _peak = Rate();
    private readonly Option<bool> _sustained = new("--sustained") { Description = "With --target cuda: time two seconds of load without a pause too" };
    private readonly Option<bool> _first = new("--first") { Description = "With --target cuda: time the first call of new processes too, without compiled kernels and with them" };
    private readonly Option<bool> _all = new("--all") { Description = "With --target cuda: every pattern that routes nothing" };
    private readonly Option<string> _data = Data();
    private readonly Option<int?> _workspace = Arguments.OptionalNumber("--workspace", "With --target cuda: the most MB of scratch memory that a call with a block gate may take, and that are kept for reuse", 512, 1 << 20);
    private readonly Option<bool> _crossover = new("--crossover") { Description = "With --target cuda: time the pattern beside dense causal attention at 1024, 2048, ... tokens too" };
    private readonly Option<AttendPath> _path = Path();
    private readonly Option<bool> _here = new(FirstCall.Option) { Hidden = true };

    private IEnumerable<Option> All => [_batch, _dtype, _input, _output, _json, _peak, _sustained, _first, _all, _data, _workspace, _crossover, _path, _here];

    /// <summary>Adds the options to a command, and checks how they go together.</summary>
    /// <param name="command">The command.</param>
    /// <param name="pattern">Its NAME.</param>
    /// <param name="target">Its --target.</param>
    /// <param name="settings">Options that speak of one pattern: --set and --router.</param>
    /// <param name="shape">Options that speak of shapes, which --input has.</param>
    public void AddTo(Command command, Argument pattern, Option<Target?> target, Option[] settings, Option[] shape)
    {
        foreach (Option option in All)
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            bool Given(Option option) => result.GetResult(option) is { Implicit: false };
            bool named = result.GetResult(pattern) is { Tokens.Count: > 0 }, all = result.GetValue(_all), cuda = result.GetValue(target) == Target.Cuda;
            string? wrong =
                !cuda && All.FirstOrDefault(Given) is { } device ? $"{device.Name} is for --target cuda: add that, or leave {device.Name} out."
                : named == all ? (all ? "bench takes a NAME or --all, not both: leave one out." : "bench wants a pattern's NAME, or --all with --target cuda.")
                : all && ((Option[])[.. settings, _output, _crossover]).FirstOrDefault(Given) is { } one ? $"{one.Name} is for one pattern, and --all is every one: leave one of them out."
                : Given(_input) && ((Option[])[.. shape, _batch, _dtype]).FirstOrDefault(Given) is { } known ? $"{known.Name} is what --input's tensors say: leave it out."
                : Given(_input) && ((Option[])[_data, _crossover]).FirstOrDefault(Given) is { } random ? $"{random.Name} is of random numbers, and --input has its own: leave one of them out."
                : null;
            if (wrong is not null)
            {
                result.AddError(wrong);
            }
        });
    }

    /// <summary>The values of a command line.</summary>
    public DeviceRequest Of(ParseResult parsed) => new(
        parsed.GetValue(_batch), parsed.GetValue(_dtype), parsed.GetValue(_input), parsed.GetValue(_output), parsed.GetValue(_json),
        parsed.GetValue(_peak), parsed.GetValue(_sustained), parsed.GetValue(_first), parsed.GetValue(_all),
        parsed.GetValue(_data) == Correlated, parsed.GetValue(_workspace) * 1_000_000L, parsed.GetValue(_crossover),
        parsed.GetValue(_path), parsed.GetValue(_here));

    /// <summary>An element type as <c>--dtype</c> takes it.</summary>
    public static string Spelling(SafetensorsDtype dtype) => dtype == SafetensorsDtype.BF16 ? "bf16" : "fp16";

    /// <summary>A path as <c>--path</c> takes it.</summary>
    public static string Spelling(AttendPath path) => path switch { AttendPath.Gathered => "gathered", AttendPath.Union => "union", _ => "auto" };

    /// <summary>What random numbers are like, as <c>--data</c> takes it.</summary>
    public static string Data(bool isCorrelated) => isCorrelated ? Correlated : Random;

    private static Option<string> Data() => new("--data")
    {
        Description = "With --target cuda: random rows, or correlated ones, which are like their neighbours as a trained model's are, so that neighbouring queries choose similar blocks",
        HelpName = $"{Random}|{Correlated}",
        DefaultValueFactory = _ => Random,
        CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            if (given is not (Random or Correlated))
            {
                result.AddError($"--data is {Arguments.Quoted(given)}: {Random} or {Correlated} is wanted.");
            }

            return given;
        },
    };

    private static Option<AttendPath> Path() => new("--path")
    {
        Description = "With --target cuda: how blocks that a gate chose are attended: gathered, over the union of a tile's, or as the device finds better",
        HelpName = "auto|gathered|union",
        DefaultValueFactory = _ => AttendPath.Auto,
        CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            foreach (AttendPath path in Enum.GetValues<AttendPath>())
            {
                if (given == Spelling(path))
                {
                    return path;
                }
            }

            result.AddError($"--path is {Arguments.Quoted(given)}: auto, gathered or union is wanted.");
            return AttendPath.Auto;
        },
    };

    private static Option<SafetensorsDtype> Dtype() => new("--dtype")
    {
        Description = "With --target cuda: bf16 or fp16",
        HelpName = "TYPE",
        DefaultValueFactory = _ => SafetensorsDtype.BF16,
        CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            if (given is not ("bf16" or "fp16"))
            {
                result.AddError($"--dtype is {Arguments.Quoted(given)}: bf16 or fp16 is wanted.");
            }

            return given == "fp16" ? SafetensorsDtype.F16 : SafetensorsDtype.BF16;
        },
    };

    private static Option<double?> Rate() => new("--peak")
    {
        Description = "With --target cuda: the device's rate at matrix products, to compare with",
        HelpName = "TFLOP/S",
        CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            if (double.TryParse(given, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) && double.IsFinite(rate) && rate > 0)
            {
                return rate;
            }

            result.AddError($"--peak is {Arguments.Quoted(given)}: a number of TFLOP/s above 0 is wanted, for example --peak 700.");
            return null;
        },
    };
}

/// <summary>What a command line asks of <see cref="DeviceBench"/>.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="Dtype">BF16 or F16.</param>
/// <param name="Input">File of q, k and v, or null for random numbers.</param>
/// <param name="Output">Where o is written, or null.</param>
/// <param name="Json">Where the report is written, or null.</param>
/// <param name="Peak">Rate of matrix products in TFLOP/s, or null.</param>
/// <param name="Sustained">Whether lasting load is timed.</param>
/// <param name="First">Whether first calls are timed.</param>
/// <param name="All">Whether every static pattern is timed.</param>
/// <param name="Correlated">Whether random rows are like their neighbours.</param>
/// <param name="WorkspaceBytes">Most scratch memory of a call, or null.</param>
/// <param name="Crossover">Whether the pattern is timed beside dense causal attention at several lengths.</param>
/// <param name="Path">How chosen blocks are attended.</param>
/// <param name="Here">Whether the first call of this process is all that is timed.</param>
internal sealed record DeviceRequest(
    int Batch, SafetensorsDtype Dtype, string? Input, string? Output, string? Json, double? Peak, bool Sustained, bool First, bool All,
    bool Correlated, long? WorkspaceBytes, bool Crossover, AttendPath Path, bool Here)
{
    /// <summary>The first option that asks for what is measured of experts alone; null where there is none.</summary>
    public string? MoreThanTimes =>
        Output is not null ? "--output" : Json is not null ? "--json" : Peak is not null ? "--peak" : Sustained ? "--sustained" : First ? "--first"
        : Crossover ? "--crossover" : null;
}
