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
    /// <exception cref="InsufficientMemoryException">The device has no memory for them.</exception>
    public static DeviceInputs<T> Of(AttentionEngine engine, DeviceProblem problem, AttentionInput? file, DeviceElement<T> element)
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
                inputs._tensors.Add(engine.ToDevice(DeviceProblem.Normal(problem.QueryTokens, problem.Heads, problem.Dim, 1, element.From)));
                inputs._tensors.Add(engine.ToDevice(DeviceProblem.Normal(problem.KeyTokens, problem.KeyHeads, problem.Dim, 2, element.From)));
                inputs._tensors.Add(engine.ToDevice(DeviceProblem.Normal(problem.KeyTokens, problem.KeyHeads, problem.Dim, 3, element.From)));
            }

            inputs._tensors.Add(engine.Allocate<T>(problem.QueryTokens, problem.Heads, problem.Dim));
            return inputs;
        }
        catch
        {
            inputs.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _tensors.ForEach(static tensor => tensor.Dispose());
}
