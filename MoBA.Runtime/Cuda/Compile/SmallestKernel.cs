namespace MoBA.Runtime.Cuda;

/// <summary>A kernel that is never run: compiling it runs through most of ILGPU.</summary>
internal static class SmallestKernel
{
    /// <summary>A loop, a branch, a parameter of many fields, a pointer and tile instructions.</summary>
    public static void Attend(CudaProblem problem)
    {
        int item = Tile.Item(0);
        while (item < problem.Items)
        {
            WorkItem work = WorkItem.Of(problem, item);
            Tile.Keep(0, work.Position < work.KeyToken & work.LastPosition > item, 1);
            if (work.Keys > Tile.Keys())
                item = item + work.Head;
            item = item + Tile.NextItem(problem.Counters);
        }
    }
}
