using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Portable.Samples;

/// <summary>true: an expert without parameters, whose tiles are all full.</summary>
public static class EverythingKernel
{
    public struct Parameters
    {
    }

    public static void Attend(Index2D index, PortableProblem problem, Parameters p)
    {
        PortableRow row = PortableRow.Start(index, problem);
        PortableTiles tiles = row.Tiles(0, row.Keys - 1);
        for (int k0 = tiles.From(0); k0 < row.Keys; k0 = tiles.From(k0 + PortableRow.KeyTile))
        {
            PortableScores scores = row.Scores(k0);
            if (!row.IsWhole(k0))
                scores.Keep((1 << (row.Keys - k0)) - 1);
            row.Accumulate(k0, scores);
        }

        row.Finish();
    }
}
