using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

// Modules, kernels and tensor maps: what was asked for is kept for a look.
internal sealed unsafe partial class FakeCudaDriver
{
    private byte* _info;
    private nint* _infoBytes;
    private byte* _error;
    private nint* _errorBytes;
    private readonly Dictionary<nint, string> _images = [];
    private readonly Dictionary<nint, nint> _functions = [];

    /// <summary>Modules that are loaded.</summary>
    public int Modules { get; private set; }

    /// <summary>What the compiler of the driver says, and where it fails.</summary>
    public (string Info, string Error) Log { get; set; } = ("", "");

    /// <summary>The last text that was loaded, to its final zero.</summary>
    public string Text { get; private set; } = "";

    /// <summary>What was launched last.</summary>
    public (uint Grid, uint Threads, uint SharedBytes, nint Stream, int FirstParameter) Launched { get; private set; }

    /// <summary>All that was launched: the kernel's name, how many blocks, and the values of its parameters.</summary>
    public List<(string Entry, uint Grid, byte[][] Parameters)> Launches { get; } = [];

    /// <summary>How many launches succeed before one does not.</summary>
    public int LaunchesUntilFailure { get; set; } = int.MaxValue;

    /// <summary>Dynamic shared memory that the last kernel was allowed.</summary>
    public int SharedBytes { get; private set; }

    /// <summary>What the last tensor map was made of.</summary>
    public (int Type, nint Address, ulong[] Lengths, ulong[] Strides, uint[] Box, int Swizzle, int Promotion) Map { get; private set; }

    public override CudaStatus ModuleLoadDataEx(out nint module, byte* image, uint options, int* names, nint* values)
    {
        module = 0;
        if (Does("ModuleLoadDataEx") is var status && status != 0)
            return status;
        Logs(options, names, values);
        if (WriteLogs() is var failure && failure != 0)
            return failure;
        Text = Marshal.PtrToStringUTF8((nint)image)!;
        module = ++_next;
        Modules++;
        _images.Add(module, Text);
        return 0;
    }

    public override CudaStatus ModuleUnload(nint module)
    {
        Modules--;
        return Does("ModuleUnload");
    }

    public override CudaStatus ModuleGetFunction(out nint function, nint module, byte* name)
    {
        function = ++_next;
        _functions.Add(function, module);
        return Does("ModuleGetFunction");
    }

    public override CudaStatus FuncSetAttribute(nint function, int attribute, int value)
    {
        SharedBytes = attribute == 8 ? value : -1;
        return Does("FuncSetAttribute");
    }

    public override CudaStatus FuncGetAttribute(out int value, int attribute, nint function)
    {
        value = attribute switch { 3 => 16, 4 => 168, _ => -1 };
        return Does("FuncGetAttribute");
    }

    public override CudaStatus LaunchKernel(nint function, uint grid, uint threads, uint sharedBytes, nint stream, void** parameters)
    {
        Launched = (grid, threads, sharedBytes, stream, *(int*)parameters[0]);
        Match entry = Entry().Match(_images[_functions[function]]);
        int[] sizes = [.. Parameter().Matches(entry.Groups["parameters"].Value).Select(static p =>
            p.Groups["count"].Success ? Number(p, "count") : Number(p, "bits") / 8)];
        byte[][] values = new byte[sizes.Length][];
        for (int i = 0; i < values.Length; i++)
            values[i] = new Span<byte>(parameters[i], sizes[i]).ToArray();
        Launches.Add((entry.Groups["name"].Value, grid, values));
        if ((LaunchesUntilFailure-- > 0 ? Does("LaunchKernel") : CudaStatus.InvalidValue) is var status && (status != 0 || Machine is null))
            return status;
        string text = _images[_functions[function]];
        return Enqueue(stream, () => Machine.Run(text, grid, threads, sharedBytes, values));
    }

    public override CudaStatus TensorMapEncodeTiled(
        TensorMap* map, int type, uint rank, nint address, ulong* lengths, ulong* byteStrides, uint* box, uint* elementStrides,
        int interleave, int swizzle, int promotion, int fill)
    {
        Map = (type, address, new Span<ulong>(lengths, 3).ToArray(), new Span<ulong>(byteStrides, 2).ToArray(), new Span<uint>(box, 3).ToArray(), swizzle, promotion);
        if ((nint)map % 64 != 0 || rank != 3 || elementStrides[2] != 1 || interleave != 0 || fill != 0)
            return CudaStatus.InvalidValue;
        new Span<byte>(map, TensorMap.Bytes).Fill(7);
        Machine?.Encode(new Span<byte>(map, TensorMap.Bytes), address, Map.Lengths, Map.Strides, Map.Box);
        return Does("TensorMapEncodeTiled");
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\.entry\s+(?<name>\w+)\s*\((?<parameters>[^)]*)\)")]
    private static partial Regex Entry();

    [GeneratedRegex(@"\.param\s+(\.align\s+\d+\s+)?\.[bufs](?<bits>\d+)\s+\w+(\[(?<count>\d+)\])?")]
    private static partial Regex Parameter();

    private void Logs(uint options, int* names, nint* values)
    {
        for (int i = 0; i < options; i++)
        {
            switch (names[i])
            {
                case 3: _info = (byte*)values[i]; break;
                case 4: _infoBytes = values + i; break;
                case 5: _error = (byte*)values[i]; break;
                case 6: _errorBytes = values + i; break;
            }
        }
    }

    // Logs that do not fit are cut, as the driver does.
    private CudaStatus WriteLogs()
    {
        *_infoBytes = Write(Log.Info, _info, *_infoBytes);
        *_errorBytes = Write(Log.Error, _error, *_errorBytes);
        return Log.Error.Length > 0 ? (CudaStatus)218 : 0;

        static nint Write(string log, byte* to, nint room)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(log);
            int count = (int)Math.Min(bytes.Length, room - 1);
            bytes.AsSpan(0, count).CopyTo(new(to, count));
            to[count] = 0;
            return count + 1;
        }
    }
}
