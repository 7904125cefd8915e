using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Generators.Tests.Emit;

/// <summary>Over the gallery the analysis is not only sound but nearly always exact: a Partial tile really is partial.</summary>
public sealed class GalleryExactnessTests(ITestOutputHelper output)
{
    private const int Tokens = 2048;

    [Theory]
    [InlineData(64, 64)]
    [InlineData(128, 32)]
    public void NearlyEveryTileIsExact(int queries, int keys)
    {
        int tiles = 0, exact = 0;
        foreach (ExpertEntry entry in Gallery.Experts)
        {
            ISparseExpert expert = entry.Create(Tokens);
            CpuKernel kernel = expert.Bind(new AttentionExtent(0, Tokens - 1, Tokens, 1));
            (int total, int right, int partial) = Check(expert, kernel, queries, keys);
            output.WriteLine($"{entry.Name,-16} {100.0 * right / total,6:F2} % of {total} tiles exact; {total - right} of {partial} partial ones are really full or empty");
            (tiles, exact) = (tiles + total, exact + right);
        }

        output.WriteLine($"{"gallery",-16} {100.0 * exact / tiles,6:F2} %");
        Assert.True(exact >= 0.95 * tiles, $"{exact} of {tiles} tiles are exact");
    }

    private static (int Total, int Exact, int Partial) Check(ISparseExpert expert, CpuKernel kernel, int queries, int keys)
    {
        int total = 0, exact = 0, partial = 0;
        for (int q0 = 0; q0 < Tokens; q0 += queries)
        {
            KeyRange[] runs = kernel.KeyRanges(q0, q0 + queries - 1, Tokens, 0);
            for (int k0 = 0; k0 < Tokens; k0 += keys)
            {
                TileKind kind = kernel.Classify(q0, q0 + queries - 1, k0, k0 + keys - 1, 0);
                TileKind truth = Truth(expert, q0, queries, k0, keys, runs);
                Assert.True(kind == truth || kind == TileKind.Partial, $"{expert.Info.Name} says {kind} of the {truth} tile at {q0}, {k0}");
                total++;
                exact += kind == truth ? 1 : 0;
                partial += kind == TileKind.Partial ? 1 : 0;
            }
        }

        return (total, exact, partial);
    }

    private static TileKind Truth(ISparseExpert expert, int q0, int queries, int k0, int keys, KeyRange[] runs)
    {
        int attended = 0;
        for (int k = k0; k < k0 + keys; k++)
        {
            bool isHeld = runs.Any(r => r.Start <= k && k < r.End);
            for (int q = q0; q < q0 + queries; q++)
            {
                if (expert.Attends(q, k, 0))
                {
                    attended++;
                    if (!isHeld)
                    {
                        Assert.Fail($"{expert.Info.Name} misses key {k} of query {q}");
                    }
                }
            }
        }

        return attended == 0 ? TileKind.Empty : attended == queries * keys ? TileKind.Full : TileKind.Partial;
    }
}
