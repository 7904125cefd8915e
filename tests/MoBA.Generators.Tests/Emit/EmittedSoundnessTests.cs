using System.Reflection;
using MoBA.Generators.Model;
using MoBA.Generators.Tests.Analyze;
using MoBA.Generators.Tests.Harness;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Generators.Tests.Emit;

/// <summary>What is emitted says of random predicates what they say themselves: the way through the parser, the printers and the
/// C# compiler, against the class's own <c>Attends</c>.</summary>
public sealed class EmittedSoundnessTests(ITestOutputHelper output)
{
    private const int Predicates = 300;

    [Fact]
    public void EmittedTilesAndRunsAreSound()
    {
        RandomPredicates source = new(seed: 99);
        (Expr Attends, Values Values)[] cases = [.. Enumerable.Range(0, Predicates).Select(_ => source.Next())];
        Assembly assembly = Compiler.Load(Compiler.Usings + "\n" + string.Concat(cases.Select(static (c, i) => Author.Class($"P{i}", c.Attends, c.Values))));
        Random random = new(3);
        Tally tally = new();
        for (int i = 0; i < Predicates; i++)
        {
            ISparseExpert expert = (ISparseExpert)Activator.CreateInstance(assembly.GetType($"P{i}")!)!;
            try
            {
                Check(expert, random, tally);
            }
            catch (IndexOutOfRangeException e)
            {
                throw new InvalidOperationException($"{Author.Print(cases[i].Attends)} understood as {expert.Info.Predicate}", e);
            }
        }

        output.WriteLine($"{tally.Tiles:N0} tiles of {Predicates - tally.Refused} predicates ({tally.Refused} calls refused), {100.0 * tally.Decided / tally.Uniform:F1} % of {tally.Uniform:N0} full or empty ones decided");
        Assert.True(tally.Refused < Predicates, "more than a third of the calls are refused: the test says little");
        Assert.True(tally.Tiles > 10_000);
    }

    private static void Check(ISparseExpert expert, Random random, Tally tally)
    {
        for (int call = 0; call < 3; call++)
        {
            int keys = random.Next(1, 100);
            int first = call == 0 ? -random.Next(0, 40) : random.Next(0, 120), last = first + random.Next(0, 90), head = random.Next(0, 5);
            CpuKernel kernel;
            try
            {
                kernel = expert.Bind(new AttentionExtent(first, last, keys, 5));
            }
            catch (ArgumentException)
            {
                tally.Refused++;
                continue;
            }

            for (int tile = 0; tile < 40; tile++)
            {
                int q0 = random.Next(first, last + 1), q1 = Math.Min(last, q0 + random.Next(0, 20));
                int k0 = random.Next(0, keys), k1 = Math.Min(keys - 1, k0 + random.Next(0, 20));
                CheckTile(expert, kernel, (q0, q1, k0, k1, head), tally);
                CheckRuns(expert, kernel, q0, q1, keys, head);
            }
        }
    }

    private static void CheckTile(ISparseExpert expert, CpuKernel kernel, (int Q0, int Q1, int K0, int K1, int Head) t, Tally tally)
    {
        bool all = true, any = false;
        for (int q = t.Q0; q <= t.Q1; q++)
        {
            for (int k = t.K0; k <= t.K1; k++)
            {
                bool attends = expert.Attends(q, k, t.Head);
                (all, any) = (all && attends, any || attends);
            }
        }

        TileKind kind = kernel.Classify(t.Q0, t.Q1, t.K0, t.K1, t.Head);
        if ((kind == TileKind.Full && !all) || (kind == TileKind.Empty && any))
        {
            Assert.Fail($"{expert.Info.Name} says {kind} of {t}: {expert.Info.Predicate}");
        }

        tally.Tiles++;
        tally.Uniform += all || !any ? 1 : 0;
        tally.Decided += kind == TileKind.Partial ? 0 : 1;
    }

    private static void CheckRuns(ISparseExpert expert, CpuKernel kernel, int q0, int q1, int keys, int head)
    {
        KeyRange[] runs = kernel.KeyRanges(q0, q1, keys, head);
        for (int k = 0; k < keys; k++)
        {
            if (runs.Any(r => r.Start <= k && k < r.End))
            {
                continue;
            }

            for (int q = q0; q <= q1; q++)
            {
                if (expert.Attends(q, k, head))
                {
                    Assert.Fail($"{expert.Info.Name} misses key {k} of query {q}, head {head}: {expert.Info.Predicate}");
                }
            }
        }
    }

    private sealed class Tally
    {
        public int Tiles, Uniform, Decided, Refused;
    }
}
