using System.Numerics.Tensors;
using System.Reflection;
using Microsoft.CodeAnalysis;
using MoBA.Conformance.Tests;
using MoBA.Generators.Model;
using MoBA.Generators.Tests.Analyze;
using MoBA.Generators.Tests.Harness;
using MoBA.Runtime;

namespace MoBA.Generators.Tests.Emit;

/// <summary>Emitted kernels attend what their predicates say: masks, score modifiers and key runs together, on both targets.</summary>
public sealed class EmittedAttentionTests
{
    private const int Predicates = 120;
    private const int Heads = 5;
    private const int Dim = 8;
    private const float Tolerance = 2e-5f;

    /// <summary>Members of a class that once went wrong, with parameters at their extremes.</summary>
    public static TheoryData<string, string> Cases { get; } = new()
    {
        { "queries before the first key", "bool Attends(int q, int k) => q >= 0;" },
        { "nested division by huge parameters", "public int A { get; init; } = int.MaxValue; public int B { get; init; } = int.MaxValue; bool Attends(int q, int k) => k / A / B <= q;" },
        { "a division and its product", "public int A { get; init; } = 1 << 20; public int B { get; init; } = 1 << 20; public int W { get; init; } = 1 << 24; bool Attends(int q, int k) => k / A / B <= W;" },
        { "a literal before the key", "bool Attends(int q, int k) => 2 * k <= q;" },
        { "minus of minus", "public int W { get; init; } = 9; bool Attends(int q, int k) { int ahead = -(q - k); return -ahead < W && ahead <= 0; }" },
        { "minus of minus in a score", "bool Attends(int q, int k) => q >= k; float Score(float s, int q, int k) => -(-s) - -(float)(k - q) * -0.1f;" },
        { "a remainder below zero", "bool Attends(int q, int k) => (k - q) % 3 == -1;" },
        { "a required divisor's product", "public int Block { get; init; } = 16; bool Attends(int q, int k) => k >= q / Block * Block && k <= q;" },
        { "heads that differ", "bool Attends(int q, int k, int head) => q >= k && q - k < 3 * head + 2;" },
        { "functions of the score", "bool Attends(int q, int k) => q >= k; float Score(float s, int q, int k, int head, int heads) => MathF.Min(MathF.Max(s, -3f), 3f) + float.Log2(1f + q - k) * MathF.Sin(head) - MathF.Sqrt(MathF.Abs(s)) * MathF.Pow(0.5f, heads) + MathF.Floor(s) - MathF.Ceiling(s) + MathF.Cos(s) + MathF.Exp(-MathF.Abs(s)) + float.Exp2(-1f) + MathF.Log(2f + MathF.Abs(s)) + MathF.Tanh(s) + Math.Clamp(s, -1f, 1f);" },
        { "scores that are bounded", "public float Cap { get; init; } = -7; public float[] Bias { get; init; } = [0.5f, -1f]; bool Attends(int q, int k) => q >= k; float Score(float s, int q, int k, int head) => head == 1 ? Cap * MathF.Tanh(s / Cap) / 2f + MathF.Tanh(0.1f * MathF.Tanh(s + Bias[k % 2])) : head == 2 ? MathF.Min(2f, MathF.Max(s, -3f)) : MathF.Abs(-Math.Clamp(s, -Cap, 9f)) - MathF.Cos(s * s);" },
        { "choices of conditions and numbers", "public bool On { get; init; } = true; bool Attends(int q, int k) => (q % 2 == 0 ? k <= q : On && k < q - 3) == (k % 3 != 1) && (q > 9 ^ k > 5 || (q < 5 ? q : k) != 3); float Score(float s, int q, int k, int head) => q - k > 9 ? s / (2f + q) : k > q ? s / (q - k - 0.5f) : head > 2 ? s : -s / 3f;" },
        { "a window without end", "public int Window { get; init; } = int.MaxValue; bool Attends(int q, int k) => q >= k && (q - k < Window || k - Window > q);" },
        { "keys by size, equality and complement", "public int W { get; init; } = 20; public bool On { get; init; } = true; bool Attends(int q, int k, int head) => (Math.Abs(q - k) <= W ^ k == q - 3) || !(k + 5 != 3 * head) || (On ? W < Math.Abs(3 - k) : k > q);" },
        { "a size below nothing", "public int W { get; init; } = -1; bool Attends(int q, int k) => Math.Abs(k - q) <= W || 7 - (-k) > q + 2 || -W > Math.Abs(k);" },
        { "a table of floats by distance", "public float[] Bias { get; init; } = [0.5f, -1f, 2f, 0.25f]; bool Attends(int q, int k) => q >= k; float Score(float s, int q, int k) => q % 2 == 0 || s > 0.5f ? s + Bias[Math.Min(q - k, 3) < 0 ? 0 : Math.Clamp(q - k, 0, 3)] : s;" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void CasesAgreeWithTheirPredicates(string name, string members)
    {
        Assert.NotEmpty(name);
        ISparseExpert expert = Load(Compiler.Usings + $"[SparseExpert] public sealed partial class P {{ {members} }}", "P");
        foreach (Target target in new[] { Target.Cpu, Target.Portable })
        {
            using AttentionEngine engine = AttentionEngine.Create(target);
            Compare(engine, expert, queries: 130, keys: 90, start: null);
            Compare(engine, expert, queries: 70, keys: 150, start: 7);
        }

        CudaComparison.Check(expert, new AttentionExtent(0, 129, 90, Heads));
        CudaComparison.Check(expert, new AttentionExtent(7, 76, 150, Heads));
    }

    [Fact]
    public void RandomPredicatesAttendWhatTheySay()
    {
        RandomPredicates source = new(seed: 4);
        (Expr Attends, Values Values)[] cases = [.. Enumerable.Range(0, Predicates).Select(_ => source.Next())];
        Assembly assembly = Compiler.Load(Compiler.Usings + "\n" + string.Concat(cases.Select(static (c, i) => Author.Class($"P{i}", c.Attends, c.Values))));
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        using AttentionEngine portable = AttentionEngine.Create(Target.Portable);
        int compared = 0;
        for (int i = 0; i < Predicates; i++)
        {
            ISparseExpert expert = (ISparseExpert)Activator.CreateInstance(assembly.GetType($"P{i}")!)!;
            try
            {
                _ = expert.Bind(new AttentionExtent(5, 5 + 99, 90, Heads));
            }
            catch (ArgumentException)
            {
                continue;   // refused: it may overflow, or its tables are too short
            }

            Compare(cpu, expert, queries: 100, keys: 90, start: 5);
            if (i % 4 == 0)
            {
                Compare(portable, expert, queries: 100, keys: 90, start: 5);
                CudaComparison.Check(expert, new AttentionExtent(5, 104, 90, Heads));
            }

            compared++;
        }

        Assert.True(compared > Predicates / 2, $"only {compared} calls were not refused: the test says little");
    }

    [Fact]
    public void TheLeastIntIsNotNegatedUnseen()
    {
        ISparseExpert expert = Load(Compiler.Usings + "[SparseExpert] public sealed partial class P { public int W { get; init; } = 3; bool Attends(int q, int k) => q - k > -W; }", "P");
        expert = expert.With(new Dictionary<string, object> { ["W"] = int.MinValue });
        Assert.Contains("'-W' overflows", Assert.Throws<ArgumentException>(() => expert.Bind(new AttentionExtent(0, 9, 10, 1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("public required int Block { get; init; } bool Attends(int q, int k) => k >= q / Block * Block && k <= q;")]
    [InlineData("public required int Block { get; init; } bool Attends(int q, int k) => k < q / Block * Block + Block && k >= 0 && k <= q;")]
    [InlineData("public required int W { get; init; } bool Attends(int q, int k) => q / (W * 2 - 1) + 1 > k;")]
    public void WhatARequiredParameterIsIsNotGuessed(string members) =>
        Assert.Empty(Compiler.Analyze(Compiler.Usings + $"[SparseExpert] public sealed partial class P {{ {members} }}").Select(Compiler.Describe));

    [Theory]
    [InlineData("bool Attends(int q, int k) => q >= k; float Score(float s, int q, int k) => s - (q - k) * (q - k);", "MOBA2001")]
    [InlineData("bool Attends(int q, int k) { int d = q - k; int s = d * d; return s * s < 100; }", "MOBA2001")]
    [InlineData("bool Attends(int q, int k) => q >= k; float Score(float s) => MathF.Log(s, 2f);", "MOBA1006")]
    public void IsReported(string members, string id)
    {
        Diagnostic reported = Assert.Single(Compiler.Analyze(Compiler.Usings + $"[SparseExpert] public sealed partial class P {{ {members} }}"));
        Assert.Equal(id, reported.Id);
    }

    [Fact]
    public void DefaultsOfANestedExpertThatIsBuiltOtherwiseAreNotAssumed()
    {
        const string inner = "[SparseExpert] public sealed partial class I { public int W { get; init; } = 5; internal bool Attends(int q, int k) => q >= k && q - k < W; }";
        const string outer = "[SparseExpert] public sealed partial class P { public I Local { get; init; } = new() { W = 0 }; bool Attends(int q, int k) => Local.Attends(q, k); }";
        ISparseExpert expert = Load(Compiler.Usings + inner + outer, "P");
        Assert.Equal(Runtime.Proof.None, expert.Info.AttendsItself);
    }

    private static ISparseExpert Load(string source, string name) =>
        (ISparseExpert)Activator.CreateInstance(Compiler.Load(source).GetType(name)!)!;

    private static void Compare(AttentionEngine engine, ISparseExpert expert, int queries, int keys, int? start)
    {
        Random random = new(queries);
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Normal(queries), Normal(keys), Normal(keys));
        AttentionOptions options = new() { QueryStart = start };
        float[] wanted = Flat(ReferenceAttention.Attend(expert, q, k, v, options).Output);
        float[] given = Flat(engine.Attend(expert, q, k, v, options).Output);
        for (int i = 0; i < wanted.Length; i++)
        {
            Assert.True(Math.Abs(wanted[i] - given[i]) < Tolerance, $"{engine.Target}, query {i / Heads / Dim}, head {i / Dim % Heads}: {given[i]} where {wanted[i]} is right: {expert.Info.Predicate}");
        }

        Tensor<float> Normal(int tokens) => Tensor.Create(
            Enumerable.Range(0, tokens * Heads * Dim).Select(_ => (random.NextSingle() * 2) - 1).ToArray(), [tokens, Heads, Dim]);
    }

    private static float[] Flat(Tensor<float> tensor)
    {
        float[] values = new float[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }
}
