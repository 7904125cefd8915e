using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>q, k, v and o on a device.</summary>
internal sealed class DeviceInputs<T> : IDisposable
    where T : unmanaged
{
    private readonly List<DeviceTensor<T>> _tensors = [];

    /// <summary>Queries.</summary>
    public DeviceTensor<T> Q => _tensors[0];

    /// <summary>Keys.</summary>
    public DeviceTensor<T> K => _tensors[1];

    /// <summary>Values.</summary>
    public DeviceTensor<T> V => _tensors[2];

    /// <summary>Output.</summary>
    public DeviceTensor<T> Output => _tensors[3];

    /// <summary>Those of a file, or random ones.</summary>
    /// <param name="engine">The device's.</param>
    /// <param name="problem">Shapes.</param>
    /// <param name="file">The file, or null.</param>
    /// <param name="isCorrelated">Whether random rows are like their neighbours.</param>
    /// <param name="element">The element type.</param>
    /// <exception cref="InsufficientMemoryException">The device has no memory for them.</exception>
    public static DeviceInputs<T> Of(AttentionEngine engine, DeviceProblem problem, AttentionInput? file, bool isCorrelated, DeviceElement<T> element)
    {
        DeviceInputs<T> inputs = new();
        try
        {
            if (file is not null)
            {
                (Tensor<T> q, Tensor<T> k, Tensor<T> v) = file.Read<T>();
                inputs._tensors.AddRange([engine.ToDevice(q), engine.ToDevice(k), engine.ToDevice(v)]);
            }
            else
            {
                inputs._tensors.Add(Random(problem.QueryTokens, problem.Heads, 1));
                inputs._tensors.Add(Random(problem.KeyTokens, problem.KeyHeads, 2));
                inputs._tensors.Add(Random(problem.KeyTokens, problem.KeyHeads, 3));
            }

            inputs._tensors.Add(engine.Allocate<T>(problem.QueryTokens, problem.Heads, problem.Dim));
            return inputs;
        }
        catch
        {
            inputs.Dispose();
            throw;
        }

        DeviceTensor<T> Random(int tokens, int heads, int seed) => engine.ToDevice(isCorrelated
            ? RandomRows.Correlated(tokens, heads, problem.Dim, seed, element.From)
            : RandomRows.Normal(tokens, heads, problem.Dim, seed, element.From));
    }

    /// <summary>The first tokens of the same tensors: a view of them.</summary>
    public (DeviceTensor<T> Q, DeviceTensor<T> K, DeviceTensor<T> V, DeviceTensor<T> Output) First(int tokens)
    {
        return (Part(Q), Part(K), Part(V), Part(Output));

        DeviceTensor<T> Part(DeviceTensor<T> of) => DeviceTensor.FromPointer<T>(of.Pointer, [tokens, of.Shape[1], of.Shape[2]], of.Strides);
    }

    /// <inheritdoc/>
    public void Dispose() => _tensors.ForEach(static tensor => tensor.Dispose());
}
