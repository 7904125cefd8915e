using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Wrong arguments: each has its error, which names the argument, what was given and what is wanted.</summary>
public class AttentionArgumentTests
{
    private static readonly AttentionEngine _engine = AttentionEngine.Create(Target.Cpu);

    /// <summary>Shapes of q, k and v, the argument at fault, and words that the message must hold.</summary>
    public static TheoryData<int[], int[], int[], string, string[]> Shapes => new()
    {
        { [16, 8], [16, 2, 8], [16, 2, 8], "q", ["[16, 8]", "3 dimensions", "[query tokens, query heads, dim]"] },
        { [16, 2, 8], [1, 16, 2, 8], [16, 2, 8], "k", ["[1, 16, 2, 8]", "[key tokens, key heads, dim]"] },
        { [16, 2, 8], [16, 2, 8], [16], "v", ["[16]", "[key tokens, key heads, dim]"] },
        { [16, 2, 12], [16, 2, 12], [16, 2, 12], "q", ["[16, 2, 12]", "dim 12", "multiple of 8", "256"] },
        { [16, 2, 264], [16, 2, 264], [16, 2, 264], "q", ["dim 264", "256"] },
        { [16, 2, 0], [16, 2, 0], [16, 2, 0], "q", ["dim 0"] },
        { [16, 2, 8], [16, 2, 16], [16, 2, 16], "k", ["[16, 2, 16]", "[16, 2, 8]"] },
        { [16, 2, 8], [16, 2, 8], [17, 2, 8], "v", ["[17, 2, 8]", "[16, 2, 8]"] },
        { [16, 3, 8], [16, 2, 8], [16, 2, 8], "k", ["[16, 3, 8]", "[16, 2, 8]", "multiple of the 2 key heads"] },
        { [16, 2, 8], [16, 4, 8], [16, 4, 8], "k", ["the 2 query heads", "the 4 key heads"] },
        { [16, 2, 8], [16, 0, 8], [16, 0, 8], "k", ["the 0 key heads"] },
        { [16, 0, 8], [16, 1, 8], [16, 1, 8], "k", ["the 0 query heads"] },
    };

