using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

#pragma warning disable CS1591, RS0016

[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereRouted
{
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged => Memory.SetInt(routing.Partials, problem.Heads);
}




#pragma warning restore CS1591, RS0016
