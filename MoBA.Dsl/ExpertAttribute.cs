namespace MoBA;

/// <summary>Names an expert of a mixture; see <see cref="ExpertMixtureAttribute"/>.</summary>
/// <typeparam name="TExpert">A class with <see cref="SparseExpertAttribute"/>.</typeparam>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class ExpertAttribute<TExpert> : Attribute
    where TExpert : class;
