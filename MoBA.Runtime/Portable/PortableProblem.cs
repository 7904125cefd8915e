using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>One sequence of a call as a portable kernel sees it.</summary>
public struct PortableProblem
{
}

/// <summary>An int table on the device.</summary>
public struct PortableTable
{
    /// <summary>The values.</summary>
    public ArrayView<int> Values;
}

/// <summary>A float table on the device.</summary>
public struct PortableFloatTable
{
    /// <summary>The values.</summary>
    public ArrayView<float> Values;
}
