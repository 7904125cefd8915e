namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Where a partial row has its elements, as docs/decisions/0016 has it.</summary>
internal static class PartialRow
{
    /// <summary>Place of an element in bytes from the first partial row. Columns 8j + 2t and the next are word j of lane t; four words of a lane
    /// are 16 bytes, four lanes a piece of 64 bytes, and pieces change places two by two in odd rows.</summary>
    public static int At(int index, int paddedDim, int column)
    {
        int piece = (column / 32) ^ (index & 1), lane = column % 8 / 2, word = column / 8 % 4;
        return ((index * paddedDim) + (piece * 32) + (lane * 8) + (word * 2) + (column & 1)) * 2;
    }
}
