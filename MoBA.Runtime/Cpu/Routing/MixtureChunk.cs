namespace MoBA.Runtime.Cpu.Routing;

/// <summary>One chunk of queries of one head, attended by the experts of a mixture: each gets the rows that were routed to it, in the
/// order of ids.</summary>
internal sealed unsafe class MixtureChunk(
    MixtureCall mixture, BoundExpert[] experts, RoutedWorker worker, ChunkPlace place, int head, PackedKeys packed)
{
    private readonly AttentionProblem _problem = place.Problem;

    /// <summary>Attends the chunk and writes it.</summary>
    public void Attend(CancellationToken cancellation)
    {
        if (mixture.Combine == Combine.LogSumExp)
            AttendInOneSoftmax(cancellation);
        else if (mixture.TopK == 1)
            ForEachExpert(new WriteRows(_problem), cancellation);
        else
            AttendWeighted(cancellation);
    }

    private void AttendInOneSoftmax(CancellationToken cancellation)
    {
        Load(experts[0].NaturalScores);
        worker.Rows.Clear();
        ForEachExpert(new KeepStates(worker.Rows), cancellation);
        worker.Finish(Ascending.Rows(place.Count), new WriteRows(_problem), cancellation);
    }

    private void AttendWeighted(CancellationToken cancellation)
    {
        WeightedRows sums = worker.Weighted;
        sums.Begin(place.Count, _problem.Dim);
        ForEachExpert(sums, cancellation);
        for (int row = 0; row < place.Count; row++)
            _problem.Output.WriteRow(place.FirstToken + row, head, sums.Finish(row));
        worker.Times.End("combine");
    }

    private void ForEachExpert(ITileSink sink, CancellationToken cancellation)
    {
        for (int id = 0; id < experts.Length; id++)
        {
            ReadOnlySpan<int> rows = RoutedTo(id);
            if (rows.IsEmpty)
                continue;

            worker.Times.End("index");
            BoundExpert expert = experts[id];
            if (!worker.Rows.Holds(place, head, expert.NaturalScores))
                Load(expert.NaturalScores);
            if (sink is not KeepStates)
                worker.Rows.Clear();
            worker.Times.End("attend");
            if (expert.Gate is { } gate)
            {
                worker.Choose(expert, place, Heads(gate), rows, cancellation);
                worker.AttendRouted(expert, rows, sink, cancellation);
            }
            else
            {
                worker.Attend(expert, rows, sink, cancellation);
            }
        }
    }

    private void Load(bool naturalScores) => worker.Rows.Load(place, packed, head, naturalScores);

    // The heads whose gates are added up for this head's route.
    private Range Heads(BlockGate gate)
    {
        int group = gate.Scope == RouteScope.KeyGroup ? _problem.QueryHeads / _problem.KeyHeads : 1;
        return new(head / group * group, (head / group * group) + group);
    }

    // Rows of the chunk that were routed to an expert, ascending, with their weights.
    private ReadOnlySpan<int> RoutedTo(int id)
    {
        int count = 0, topK = mixture.TopK;
        for (int row = 0; row < place.Count; row++)
        {
            long first = ((long)(place.FirstToken + row) * _problem.QueryHeads + head) * topK;
            int slot = new ReadOnlySpan<int>(mixture.Routes + first, topK).IndexOf(id);
            if (slot < 0)
                continue;
            worker.Routed[count++] = row;
            worker.Weighted.Weights[row] = mixture.Weights[first + slot];
        }

        return worker.Routed.AsSpan(0, count);
    }
}
