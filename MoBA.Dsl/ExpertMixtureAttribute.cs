namespace MoBA;

/// <summary>
/// Marks a partial class as a mixture of sparse attention experts: a router sends every token of every head to its
/// <see cref="TopK"/> best experts. <see cref="ExpertAttribute{TExpert}"/> names the experts; their order gives their ids, from 0.
/// </summary>
/// <remarks>
/// <para>The compiler adds a property for each expert, named as its class is, and the table by which the router dispatches.</para>
/// <para>Of experts with equal logits the lower id wins. No expert has a capacity, and no token is dropped.</para>
/// </remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ExpertMixtureAttribute : Attribute
{
    /// <summary>Experts that a token is sent to, from 1 to the number of experts.</summary>
    public int TopK { get; init; } = 1;

    /// <summary>How their outputs become one.</summary>
    public Combine Combine { get; init; }
}
