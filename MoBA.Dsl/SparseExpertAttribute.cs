namespace MoBA;

/// <summary>
/// Marks a partial class as a sparse attention expert: its method <c>bool Attends(int q, int k)</c> (or
/// <c>bool Attends(int q, int k, int head)</c>) says whether the query at absolute position <c>q</c> attends the key at
/// absolute position <c>k</c>.
/// </summary>
/// <remarks>
/// <para>The compiler derives from that predicate which tiles of scores are full, partial or empty and which keys a tile of
/// queries can see, and writes the kernels. The predicate itself stays ordinary C#: it can be called and debugged, and it
/// is the oracle that the kernels are tested against.</para>
/// <para>Public properties with <c>init</c> are the expert's parameters: <c>int</c> and <c>bool</c>, <c>float</c> for
/// <c>Score</c>, <c>int[]</c> and <c>float[]</c> (or <c>ReadOnlyMemory</c> of them) for tables. They are run-time values: a
/// new value never compiles anything again.</para>
/// <para>An optional method <c>float Score(float score, int q, int k, int head, int heads)</c> changes the scaled score of an
/// attended pair; trailing arguments that it does not need can be left out.</para>
/// </remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class SparseExpertAttribute : Attribute;
