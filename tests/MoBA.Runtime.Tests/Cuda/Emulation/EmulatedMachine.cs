using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>The emulated machine behind the fake driver, with some megabytes of memory, which are taken one piece after another.</summary>
internal sealed unsafe class EmulatedMachine(int megabytes) : IFakeMachine
{
    private static readonly ConcurrentDictionary<string, Lazy<PtxProgram>> _programs = new();

    private readonly byte[] _memory = GC.AllocateArray<byte>(megabytes << 20, pinned: true);
    private long _taken;
    private int _launches;

    private nint Start => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));

    public nint Allocate(long bytes)
    {
        nint at = (nint)((Start + _taken + 511) & -256);
        _taken = at + bytes - Start;
        return _taken <= _memory.Length ? at : throw new InvalidOperationException($"The machine has no {bytes} bytes left.");
    }

    public void Run(string ptx, uint grid, uint threads, uint sharedBytes, byte[][] parameters)
    {
        PtxProgram program = _programs.GetOrAdd(ptx, static ptx => new Lazy<PtxProgram>(() => new(ptx))).Value;
        new PtxGrid(program, (int)threads, (int)sharedBytes, program.Pack(parameters), _memory, Start).Run((int)grid, _launches++);
    }

    public void Encode(Span<byte> map, nint address, ulong[] lengths, ulong[] strides, uint[] box) => MemoryMarshal.Write(map, new PtxTensorMap
    {
        Address = address,
        HeadStride = (long)strides[0],
        TokenStride = (long)strides[1],
        Dim = (int)lengths[0],
        Heads = (int)lengths[1],
        Tokens = (int)lengths[2],
        BoxColumns = (int)box[0],
        BoxRows = (int)box[2],
    });
}
