using System.Runtime.InteropServices;
using System.Text;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>
/// A driver whose devices are this process's memory. Work on a stream is done when somebody waits for it and not before, so that
/// whoever forgets to wait, or to order two streams, sees old values. Calls without the right context fail, as the driver's do.
/// </summary>
internal sealed unsafe partial class FakeCudaDriver : CudaDriver
{
    private const nint Context = 0xC0DE;

    [ThreadStatic]
    private static Stack<nint>? _current;

    private readonly Dictionary<CudaStatus, (nint Name, nint Text)> _texts = [];
    private int _contexts;

    /// <summary>Capability of each device.</summary>
    public List<(string Name, int Major, int Minor)> Devices { get; init; } = [("Fake H200", 9, 0)];

    /// <summary>Whether the library is found.</summary>
    public bool Installed { get; init; } = true;

    /// <summary>What the functions of these names return instead of doing something.</summary>
    public Dictionary<string, CudaStatus> Failures { get; } = [];

    /// <summary>Names of the functions that were called.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>What should be none at the end: memory, streams, events, modules and references to the context.</summary>
    public int Leaks => _memory.Count + _pinned.Count + _streams.Count - 1 + _events.Count + Modules + _contexts;

    public override bool IsThere => Installed;

    public override CudaStatus Init() => Does("Init", context: false) is var status && status == 0 && Devices.Count == 0 ? CudaStatus.NoDevice : status;

    public override CudaStatus DriverGetVersion(out int version)
    {
        version = 12080;
        return 0;
    }

    public override CudaStatus DeviceGetCount(out int count)
    {
        count = Devices.Count;
        return Does("DeviceGetCount", context: false);
    }

    public override CudaStatus DeviceGet(out int device, int ordinal)
    {
        device = ordinal;
        return 0;
    }

    public override CudaStatus DeviceGetName(byte* name, int length, int device)
    {
        Encoding.UTF8.GetBytes(Devices[device].Name + '\0', new Span<byte>(name, length));
        return 0;
    }

    public override CudaStatus DeviceGetAttribute(out int value, int attribute, int device)
    {
        value = attribute switch
        {
            16 => 132,
            38 => 50 << 20,
            75 => Devices[device].Major,
            76 => Devices[device].Minor,
            97 => 232448,
            _ => -1,
        };
        return 0;
    }

    public override CudaStatus DeviceTotalMem(out nuint bytes, int device)
    {
        bytes = (nuint)Capacity;
        return 0;
    }

    public override CudaStatus DevicePrimaryCtxRetain(out nint context, int device)
    {
        context = Context;
        CudaStatus status = Does("DevicePrimaryCtxRetain", context: false);
        _contexts += status == 0 ? 1 : 0;
        return status;
    }

    public override CudaStatus DevicePrimaryCtxRelease(int device)
    {
        _contexts--;
        return 0;
    }

    public override CudaStatus CtxGetCurrent(out nint context)
    {
        context = _current is { Count: > 0 } stack ? stack.Peek() : 0;
        return 0;
    }

    public override CudaStatus CtxPushCurrent(nint context)
    {
        (_current ??= []).Push(context);
        return 0;
    }

    public override CudaStatus CtxPopCurrent(out nint context)
    {
        context = _current!.Pop();
        return 0;
    }

    public override CudaStatus GetErrorName(CudaStatus status, out nint text)
    {
        text = Texts(status).Name;
        return text == 0 ? CudaStatus.InvalidValue : 0;
    }

    public override CudaStatus GetErrorString(CudaStatus status, out nint text)
    {
        text = Texts(status).Text;
        return text == 0 ? CudaStatus.InvalidValue : 0;
    }

    /// <summary>Whether no context is current on this thread any more.</summary>
    public static bool NoneCurrent => _current is null or { Count: 0 };

    // What every function does first.
    private CudaStatus Does(string function, bool context = true)
    {
        lock (Calls)
            Calls.Add(function);
        if (Failures.TryGetValue(function, out CudaStatus failure))
            return failure;
        if (Lost != 0)
            return Lost;
        return context && (_current is not { Count: > 0 } stack || stack.Peek() != Context) ? CudaStatus.InvalidContext : 0;
    }

    // The driver's texts are static; these few are never freed.
    private (nint Name, nint Text) Texts(CudaStatus status)
    {
        if ((int)status == 12345)
            return default;
        lock (_texts)
        {
            if (!_texts.TryGetValue(status, out (nint, nint) texts))
                _texts.Add(status, texts = (Marshal.StringToCoTaskMemUTF8($"CUDA_ERROR_{status}"), Marshal.StringToCoTaskMemUTF8($"meaning of {(int)status}")));
            return texts;
        }
    }
}
