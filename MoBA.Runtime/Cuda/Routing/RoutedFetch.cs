namespace MoBA.Runtime.Cuda;

/// <summary>An item on its way to the copying warpgroup: what is loaded of it is looked at a turn later. Device code.</summary>
internal struct RoutedFetch
{
    /// <summary>The item's number, and what it is; without rows where there is none.</summary>
    public int Item;

    /// <summary>What it is.</summary>
    public RoutedWork Work;

    /// <summary>What stands in the list at the thread's row, and the entries of the first and the last row.</summary>
    public int Entry, First, Last;

    /// <summary>Asks for an item; <see cref="Last"/> is asked for once the item is here.</summary>
    public static RoutedFetch Of(CudaProblem problem, CudaRouting routing, int item, int items, int thread)
    {
        RoutedFetch fetch = default;
        fetch.Item = item;
        if (item < items)
        {
            fetch.Work = RoutedWork.Of(problem, routing, item);
            fetch.Entry = fetch.Work.Listed(thread);
            fetch.First = fetch.Work.Listed(0);
        }

        return fetch;
    }

    /// <summary>Position of the first query.</summary>
    public readonly int FirstPosition(CudaRouting routing) => RoutedWork.TokenOf(routing, First) + Work.QueryShift;

    /// <summary>Position of the last query.</summary>
    public readonly int LastPosition(CudaRouting routing) => RoutedWork.TokenOf(routing, Last) + Work.QueryShift;
}
