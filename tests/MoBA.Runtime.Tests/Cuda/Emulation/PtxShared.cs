namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Shared memory of a block: noise at first, and wherever a copy is on its way.</summary>
internal sealed class PtxShared
{
    /// <summary>Where it starts, aligned as every tile has to be.</summary>
    public const ulong Address = 4096;

    private const int PieceBytes = 16;

    private readonly Random _random;
    private readonly byte[] _bytes;

    // Of each 16 bytes: asynchronous products that read them, and whether a copy is to write them.
    private readonly int[] _readers;
    private readonly bool[] _isOnItsWay;

    public PtxShared(int bytes, Random random)
    {
        _random = random;
        _bytes = new byte[bytes];
        _readers = new int[(bytes + PieceBytes - 1) / PieceBytes];
        _isOnItsWay = new bool[_readers.Length];
        random.NextBytes(_bytes);
    }

    /// <summary>Bytes at an address.</summary>
    public Span<byte> At(ulong address, int bytes, PtxInstruction by)
    {
        long at = (long)address - (long)Address;
        if (at < 0 || at + bytes > _bytes.Length || address % (ulong)Math.Min(bytes, PieceBytes) != 0)
            throw new PtxException($"{bytes} bytes at {at} of {_bytes.Length} of shared memory: {by.Text}");
        return _bytes.AsSpan((int)at, bytes);
    }

    /// <summary>A product reads the 16 bytes at an address from now on.</summary>
    public ReadOnlySpan<byte> StartReading(ulong address, PtxInstruction by)
    {
        Span<byte> bytes = At(address, PieceBytes, by);
        if (_isOnItsWay[Piece(address)])
            throw new PtxException($"a product reads what a copy is still to write: {by.Text}");
        _readers[Piece(address)]++;
        return bytes;
    }

    /// <summary>A product has read the 16 bytes at an address.</summary>
    public void EndReading(ulong address) => _readers[Piece(address)]--;

    /// <summary>A copy will write the 16 bytes at an address: they are noise until then.</summary>
    public void StartWriting(ulong address, PtxInstruction by)
    {
        Span<byte> bytes = At(address, PieceBytes, by);
        if (_readers[Piece(address)] > 0)
            throw new PtxException($"a copy overwrites what a product in flight reads: {by.Text}");
        if (_isOnItsWay[Piece(address)])
            throw new PtxException($"two copies to one place are on their way: {by.Text}");
        _isOnItsWay[Piece(address)] = true;
        _random.NextBytes(bytes);
    }

    /// <summary>A copy writes the 16 bytes at an address.</summary>
    public void EndWriting(ulong address, ReadOnlySpan<byte> bytes, PtxInstruction by)
    {
        if (_readers[Piece(address)] > 0)
            throw new PtxException($"a product in flight reads what a copy is still to write: {by.Text}");
        _isOnItsWay[Piece(address)] = false;
        bytes.CopyTo(At(address, PieceBytes, by));
    }

    private static int Piece(ulong address) => (int)(address - Address) / PieceBytes;
}
