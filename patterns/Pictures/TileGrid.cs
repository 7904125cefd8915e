using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Program;

/// <summary>A pattern cut into tiles, as the compiled classifier sees them.</summary>
internal sealed class TileGrid
{
    private readonly ISparseExpert _expert;
    private readonly CpuKernel _kernel;

    /// <summary>Binds a pattern to one sequence of <paramref name="tokens"/> queries and keys.</summary>
    /// <exception cref="ArgumentException">Its parameters do not suit that many tokens.</exception>
    public TileGrid(ISparseExpert expert, int tokens, int side)
    {
        (_expert, Tokens, Side) = (expert, tokens, Math.Min(side, tokens));
        _kernel = expert.Bind(new AttentionExtent(0, tokens - 1, tokens, 1));
    }

    /// <summary>Tokens along each edge.</summary>
    public int Tokens { get; }

    /// <summary>Tiles along each edge, never more than tokens.</summary>
    public int Side { get; }

    /// <summary>The tile in a row of queries and a column of keys.</summary>
    public TileKind this[int row, int column] => _kernel.Classify(Start(row), Start(row + 1) - 1, Start(column), Start(column + 1) - 1, 0);

    /// <summary>Part of a tile's pairs that are attended; from a sample of rows and columns where the tile is large.</summary>
    public double Share(int row, int column)
    {
        int[] queries = Positions(row), keys = Positions(column);
        int attended = 0;
        foreach (int q in queries)
        {
            foreach (int k in keys)
            {
                attended += _expert.Attends(q, k, 0) ? 1 : 0;
            }
        }

        return (double)attended / (queries.Length * keys.Length);
    }

    /// <summary>Rounded up, so that the token t lies in the cell t * Side / Tokens.</summary>
    private int Start(int cell) => (int)((((long)cell * Tokens) + Side - 1) / Side);

    private int[] Positions(int cell) => Sample.Of(Start(cell), Start(cell + 1), 32, cell);
}
