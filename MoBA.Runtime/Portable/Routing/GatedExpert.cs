using ILGPU;
using ILGPU.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Portable;

/// <summary>A block-gated expert on one device: its passes over the units of one sequence after another.</summary>
internal sealed class GatedExpert
{
    private readonly PortableCall _call;
    private readonly AttentionProblem _problem;
    private readonly PassClock _clock;
    private readonly PortableKernel _attend;
    private readonly PortableKernel? _always;
    private readonly BlockGate _gate;
    private readonly RoutingScratch _scratch;
    private readonly DeviceScratch<Float4> _high, _low;
    private AttentionSequence? _pooled;
    private Centroids _centroids;

    /// <summary>Copies the expert's tables to the device.</summary>
    public GatedExpert(PortableCall call, AttentionProblem problem, ISparseExpert expert, PassClock clock, RoutingScratch scratch)
    {
        (_call, _problem, _clock, _scratch, _gate) = (call, problem, clock, scratch, expert.Gate!);
        _attend = PortableKernel.Of(call, expert.LaunchPortable)
            ?? throw new InvalidOperationException($"'{expert.Info.Name}' launched no portable kernel.");
        _always = PortableKernel.Of(call, expert.LaunchPortableAlways);
        (_high, _low) = (new(call), new(call));
    }

    /// <summary>Query heads that share a route: the units of a call are [route heads, rows].</summary>
    public int HeadsPerRoute => _problem.QueryHeads / _gate.RouteHeads(_problem.QueryHeads, _problem.KeyHeads);

    /// <summary>Attends with all rows of a sequence, and fills the problem's routes.</summary>
    public void Attend(AttentionSequence sequence)
    {
        PortableProblem problem = _call.Sequence(sequence);
        problem.Gather.HeadsPerUnit = HeadsPerRoute;
        Attend(sequence, problem, UnitSet.All(sequence.Queries, _problem.QueryHeads / HeadsPerRoute, problem.Gather.Units.Slots));
    }

    /// <summary>Attends with <paramref name="units"/>; the results go where <paramref name="destination"/> says.</summary>
    public void Attend(AttentionSequence sequence, PortableProblem destination, UnitSet units)
    {
        int past = (int)Math.Clamp(((long)sequence.Position + sequence.Queries - 1) / _gate.BlockSize, 0, _gate.Blocks(sequence.Keys));
        destination.Gather.BlockSize = _gate.BlockSize;
        destination.Gather.Ranks = Math.Min(_gate.TopK - 1, past);
        if (destination.Gather.Ranks > 0)
            Pool(sequence, destination);

        // As many units at a time as memory allows.
        long ranks = destination.Gather.Ranks + (_always is null ? 1 : 2);
        long bytes = (ranks * destination.Gather.HeadsPerUnit * RoutingScratch.PartialBytes(destination)) + (destination.Gather.Ranks * 12L);
        foreach (UnitSet part in units.Split(_scratch.Most(bytes, ranks), _scratch.MostHeads(_gate.Blocks(sequence.Keys))))
            AttendPart(sequence, destination, part, (int)ranks);
    }

    private void AttendPart(AttentionSequence sequence, PortableProblem destination, UnitSet units, int ranks)
    {
        (destination.Gather.Units, destination.Gather.Length) = (units.Units, units.Length);
        int entries = destination.Gather.Ranks > 0 ? Route(ref destination, units) : 0;

        Partials partials = _scratch.TakePartials(destination, ranks);
        PortableProblem problem = partials.AsOutput(destination);
        problem.Gather.Kind = GatherKind.Routed;
        _attend.Launch(entries, problem.Gather.HeadsPerUnit, problem);
        problem.Gather.Kind = GatherKind.Own;
        problem.Gather.Rank = problem.Gather.Ranks;
        _attend.Launch(units.Length, problem.Gather.HeadsPerUnit, problem);
        problem.Gather.Kind = GatherKind.Beside;
        problem.Gather.Rank++;
        _always?.Launch(units.Length, problem.Gather.HeadsPerUnit, problem);
        End("attend");

        Index2D all = new(units.Length, destination.Gather.HeadsPerUnit);
        _call.Device.Launcher<Partials>(CombineKernel.Run)(all, destination, partials);
        End("combine");
        if (!RoutesAsked)
            return;
        new RouteRows(_problem, _gate, sequence).Write(destination, units);
        End("download");
    }

    private unsafe bool RoutesAsked => _problem.Routes is not null;

    // Passes "gate" and "index"; the number of entries.
    private int Route(ref PortableProblem problem, UnitSet units)
    {
        long routes = (long)units.Length * problem.Gather.Ranks;
        problem.Gather.Routes = _scratch.Routes.Take(routes);
        _gate.With(new GatePass(_call, _problem, _gate, problem, _centroids, _scratch.Gates.Take(routes)));
        End("gate");

        int blocks = _centroids.Blocks;
        (problem.Gather.Entries, ArrayView<int> cells) = _scratch.Index.Run(problem, units, new()
        {
            Choices = problem.Gather.Routes,
            CellCount = blocks * units.Heads,
            HeadCells = blocks,
            ChoiceCells = 1,
            Ranks = problem.Gather.Ranks,
        });
        int[] entries = new int[1];
        cells.SubView(cells.Length - 1, 1).CopyToCPU(entries);
        End("index");
        return entries[0];
    }

    // Pass "centroids", once a sequence.
    private void Pool(AttentionSequence sequence, PortableProblem problem)
    {
        if (_pooled == sequence)
            return;
        _pooled = sequence;
        bool minMax = _gate.Pooling == Pooling.MinMax;
        _centroids.Blocks = _gate.Blocks(sequence.Keys);
        long pieces = (long)_problem.KeyHeads * _centroids.Blocks * problem.Pieces;
        _centroids.High = _high.Take(pieces);
        _centroids.Low = minMax ? _low.Take(pieces) : _centroids.High;
        _centroids.MinMax = minMax ? 1 : 0;
        _centroids.Dropped = _problem.K.Kind switch { ElementKind.Single => 0, ElementKind.Half => 13, _ => 16 };
        _centroids.Factor = MathF.ScaleB(1, -Magnitude.Excess((double)_call.Largest.Key * _gate.BlockSize));
        Index2D all = new(_centroids.Blocks * problem.Pieces, _problem.KeyHeads);
        _call.Device.Launcher<Centroids>(CentroidKernel.Run)(all, problem, _centroids);
        End("centroids");
    }

    private void End(string pass)
    {
        _call.Wait();
        _clock.End(pass);
    }
}
