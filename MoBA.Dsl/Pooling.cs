namespace MoBA;

/// <summary>What a block gate knows of a block of keys.</summary>
public enum Pooling
{
    /// <summary>The mean of its keys; the gate is its dot product with the query (MoBA, Lu et al., 2025).</summary>
    Mean,

    /// <summary>The least and greatest value of every channel; the gate is the upper bound of q·k over the block (Quest, Tang et
    /// al., 2024).</summary>
    MinMax,
}
