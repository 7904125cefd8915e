using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>Runs sparse attention experts.</summary>
public sealed class AttentionEngine : IDisposable
{
    /// <summary>An engine on the best device there is.</summary>
    public static AttentionEngine Create() => throw new NotImplementedException();

    /// <summary>An engine on <paramref name="target"/>.</summary>
    public static AttentionEngine Create(Target target) => throw new NotImplementedException();

    /// <summary>Attends; the output is like <paramref name="q"/>.</summary>
    public Tensor<T> Attend<TExpert, T>(TExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v)
        where TExpert : ISparseExpert => throw new NotImplementedException();

    /// <summary>Attends with options.</summary>
    public AttentionResult<T> Attend<TExpert, T>(
        TExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options, CancellationToken cancellationToken = default)
        where TExpert : ISparseExpert => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
