using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>
/// A mixture on one device. Pass "route" chooses the experts of every token, pass "index" lists the rows of each expert, the
/// experts run one after another on their rows, and pass "combine" makes one output of a row's experts where there are several.
/// </summary>
internal sealed class PortableMixture(PortableCall call, MixtureCall mixture, AttentionProblem problem, PassClock clock)
{
    private readonly RoutingScratch _scratch = new(call), _expertScratch = new(call);
    private readonly PortableKernel?[] _kernels = new PortableKernel?[mixture.Experts.Length];
    private readonly GatedExpert?[] _gated = new GatedExpert?[mixture.Experts.Length];

    /// <summary>Routes, and attends with every sequence that has keys.</summary>
    public void Attend()
    {
        RoutePass routes = new(call, mixture, problem);
        End("route");
        foreach (AttentionSequence sequence in problem.Sequences)
        {
            if (sequence.Queries > 0 && sequence.Keys > 0)
                Attend(sequence, routes);
        }
    }

    // As many units at a time as memory allows.
    private void Attend(AttentionSequence sequence, RoutePass routes)
    {
        PortableProblem all = call.Sequence(sequence);
        all.Gather.HeadsPerUnit = 1;
        long bytes = mixture.TopK * (8 + (mixture.TopK > 1 ? RoutingScratch.PartialBytes(all) : 0));
        UnitSet units = UnitSet.All(sequence.Queries, problem.QueryHeads, all.Gather.Units.Slots);
        foreach (UnitSet part in units.Split(_scratch.Most(bytes, mixture.TopK), _scratch.MostHeads(mixture.Experts.Length)))
            AttendPart(sequence, all, part, routes);
    }

    private void AttendPart(AttentionSequence sequence, PortableProblem all, UnitSet units, RoutePass routes)
    {
        (all.Gather.Units, all.Gather.Length) = (units.Units, units.Length);
        (ArrayView<int> chosen, ArrayView<float> shares, long rankStride, long headStride) = routes.Of(sequence);
        (ArrayView<int> entries, ArrayView<int> cells) = _scratch.Index.Run(all, units, new()
        {
            Choices = chosen,
            RankStride = rankStride,
            HeadStride = headStride,
            CellCount = mixture.Experts.Length * units.Heads,
            HeadCells = 1,
            ChoiceCells = units.Heads,
            Ranks = mixture.TopK,
        });
        int[] starts = new int[cells.Length];
        cells.CopyToCPU(starts);
        End("index");

        // One expert a row: it writes where the row's output is.
        Partials results = default;
        PortableProblem destination = all;
        if (mixture.TopK > 1)
        {
            results = _scratch.TakePartials(all, mixture.TopK);
            destination = results.AsOutput(all);
            destination.Gather.ToSlots = 1;
        }

        for (int expert = 0; expert < mixture.Experts.Length; expert++)
        {
            int[] own = starts[(expert * units.Heads)..(((expert + 1) * units.Heads) + 1)];
            if (own[^1] > own[0])
                AttendExpert(expert, sequence, destination, units.Listed(entries, own));
        }

        if (mixture.TopK == 1)
            return;
        call.Device.Launcher<MixParameters>(MixKernel.Run)(new Index2D(units.Length, 1), all, new()
        {
            Partials = results,
            Chosen = chosen,
            Shares = shares,
            RankStride = rankStride,
            HeadStride = headStride,
            LogSumExp = mixture.Combine == Combine.LogSumExp ? 1 : 0,
        });
        End("combine");
    }

    private void AttendExpert(int id, AttentionSequence sequence, PortableProblem destination, UnitSet units)
    {
        ISparseExpert expert = mixture.Experts[id];
        if (expert.Gate is not null)
        {
            _gated[id] ??= new(call, problem, expert, clock, _expertScratch);
            _gated[id]!.Attend(sequence, destination, units);
            return;
        }

        _kernels[id] ??= PortableKernel.Of(call, expert.LaunchPortable);
        (destination.Gather.Units, destination.Gather.Length) = (units.Units, units.Length);
        destination.Gather.Kind = GatherKind.Units;
        _kernels[id]?.Launch(units.Length, 1, destination);
        End("attend");
    }

    private void End(string pass)
    {
        call.Wait();
        clock.End(pass);
    }
}
