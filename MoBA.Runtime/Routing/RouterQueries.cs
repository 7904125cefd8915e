using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>Queries as a router reads them.</summary>
internal static class RouterQueries
{
    /// <summary>The values as float, flat in row-major order; exact.</summary>
    public static float[] Flat<T>(Tensor<T> q)
        where T : unmanaged
    {
        T[] values = new T[q.FlattenedLength];
        q.FlattenTo(values);
        return values switch
        {
            float[] singles => singles,
            Half[] halves => Array.ConvertAll(halves, x => (float)x),
            _ => Array.ConvertAll((BFloat16[])(object)values, x => (float)x),
        };
    }
}
