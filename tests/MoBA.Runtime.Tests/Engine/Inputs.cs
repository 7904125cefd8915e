using System.Numerics.Tensors;

namespace MoBA.Runtime.Tests;

/// <summary>Random tensors, and conversions.</summary>
internal static class Inputs
{
    /// <summary>A normally distributed tensor [tokens, heads, dim], rounded to <typeparamref name="T"/>.</summary>
    public static Tensor<T> Normal<T>(int seed, int tokens, int heads, int dim)
    {
        Random random = new(seed);
        T[] values = new T[tokens * heads * dim];
        for (int i = 0; i < values.Length; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            values[i] = To<T>((float)normal);
        }

        return Tensor.Create(values, [tokens, heads, dim]);
    }

    /// <summary>The values as a flat array of float, in row-major order whatever the strides are.</summary>
    public static float[] Floats<T>(Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return [.. values.Select(value => value switch
        {
            float f => f,
            Half h => (float)h,
            BFloat16 b => (float)b,
            _ => throw new NotSupportedException(),
        })];
    }

    /// <summary>The values as a flat array, in row-major order.</summary>
    public static int[] Ints(Tensor<int> tensor)
    {
        int[] values = new int[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }

    /// <summary>Rounds to <typeparamref name="T"/>.</summary>
    public static T To<T>(float value) => (T)(object)(
        typeof(T) == typeof(float) ? value
        : typeof(T) == typeof(Half) ? (Half)value
        : (object)(BFloat16)value);
}
