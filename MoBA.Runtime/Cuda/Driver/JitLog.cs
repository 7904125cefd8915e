using System.Runtime.InteropServices;
using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>The options of a compilation by the driver that make it write its logs, and the memory that it writes them to.</summary>
internal sealed unsafe class JitLog : IDisposable
{
    private const int InfoLogBuffer = 3;
    private const int InfoLogBytes = 4;
    private const int ErrorLogBuffer = 5;
    private const int ErrorLogBytes = 6;
    private const int LogVerbose = 12;
    private const int Options = 5;
    private const int FirstBytes = 16 << 10;
    private const int MostBytes = 16 << 20;

    // Info and error log behind one another, each of _bytes; then the values and the names of the options.
    private byte* _logs;
    private int _bytes;
    private readonly nint* _values;
    private readonly int* _names;

    /// <summary>Options with empty logs.</summary>
    public JitLog()
    {
        _values = (nint*)NativeMemory.Alloc(Options, (nuint)sizeof(nint));
        _names = (int*)NativeMemory.Alloc(Options, sizeof(int));
        new ReadOnlySpan<int>([InfoLogBuffer, InfoLogBytes, ErrorLogBuffer, ErrorLogBytes, LogVerbose]).CopyTo(new(_names, Options));
        Allocate(FirstBytes);
    }

    /// <summary>Number of options.</summary>
    public uint Count => Options;

    /// <summary>The options' names.</summary>
    public int* Names => _names;

    /// <summary>The options' values; the driver writes the sizes of its logs there.</summary>
    public nint* Values => _values;

    /// <summary>What the driver wrote, errors first.</summary>
    public string Text => string.Join('\n', new[] { Log(_logs + _bytes), Log(_logs) }.Where(static log => log.Length > 0));

    /// <summary>Makes room for longer logs if one was cut short, for another try.</summary>
    /// <returns>False where both are whole.</returns>
    public bool Grow()
    {
        // The driver replaces the sizes by what it wrote, a final zero included.
        bool whole = Full(_values[1]) && Full(_values[3]);
        if (whole || _bytes >= MostBytes)
            return false;
        Allocate(_bytes * 8);
        return true;

        bool Full(nint written) => (uint)written < _bytes - 1;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_logs);
        NativeMemory.Free(_values);
        NativeMemory.Free(_names);
    }

    private void Allocate(int bytes)
    {
        NativeMemory.Free(_logs);
        _logs = (byte*)NativeMemory.AllocZeroed(2 * (nuint)bytes);
        _bytes = bytes;
        _values[0] = (nint)_logs;
        _values[1] = bytes;
        _values[2] = (nint)(_logs + bytes);
        _values[3] = bytes;
        _values[4] = 1;
    }

    private string Log(byte* log)
    {
        ReadOnlySpan<byte> text = new(log, _bytes);
        int end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]).Trim();
    }
}
