using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>Writes the routes of a block gate to the tensor that the caller gets.</summary>
internal sealed unsafe class RouteRows(AttentionProblem problem, BlockGate gate, AttentionSequence sequence)
{
    private readonly int _heads = gate.RouteHeads(problem.QueryHeads, problem.KeyHeads);

    /// <summary>Marks all places of a call as unused.</summary>
    public static void Clear(AttentionProblem problem, BlockGate gate)
    {
        long tokens = problem.Sequences.Max(s => (long)s.FirstQueryToken + s.Queries);
        long count = problem.Routes is null ? 0 : tokens * gate.RouteHeads(problem.QueryHeads, problem.KeyHeads) * gate.TopK;
        for (long i = 0; i < count; i++)
            problem.Routes[i] = -1;
    }

    /// <summary>Copies the routes of <paramref name="units"/>, a run of rows, from the device.</summary>
    public void Write(PortableProblem device, UnitSet units)
    {
        int ranks = device.Gather.Ranks;
        int[] routes = new int[(long)ranks * units.Length];
        if (routes.Length > 0)
            device.Gather.Routes.SubView(0, routes.Length).CopyToCPU(routes);
        for (int unit = 0; unit < units.Length; unit++)
        {
            int place = units.Units.First + unit, row = place % sequence.Queries, head = place / sequence.Queries;
            int* route = problem.Routes + (((((long)sequence.FirstQueryToken + row) * _heads) + head) * gate.TopK);
            long position = (long)sequence.Position + row;
            if (position >= 0 && position / gate.BlockSize < gate.Blocks(sequence.Keys))
                route[0] = (int)(position / gate.BlockSize);
            for (int rank = 0; rank < ranks; rank++)
                route[rank + 1] = routes[((long)rank * units.Length) + unit];
        }
    }
}