    /// <summary>Options for 16 query and 20 key tokens, and words that the message must hold.</summary>
    public static TheoryData<int[]?, int[]?, int?, float?, string[]> Options => new()
    {
        { [], null, null, null, ["Sequences has 0 offsets", "batch + 1"] },
        { [0], null, null, null, ["Sequences has 1 offsets", "batch + 1"] },
        { [1, 16], null, null, null, ["Sequences starts at 1", "must start at 0"] },
        { [0, 9, 5, 16], null, null, null, ["Sequences falls from 9 to 5 at index 2", "must ascend"] },
        { [0, 15], null, null, null, ["Sequences ends at 15", "must end at 16", "query tokens"] },
        { [0, 16], null, null, null, ["Sequences ends at 16", "must end at 20", "key tokens"] },
        { [0, 16], [0, 21], null, null, ["KeySequences ends at 21", "must end at 20"] },
        { [0, 16], [0, 7, 3, 20], null, null, ["KeySequences falls from 7 to 3 at index 2"] },
        { [0, 5, 16], [0, 20], null, null, ["KeySequences has 2 offsets", "Sequences has 3", "batch + 1"] },
        { null, [0, 5, 20], null, null, ["KeySequences has 3 offsets", "one sequence", "batch + 1"] },
        { null, null, 1073741809, null, ["QueryStart is 1073741809", "16 queries", "between -1073741824 and 1073741808"] },
        { null, null, -1073741825, null, ["QueryStart is -1073741825", "between -1073741824"] },
        { null, null, null, float.NaN, ["Scale is NaN", "finite"] },
        { null, null, null, float.PositiveInfinity, ["Scale is Infinity", "finite"] },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void WrongShapesAreNamed(int[] q, int[] k, int[] v, string argument, string[] words)
    {
        Causal expert = new();
        ArgumentException e = Assert.Throws<ArgumentException>(() => _engine.Attend(expert, Zeros(q), Zeros(k), Zeros(v)));
        Assert.Equal(argument, e.ParamName);
        Assert.StartsWith(argument + " is ", e.Message, StringComparison.Ordinal);
        Assert.All(words, word => Assert.Contains(word, e.Message, StringComparison.Ordinal));
        Assert.Empty(expert.Extents);
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void WrongOptionsAreNamed(int[]? sequences, int[]? keySequences, int? start, float? scale, string[] words)
    {
        AttentionOptions options = new() { Sequences = sequences, KeySequences = keySequences, QueryStart = start, Scale = scale };
        ArgumentException e = Assert.Throws<ArgumentException>(
            () => _engine.Attend(new Causal(), Zeros(16, 2, 8), Zeros(20, 2, 8), Zeros(20, 2, 8), options));
        Assert.Equal("options", e.ParamName);
        Assert.All(words, word => Assert.Contains(word, e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void TheLastPositionsThatFitAreAllowed()
    {
        Tensor<float> q = Zeros(16, 2, 8);
        _engine.Attend(new Nothing(), q, q, q, new() { QueryStart = 1073741808 });
        _engine.Attend(new Nothing(), q, q, q, new() { QueryStart = -1073741824 });
    }

    [Fact]
    public void OtherElementTypesAreRefused()
    {
        Tensor<double> q = Tensor.Create(new double[8], [1, 1, 8]);
        foreach (Action attend in new Action[] { () => _engine.Attend(new Causal(), q, q, q), () => ReferenceAttention.Attend(new Causal(), q, q, q) })
        {
            ArgumentException e = Assert.Throws<ArgumentException>("q", attend);
            Assert.Contains("q, k and v are tensors of System.Double: they must be of float, System.Half or MoBA.Runtime.BFloat16", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void WrongOutputsAreNamed()
    {
        Tensor<float> q = Zeros(16, 2, 8);
        ArgumentException shape = Assert.Throws<ArgumentException>(() => _engine.Attend(new Causal(), q, q, q, new(), Zeros(16, 2, 16)));
        Assert.Contains("output is [16, 2, 16]: it must have the shape of q, which is [16, 2, 8]", shape.Message, StringComparison.Ordinal);

        Tensor<float> shared = Tensor.Create(new float[16], [16, 2, 8], [0, 8, 1]);
        ArgumentException strides = Assert.Throws<ArgumentException>(() => _engine.Attend(new Causal(), q, q, q, new(), shared));
        Assert.Contains("strides [0, 8, 1]", strides.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OutputsThatSharePartOfAnInputAreRefused()
    {
        float[] memory = [.. Enumerable.Range(0, 40 * 16).Select(i => MathF.Sin(i))];
        Tensor<float> At(int start, int stride) => Tensor.Create(memory, start, [16, 2, 8], [stride, 8, 1]);
        Tensor<float> k = Zeros(16, 2, 8);
        foreach (int shift in new[] { 1, 8, 16, 64, 255 })
        {
            ArgumentException e = Assert.Throws<ArgumentException>("output", () => _engine.Attend(new Causal(), At(0, 16), k, k, new(), At(shift, 16)));
            Assert.Contains("output shares memory with q: it may be q itself", e.Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>("output", () => _engine.Attend(new Causal(), At(300, 16), k, k, new(), At(200, 16)));
        Assert.Throws<ArgumentException>("output", () => _engine.Attend(new Causal(), k, At(16, 16), k, new(), At(0, 16)));
        Assert.Throws<ArgumentException>("output", () => _engine.Attend(new Causal(), At(0, 16), k, k, new(), At(0, 32)));

        _engine.Attend(new Causal(), At(0, 16), k, k, new(), At(256, 16));      // behind it
        _engine.Attend(new Causal(), At(0, 32), k, k, new(), At(16, 32));       // columns of one buffer
        float[] expected = Inputs.Floats(_engine.Attend(new Causal(), At(0, 16), At(0, 16), At(0, 16)));
        Assert.Equal(expected, Inputs.Floats(_engine.Attend(new Causal(), At(0, 16), At(0, 16), At(0, 16), new(), At(0, 16)).Output));
    }

    [Fact]
    public void NullsAreNamed()
    {
        Tensor<float> q = Zeros(16, 2, 8);
        Assert.Equal("expert", Assert.Throws<ArgumentNullException>(() => _engine.Attend((Causal)null!, q, q, q)).ParamName);
        Assert.Equal("q", Assert.Throws<ArgumentNullException>(() => _engine.Attend(new Causal(), null!, q, q)).ParamName);
        Assert.Equal("k", Assert.Throws<ArgumentNullException>(() => _engine.Attend(new Causal(), q, null!, q)).ParamName);
        Assert.Equal("v", Assert.Throws<ArgumentNullException>(() => _engine.Attend(new Causal(), q, q, null!)).ParamName);
        Assert.Equal("options", Assert.Throws<ArgumentNullException>(() => _engine.Attend(new Causal(), q, q, q, null!)).ParamName);
        Assert.Equal("output", Assert.Throws<ArgumentNullException>(() => _engine.Attend(new Causal(), q, q, q, new(), null!)).ParamName);
    }

    [Fact]
    public void ADisposedEngineSaysSo()
    {
        AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> q = Zeros(16, 2, 8);
        engine.Attend(new Causal(), q, q, q);
        engine.Dispose();
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => engine.Attend(new Causal(), q, q, q));
    }

    [Fact]
    public void AnExpertsOwnErrorReachesTheCaller()
    {
        Tensor<float> q = Zeros(500, 2, 8);
        Interrupting broken = new(() => throw new IndexOutOfRangeException("a table is short"));
        Assert.Equal("a table is short", Assert.Throws<IndexOutOfRangeException>(() => _engine.Attend(broken, q, q, q)).Message);
        _engine.Attend(new Causal(), q, q, q);
    }

    [Fact]
    public void CancellationStopsACall()
    {
        using CancellationTokenSource source = new();
        Tensor<float> q = Zeros(5000, 1, 8);
        int tiles = 0, late = 0;
        Interrupting expert = new(() =>
        {
            if (source.IsCancellationRequested)
                Interlocked.Increment(ref late);
            if (Interlocked.Increment(ref tiles) == 3)
                source.Cancel();
        });
        using AttentionEngine engine = AttentionEngineTests.Engine(wide: true, workers: 2);
        OperationCanceledException e = Assert.Throws<OperationCanceledException>(
            () => engine.Attend(expert, q, q, q, new(), source.Token));
        Assert.Equal(source.Token, e.CancellationToken);
        Assert.InRange(late, 0, 1);     // what the other worker had taken by then
        Assert.Throws<OperationCanceledException>(() => _engine.Attend(new Causal(), q, q, q, new(), source.Token));
        _engine.Attend(new Nothing(), q, q, q, new(), CancellationToken.None);
    }

    [Fact]
    public void MissingMemoryIsCounted()
    {
        // A terabyte of scores would be needed for no one: an output that no array can hold.
        Tensor<float> q = Tensor.Create(new float[8], [1 << 20, 1 << 12, 8], [0, 0, 1]);
        Tensor<float> k = Tensor.Create(new float[8], [16, 1, 8], [0, 0, 1]);
        InsufficientMemoryException e = Assert.Throws<InsufficientMemoryException>(() => _engine.Attend(new Nothing(), q, k, k));
        Assert.Contains("137,438,953,472 bytes", e.Message, StringComparison.Ordinal);
        Assert.Contains("the output", e.Message, StringComparison.Ordinal);

        // Packed keys: 2^30 tokens that share one row of memory.
        Tensor<float> many = Tensor.Create(new float[256], [1 << 30, 1, 256], [0, 0, 1]);
        e = Assert.Throws<InsufficientMemoryException>(() => _engine.Attend(new Nothing(), Zeros(1, 1, 256), many, many));
        Assert.Contains("2,199,023,255,552 bytes", e.Message, StringComparison.Ordinal);
        _engine.Attend(new Causal(), k, k, k);
    }

    [Fact]
    public void ATargetThatIsNoneIsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionEngine.Create((Target)77));
        Assert.Throws<ArgumentNullException>(() => AttentionEngine.Create((AttentionEngineOptions)null!));
    }

    [Fact]
    public void TheBestEngineSaysWhatItRunsOnAndWhy()
    {
        // A CUDA device where there is one: what is said without one is asked of a driver that has none.
        using AttentionEngine engine = AttentionEngine.Create();
        Assert.Contains(TileMath.Best.Name, engine.Description, StringComparison.Ordinal);
        Assert.StartsWith(engine.Target == Target.Cuda ? "CUDA: " : "CPU: ", engine.Description, StringComparison.Ordinal);
        Assert.Equal(engine.Target == Target.Cpu, engine.Description.EndsWith(", so the CPU was chosen", StringComparison.Ordinal));
    }

    private static Tensor<float> Zeros(params int[] lengths) =>
        Tensor.CreateFromShape<float>([.. lengths.Select(length => (nint)length)]);
}
