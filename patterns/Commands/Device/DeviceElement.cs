using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>An element type of device tensors.</summary>
/// <param name="From">The nearest to a float.</param>
/// <param name="Add">Adds a tensor to a file.</param>
internal sealed record DeviceElement<T>(Func<float, T> From, Action<SafetensorsWriter, Tensor<T>> Add)
    where T : unmanaged;

/// <summary>The element types of device tensors.</summary>
internal static class DeviceElement
{
    /// <summary>bfloat16.</summary>
    public static DeviceElement<BFloat16> BFloat16 { get; } = new(value => (BFloat16)value, (writer, o) => writer.Add("o", o));

    /// <summary>float16.</summary>
    public static DeviceElement<Half> Half { get; } = new(value => (Half)value, (writer, o) => writer.Add("o", o));
}
