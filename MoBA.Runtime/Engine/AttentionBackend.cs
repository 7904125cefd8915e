namespace MoBA.Runtime;

/// <summary>Computes checked calls on one kind of device. The engine validates and allocates; a backend computes.</summary>
internal abstract class AttentionBackend : IDisposable
{
    /// <summary>Where it runs.</summary>
    public abstract Target Target { get; }

    /// <summary>What it runs on, for people.</summary>
    public abstract string Description { get; }

    /// <summary>Fills the problem's output and log-sum-exp; marks every pass that it ends on <paramref name="clock"/>. May be
    /// called from several threads at once.</summary>
    /// <exception cref="ArgumentException">The expert's parameters do not fit the positions of the call.</exception>
    /// <exception cref="InsufficientMemoryException">Scratch memory cannot be had; the backend can be used on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the output is unspecified.</exception>
    public abstract void Attend(ISparseExpert expert, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken);

    /// <summary>As <see cref="Attend"/>, with a mixture: also fills the routes, weights and entropy of <paramref name="mixture"/>.</summary>
    /// <exception cref="ArgumentException">A logit is infinite or NaN, or an expert's parameters do not fit the positions of the
    /// call.</exception>
    /// <exception cref="InsufficientMemoryException">Scratch memory cannot be had; the backend can be used on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the output is unspecified.</exception>
    public abstract void AttendMixture(MixtureCall mixture, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract void Dispose();
}
