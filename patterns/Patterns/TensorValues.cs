using System.Numerics.Tensors;

namespace MoBA.Program;

/// <summary>A tensor's values.</summary>
internal static class TensorValues
{
    /// <summary>A copy, in row-major order.</summary>
    public static T[] ToFlat<T>(this Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }
}
