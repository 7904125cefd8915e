using System.Text.RegularExpressions;
using MoBA.Patterns;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Conformance.Tests.Cuda;

/// <summary>Every pattern of the gallery becomes tensor-core kernels that stay in registers, on a machine without a GPU.</summary>
public sealed partial class TensorCoreKernelTests : IDisposable
{
    // Of these every shape is assembled: without a mask of its own, with one, and with changed scores; of the others one.
    private static readonly string[] _everyShape = [nameof(Causal), nameof(SinkWindow), nameof(AlibiCausal)];

    // Accesses to local memory, counted in the code, where the scores are: what these ask of a pair, or hold of a query, is more than
    // the registers beside the tiles. A ceiling to be lowered.
    private static readonly Dictionary<(string Pattern, KernelTarget Target), int> _spills = new()
    {
        [(nameof(DocumentCausal), KernelTarget.Sm90a)] = 4,
        [(nameof(GlobalWindow), KernelTarget.Sm90a)] = 4,
        [(nameof(SoftCap), KernelTarget.Sm90a)] = 30,
        [(nameof(BigBird), KernelTarget.Sm90a)] = 60,
        [(nameof(BlockDiffusion), KernelTarget.Sm90a)] = 150,
        [(nameof(Dilated), KernelTarget.Sm80)] = 4,
        [(nameof(Strided), KernelTarget.Sm80)] = 4,
        [(nameof(DocumentCausal), KernelTarget.Sm80)] = 8,
        [(nameof(AlibiCausal), KernelTarget.Sm80)] = 8,
        [(nameof(Natten2D), KernelTarget.Sm80)] = 120,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("moba-ptxas-").FullName;

    /// <summary>The gallery, for every machine.</summary>
    public static TheoryData<string, string> Kernels =>
        [.. from entry in Gallery.Experts from target in Enum.GetValues<KernelTarget>() select (entry.Name, target.ToString())];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_kernel_is_lowered_in_every_shape(string pattern, string machine)
    {
        KernelTarget target = Enum.Parse<KernelTarget>(machine);
        foreach (KernelSource kernel in CudaKernels.Of(pattern, target))
        {
            Assert.NotEmpty(kernel.Hash);
            foreach (TileShape shape in CudaKernels.Shapes(target))
                CheckText(CudaKernels.Text(kernel, shape), shape);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_kernel_is_assembled_into_registers(string pattern, string machine)
    {
        Ptxas.SkipWithout();
        KernelTarget target = Enum.Parse<KernelTarget>(machine);
        (KernelText, TileShape)[] texts =
        [
            .. from kernel in CudaKernels.Of(pattern, target)
               from shape in CudaKernels.Shapes(target).Take(_everyShape.Contains(pattern) ? int.MaxValue : 1)
               select (CudaKernels.Text(kernel, shape), shape),
        ];
        string[] faults = [.. texts.AsParallel().AsOrdered().WithDegreeOfParallelism(2).SelectMany(t => Faults(t.Item1, t.Item2, _spills.GetValueOrDefault((pattern, target))))];
        Assert.True(faults.Length == 0, string.Join('\n', faults));
    }

    [Fact]
    public void A_Hopper_kernel_multiplies_by_warpgroups()
    {
        Ptxas.SkipWithout();
        TileShape shape = CudaKernels.Shapes(KernelTarget.Sm90a).First();
        KernelSource kernel = Assert.Single(CudaKernels.Of(nameof(SinkWindow), KernelTarget.Sm90a));
        string sass = Ptxas.Sass(Ptxas.Assemble(CudaKernels.Text(kernel, shape), shape.Target, _folder));
        Assert.Contains("HGMMA", sass);
        Assert.Contains("UTMALDG", sass);
        Assert.DoesNotContain("STL", sass);
        Assert.DoesNotContain("LDL", sass);
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void CheckText(KernelText text, TileShape shape)
    {
        (string machine, int threads, int sharedBytes) = Budget(shape.Target);
        Assert.Equal((threads, true), (text.Threads, text.SharedBytes <= sharedBytes));
        string[] lines = text.Ptx.Split('\n', StringSplitOptions.TrimEntries);
        Assert.Contains($".target {machine}", lines);
        Assert.Contains(".address_size 64", lines);
        Assert.Contains($".maxntid {threads}, 1, 1", lines);
        Assert.Single(lines, line => line.StartsWith($".visible .entry {text.Entry}(", StringComparison.Ordinal));
        string[] code = [.. lines.Where(static line => !line.StartsWith("//", StringComparison.Ordinal))];
        Assert.DoesNotContain(code, static line => line.StartsWith("tile.", StringComparison.Ordinal));
        foreach (string never in (string[])["__local_depot", ".local", "bra.uni", ".func", "call"])
            Assert.DoesNotContain(code, line => line.Contains(never, StringComparison.Ordinal));
    }

    private IEnumerable<string> Faults(KernelText text, TileShape shape, int spills)
    {
        PtxasReport report = Ptxas.Assemble(text, shape.Target, _folder);
        if (report.Registers > Math.Min(255, 65536 / text.Threads / 8 * 8))
            yield return $"{shape}: {report.Registers} registers";
        foreach (string never in (string[])["ptxas warning", "serialized", "(C75", "setmaxnreg ignored"])
        {
            if (report.Log.Contains(never, StringComparison.Ordinal))
                yield return $"{shape}: {report.Log}";
        }

        if (report.StackBytes > 0 && LocalAccesses(Ptxas.Sass(report)) is int accesses && accesses > spills)
            yield return $"{shape}: {accesses} accesses to local memory where the scores are\n{report.Log}";
    }

    // Hopper's copying thread has few registers and does little: what it spills costs nothing. It stands before the registers that
    // the computing warpgroups take.
    private static int LocalAccesses(string sass)
    {
        int computing = sass.IndexOf("USETMAXREG.TRY_ALLOC", StringComparison.Ordinal);
        return LocalAccess().Count(sass, Math.Max(computing, 0));
    }

    [GeneratedRegex(@"\b(STL|LDL)\b")]
    private static partial Regex LocalAccess();

    private static (string Machine, int Threads, int SharedBytes) Budget(KernelTarget target) => target switch
    {
        KernelTarget.Sm90a => ("sm_90a", 384, 232448),
        _ => ("sm_80", 128, 101376),
    };
}
