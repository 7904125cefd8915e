using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>An element type of device tensors.</summary>
/// <param name="From">The nearest to a float.</param>
/// <param name="Value">Its value.</param>
/// <param name="Rounding">Largest relative error of the nearest to a float.</param>
/// <param name="Add">Adds a tensor to a file.</param>
internal sealed record DeviceElement<T>(Func<float, T> From, Func<T, float> Value, double Rounding, Action<SafetensorsWriter, Tensor<T>> Add)
    where T : unmanaged
{
    /// <summary>The values of a tensor.</summary>
    public Tensor<float> Values(Tensor<T> tensor) => Tensor.Create(Array.ConvertAll(tensor.ToFlat(), value => Value(value)), tensor.Lengths);
}

/// <summary>The element types of device tensors.</summary>
internal static class DeviceElement
{
    /// <summary>bfloat16.</summary>
    public static DeviceElement<BFloat16> BFloat16 { get; } = new(value => (BFloat16)value, value => (float)value, 1.0 / 256, (writer, o) => writer.Add("o", o));

    /// <summary>float16.</summary>
    public static DeviceElement<Half> Half { get; } = new(value => (Half)value, value => (float)value, 1.0 / 2048, (writer, o) => writer.Add("o", o));
}
