using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>The whole kernel text for Ampere, run by the emulator and compared with attention as it is defined.</summary>
public sealed class AmpereAttentionTests
{
    private const int Heads = 2, KeyHeads = 1, TokenPadding = 8;
    private const float Scale = 0.3f;

    private static readonly Lazy<string> _plain = new(static () => Compile(typeof(PlainBandPattern)));
    private static readonly Lazy<string> _scored = new(static () => Compile(typeof(BandPattern)));

    [Theory]
    [InlineData(64, false, 300, "scored")]
    [InlineData(64, true, 40, "plain")]
    [InlineData(128, false, 100, "plain")]
    [InlineData(128, true, 1000, "scored")]
    [InlineData(128, true, 100, "scale first")]
    [InlineData(256, false, 50, "scale first")]
    [InlineData(256, true, 50, "plain")]
    [InlineData(72, false, 90, "plain")]
    [InlineData(8, true, 20, "scored")]
    [InlineData(200, true, 1000, "scored")]
    public void The_kernel_computes_attention(int dim, bool isHalf, int width, string scores)
    {
        TileShape shape = TileShape.For(KernelTarget.Sm80, dim, isHalf ? ElementKind.Half : ElementKind.BFloat16);
        TilePrinter tiles = TilePrinter.For(shape);
        KernelText text = TileLowering.Lower(scores == "scored" ? _scored.Value : _plain.Value, shape);

        // Queries from position 77 on, the first tile's and the rest; keys end before the last queries do.
        int queries = tiles.Queries + 21, keys = queries + 77 - 30;
        Problem problem = new(dim, isHalf, queries, keys, scores);
        QueryTile[] records =
        [
            new() { QueryToken = 1, Queries = tiles.Queries, Position = 77, KeyToken = 2, Keys = keys },
            new() { QueryToken = 1 + tiles.Queries, Queries = 21, Position = 77 + tiles.Queries, KeyToken = 2, Keys = keys },
            new() { QueryToken = 0, Queries = 1, Position = 3 + width, KeyToken = 2, Keys = 2 },
        ];
        byte[] parameters = problem.Parameters(records, width);
        PtxProgram program = new(text.Ptx);
        Assert.Equal(parameters.Length, program.ParameterBytes);
        for (int block = 0; block < records.Length * Heads; block++)
            new PtxBlock(program, text.Threads, text.SharedBytes, parameters, problem.Memory, block).Run();
        foreach (QueryTile record in records)
        {
            for (int row = 0; row < record.Queries; row++)
            {
                for (int head = 0; head < Heads; head++)
                    problem.Check(record, row, head, width);
            }
        }

        Assert.True(problem.IsUntouched(queries + 1), "a token beyond the queries was written");
    }

    private static string Compile(Type pattern) => new KernelCompiler().Compile(
        new(typeof(AmpereAttention).GetMethod(nameof(AmpereAttention.Attend))!.MakeGenericMethod(pattern, typeof(int), typeof(int), typeof(int)), ""),
        KernelTarget.Sm80, 128);

    /// <summary>Tensors in one memory, rows of a token with some noise behind them.</summary>
    private sealed class Problem
    {
        private readonly int _dim, _q, _k, _v, _o, _lse, _tiles, _queryStride, _keyStride;
        private readonly bool _isHalf;
        private readonly string _scores;

        public Problem(int dim, bool isHalf, int queries, int keys, string scores)
        {
            (_dim, _isHalf, _scores) = (dim, isHalf, scores);
            (_queryStride, _keyStride) = (2 * ((Heads * dim) + TokenPadding), 2 * ((KeyHeads * dim) + TokenPadding));
            _q = 64;
            _k = _q + ((queries + 2) * _queryStride);
            _v = _k + ((keys + 3) * _keyStride);
            _o = _v + ((keys + 3) * _keyStride);
            _lse = _o + ((queries + 2) * _queryStride);
            _tiles = _lse + ((queries + 2) * Heads * 4);
            Memory = new byte[_tiles + 1024];
            Random random = new(1);
            Span<ushort> elements = MemoryMarshal.Cast<byte, ushort>(Memory.AsSpan(0, _tiles));
            for (int i = 0; i < elements.Length; i++)
                elements[i] = PtxMath.Round((random.NextSingle() * 4) - 2, isHalf);
            Memory.AsSpan(_o, _tiles - _o).Fill(0xCD);
        }

        public byte[] Memory { get; }

        public byte[] Parameters(QueryTile[] records, int width)
        {
            MemoryMarshal.AsBytes(records.AsSpan()).CopyTo(Memory.AsSpan(_tiles));
            CudaProblem problem = new()
            {
                Q = _q,
                K = _k,
                V = _v,
                Output = _o,
                Lse = _lse,
                Tiles = _tiles,
                QueryTokenStride = _queryStride,
                QueryHeadStride = 2 * _dim,
                KeyTokenStride = _keyStride,
                KeyHeadStride = 2 * _dim,
                ValueTokenStride = _keyStride,
                ValueHeadStride = 2 * _dim,
                OutputTokenStride = _queryStride,
                OutputHeadStride = 2 * _dim,
                TileCount = records.Length,
                Heads = Heads,
                HeadsPerKeyHead = Heads / KeyHeads,
                HeadsTogether = Heads,
                Items = records.Length * Heads,
                Dim = _dim,
                Scale = Scale,
                ScaleFirst = _scores == "scale first" ? 1 : 0,
            };
            BandPattern pattern = new() { Width = width };
            return [.. MemoryMarshal.AsBytes(new ReadOnlySpan<CudaProblem>(in problem)), .. MemoryMarshal.AsBytes(new ReadOnlySpan<BandPattern>(in pattern))];
        }

        public void Check(QueryTile tile, int row, int head, int width)
        {
            BandPattern pattern = new() { Width = width };
            int position = tile.Position + row, q = _q + ((tile.QueryToken + row) * _queryStride) + (head * 2 * _dim);
            double sum = 0;
            double[] expected = new double[_dim];
            for (int k = 0; k < tile.Keys; k++)
            {
                if (!pattern.Attends(position, k))
                    continue;
                int at = (tile.KeyToken + k) * _keyStride;
                double score = 0;
                for (int i = 0; i < _dim; i++)
                    score += Element(q, i) * Element(_k + at, i);
                double scaled = score * Scale;
                double weight = Math.Exp(_scores == "scored" ? pattern.Score((float)scaled, position, k) : scaled);
                sum += weight;
                for (int i = 0; i < _dim; i++)
                    expected[i] += weight * Element(_v + at, i);
            }

            int o = _o + ((tile.QueryToken + row) * _queryStride) + (head * 2 * _dim);
            for (int i = 0; i < _dim; i++)
                Assert.Equal(sum == 0 ? 0 : expected[i] / sum, Element(o, i), _isHalf ? 0.004 : 0.03);
            double lse = BitConverter.ToSingle(Memory, _lse + ((((tile.QueryToken + row) * Heads) + head) * 4));
            if (sum == 0)
                Assert.Equal(double.NegativeInfinity, lse);
            else
                Assert.Equal(Math.Log(sum), lse, 0.001);
        }

        public bool IsUntouched(int token) => Memory.AsSpan(_o + (token * _queryStride), _queryStride).IndexOfAnyExcept((byte)0xCD) < 0;

        private double Element(int row, int i) => PtxMath.Element(BitConverter.ToUInt16(Memory, row + (2 * i)), _isHalf);
    }
}
