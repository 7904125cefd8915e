using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests.Parse;

/// <summary>
/// Whatever an author writes, the generator does not throw, what it emits has no fault of its own, and a good pattern beside a
/// broken one is still emitted.
/// </summary>
public sealed class WeirdClassesTests
{
    private const string Good = Compiler.Usings + """
        namespace Beside { [SparseExpert] public sealed partial class GoodOne { private static bool Attends(int q, int k) => q >= k; } }
        """;

    /// <summary>Classes that compile, and so must be emitted.</summary>
    public static TheoryData<string, string> Legal { get; } = new()
    {
        { "global namespace", "[SparseExpert] public sealed partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "internal, unsealed", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "nested", "namespace N; public static partial class A { internal partial struct B { partial record C { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } } } }" },
        { "nested in an interface", "namespace N; partial interface I { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "nested in a record struct", "namespace N; partial record struct I { [SparseExpert] internal sealed partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "keyword names", "namespace @event.@namespace; partial class @static { [SparseExpert] sealed partial class @class { public int @int { get; init; } = 3; bool Attends(int @in, int @out) => @in >= @out && @in - @out < @int; } }" },
        { "kernel's names as parameters", """
            namespace N; [SparseExpert] public sealed partial class P
            {
                public int q { get; init; } = 1; public int k { get; init; } = 2; public int head { get; init; } = 3; public int heads { get; init; } = 4;
                public int tile { get; init; } = 5; public int q0 { get; init; } = 6; public int q1 { get; init; } = 7; public int k0 { get; init; } = 8;
                public int k1 { get; init; } = 9; public int t0 { get; init; } = 10; public int row0 { get; init; } = 11; public int extent { get; init; } = 12;
                public int values { get; init; } = 13; public int parameters { get; init; } = 14; public int launch { get; init; } = 15; public int count { get; init; } = 16;
                public int ranges { get; init; } = 17; public int all { get; init; } = 18; public int any { get; init; } = 19; public int p { get; init; } = 20;
                bool Attends(int a, int b) => (a - b) * q + k < head + heads * tile || a / 5 * q0 + q1 > k0 * k1 - b + t0 * row0 && a % 3 < b * extent + values
                    && a < parameters - launch + count && b + ranges > all - any * p;
            }
            """ },
        { "members' names as parameters", """
            namespace N; [SparseExpert] public sealed partial class P
            {
                public int Info { get; init; } = 1; public int Classify { get; init; } = 2; public int KeyRanges { get; init; } = 3; public int Kernel { get; init; } = 4;
                public int Bind { get; init; } = 5; public int With { get; init; } = 6; public int Parameters { get; init; } = 7; public int None { get; init; } = 8;
                public int Math { get; init; } = 9; public int Require { get; init; } = 10; public int IntTable { get; init; } = 11; public int Vector512 { get; init; } = 12;
                public int MaxKeyRanges { get; init; } = 13; public int Score { get; init; } = 14; public int Mask { get; init; } = 15; public int Attend { get; init; } = 16;
                public int[] Table { get; init; } = new int[99];
                bool Attends(int q, int k) => q - k < Info * Classify || System.Math.Min(q, KeyRanges) < Kernel * k && k / 3 > Bind + With || q * Parameters < None * Math
                    && Require < IntTable * q && Vector512 < MaxKeyRanges - k || Table[k] < Score + Mask * Attend;
            }
            """ },
        { "names that differ in case alone", "namespace N; [SparseExpert] public sealed partial class P { public int Window { get; init; } = 3; public int window { get; init; } = 4; bool Attends(int q, int k) => q - k < Window && q - k > window; }" },
        { "classes that differ in case alone", "namespace N; [SparseExpert] public sealed partial class Win { bool Attends(int q, int k) => q >= k; } [SparseExpert] public sealed partial class WIN { bool Attends(int q, int k) => q >= k; }" },
        { "underscore or nesting", "namespace N; partial class A { [SparseExpert] sealed partial class B { bool Attends(int q, int k) => q >= k; } } [SparseExpert] sealed partial class A_B { bool Attends(int q, int k) => q > k; }" },
        { "nested parameter or underscore", "namespace N; [SparseExpert] sealed partial class I { public int W { get; init; } = 2; internal bool Attends(int q, int k) => q - k < W; } [SparseExpert] sealed partial class P { public required I L { get; init; } public int L_W { get; init; } bool Attends(int q, int k) => L.Attends(q, k) && k > L_W; }" },
        { "types named as the kernel's", "namespace N; class Math; class TileKind; class Vector512; class KeyRange; class CpuKernel; class IntTable; class Span; struct Index2D; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => System.Math.Abs(q - k) < 7; }" },
        { "namespaces named as the kernel's types", "namespace N { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => global::System.Math.Abs(q - k) < 7 || global::System.Math.Min(q, k) < 3; } } namespace N.Math { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } } namespace N.System { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } } namespace N.MoBA { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "global patterns beside a namespace named Math", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => global::System.Math.Abs(q - k) < 7; } namespace Math { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "a class named as its members", "namespace N; [SparseExpert] sealed partial class Info { bool Attends(int q, int k) => q >= k; } [SparseExpert] sealed partial class Classify { bool Attends(int q, int k) => q >= k; } [SparseExpert] sealed partial class KeyRanges { bool Attends(int q, int k) => q >= k; } [SparseExpert] sealed partial class MoBA { bool Attends(int q, int k) => q >= k; }" },
        { "a base class with parameters", "namespace N; class Base { public required int Window { get; init; } public int Info => 3; public int Other { get; init; } } [SparseExpert] sealed partial class P : Base { bool Attends(int q, int k) => q >= k && q - k < Window; }" },
        { "a constructor with arguments", "namespace N; [SparseExpert] sealed partial class P(int w) { public int Window { get; init; } = w; bool Attends(int q, int k) => q >= k && q - k < Window; }" },
        { "tables that may be null", "#nullable enable\nnamespace N; [SparseExpert] sealed partial class P { [Monotone] public int[]? Doc { get; init; } public ReadOnlyMemory<int> More { get; init; } bool Attends(int q, int k) => Doc![q] == Doc[k] || More.Span[k] > 3; }" },
        { "a nested expert that may be null", "#nullable enable\nnamespace N; [SparseExpert] sealed partial class I { public int W { get; init; } = 2; internal bool Attends(int q, int k) => q - k < W; } [SparseExpert] sealed partial class P { public I? Local { get; init; } bool Attends(int q, int k) => Local!.Attends(q, k) && q >= k; }" },
        { "experts two deep", "namespace N; [SparseExpert] sealed partial class A { public int W { get; init; } = 2; internal bool Attends(int q, int k) => q - k < W; } [SparseExpert] sealed partial class B { public required A Inner { get; init; } internal bool Attends(int q, int k) => Inner.Attends(q, k) && q >= k; } [SparseExpert] sealed partial class P { public required B Outer { get; init; } public required B Other { get; init; } bool Attends(int q, int k) => Outer.Attends(q, k) || Other.Inner.W < k; }" },
        { "an obsolete parameter", "namespace N; [SparseExpert] sealed partial class P { [Obsolete(\"use more\")] public int W { get; init; } = 2;\n#pragma warning disable CS0618\nbool Attends(int q, int k) => q - k < W; }" },
        { "a partial method", "namespace N; [SparseExpert] sealed partial class P { private partial bool Attends(int q, int k); private partial bool Attends(int query, int key) => query >= Half(key); private static partial int Half(int x); private static partial int Half(int y) => y / 2; }" },
        { "two files", "namespace N; [SparseExpert] sealed partial class P { public int W { get; init; } } partial class P { bool Attends(int q, int k) => q - k < W; }" },
        { "a switch in a helper that is not called", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; static int Unused(int x) => x switch { 1 => 2, _ => throw new Exception() }; }" },
        { "local functions", "namespace N; [SparseExpert] sealed partial class P { public int W { get; init; } = 8; bool Attends(int q, int k) { int d = q - k; return Near() && Half(d) > -1; bool Near() => d < W && d >= 0; static int Half(int x) { if (x > 0) return x / 2; else { return 0; } } } }" },
        { "statements", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) { const int w = 5; if (q < 3) { if (k < 3) return true; } ; { int d = q - k; if (d < w) { return d >= 0; } } return k == 0; } }" },
        { "is patterns", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => (q - k) is >= 0 and < 64 or (200 or 300) && k is not (3 or < 0) && (q > k) is true; }" },
        { "checked and unchecked", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => checked(q + k) > unchecked(q * 2); }" },
        { "signed bits", "namespace N; [SparseExpert] sealed partial class P { public int W { get; init; } = -5; bool Attends(int q, int k) => (q | W) > (k ^ W) || (q & W) < ((k | -8) ^ q) || ~q > (W | 3); }" },
        { "always and never", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => true; } [SparseExpert] sealed partial class O { bool Attends(int q, int k) => false; } [SparseExpert] sealed partial class F { public bool On { get; init; } bool Attends(int q, int k) => On; }" },
        { "ReadOnlyMemory tables", "namespace N; [SparseExpert] sealed partial class P { [Monotone] public required ReadOnlyMemory<int> Doc { get; init; } public ReadOnlyMemory<float> Bias { get; init; } bool Attends(int q, int k) => Doc.Span[q] == Doc.Span[k]; float Score(float s, int q, int k) => s + Bias.Span[Math.Abs(q - k)]; }" },
        { "tables in tables", "namespace N; [SparseExpert] sealed partial class P { public required int[] A { get; init; } public required int[] B { get; init; } bool Attends(int q, int k) => A[B[q]] == A[B[k]] || A[3] < k; }" },
        { "arguments by name and by default", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => Near(k: k, q: q) || Near(q, k, 3); static bool Near(int q, int k, int w = 9) => Math.Abs(q - k) < w; }" },
        { "heads", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k, int head) => head % 2 == 0 ? q >= k : q - k < 8 << 1; float Score(float score, int q, int k, int head, int heads) => head < heads / 2 ? score : score * 2f - (q > k ? 0.5f : -1e-3f); }" },
        { "char and const defaults", "namespace N; [SparseExpert] sealed partial class P { const int Size = 4 * 16; public int W { get; init; } = Size; public int C { get; init; } = 'c'; public float F { get; init; } = 'c'; public float G { get; init; } = -1; public int S { get; init; } = (short)3; bool Attends(int q, int k) => q - k < W + C + S; float Score(float s) => s * F + G; }" },
        { "a default that is computed", "namespace N; [SparseExpert] sealed partial class P { private int _w = 7; public int W { get => _w; init => _w = value; } public int V { get; init; } = Environment.ProcessorCount; bool Attends(int q, int k) => q >= k && q - k < W + V; }" },
        { "deep parentheses", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => " + new string('(', 200) + "q >= k" + new string(')', 200) + "; }" },
        { "three hundred alternatives", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => " + string.Join(" || ", Enumerable.Range(0, 300).Select(static i => $"q - k == {i * i}")) + "; }" },
        { "a name outside ASCII", "namespace Größe; /// <summary>Fenster: \"größer\" \\ \\u2028 */ als {{ x }}.</summary>\n[SparseExpert] sealed partial class Fensterß { public int Größe { get; init; } bool Attends(int q, int k) => q - k < Größe; }" },
        { "a combining character in the name", "namespace N; [SparseExpert] sealed partial class Cafe\u0301 { bool Attends(int q, int k) => q >= k; }" },
        { "a gate in the global namespace", "[SparseExpert, BlockGate] sealed partial class P { static bool Attends(int q, int k) => q >= k; static bool Always(int q, int k) => k < 4; }" },
        { "a nested gate with kernel's names", "namespace N; partial struct Always { [SparseExpert, BlockGate(TopK = 1)] sealed partial class Gate { public int None { get; init; } = 3; public int Pooling { get; init; } = 5; public int BlockGate { get; init; } bool Attends(int q, int k) => q >= k; bool Always(int q, int k) => q - k < None + Pooling * BlockGate; } }" },
        { "a gate whose types are hidden", "namespace N; class Pooling; class RouteScope; class BlockGate; class MoBA; [SparseExpert] [global::MoBA.BlockGate(Pooling = global::MoBA.Pooling.MinMax)] sealed partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "a gate and a constructor", "namespace N; [SparseExpert] [BlockGate] sealed partial class P(int w) { public int W { get; init; } = w; bool Attends(int q, int k) => q >= k && q - k < W; }" },
        { "a gated expert in another's predicate", "namespace N; [SparseExpert] [BlockGate] sealed partial class I { internal bool Attends(int q, int k) => q >= k; } [SparseExpert] sealed partial class P { public I Inner { get; init; } = new(); bool Attends(int q, int k) => Inner.Attends(q, k); }" },
        { "a mixture in the global namespace", "[SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } [ExpertMixture] [Expert<A>] partial class M { }" },
        { "a nested mixture", "namespace N; [SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } partial record struct O { private partial interface I { [ExpertMixture] [Expert<A>] partial class M; } }" },
        { "a mixture of keywords", "namespace @namespace; [SparseExpert] partial class @class { public int @int { get; init; } = 3; bool Attends(int q, int k) => q - k < @int; } [SparseExpert] partial class record { bool Attends(int q, int k) => q >= k; } [ExpertMixture(TopK = 2)] [Expert<@class>] [Expert<record>] partial class @event;" },
        { "a mixture of its own members' names", "namespace N; [SparseExpert] partial class Info { bool Attends(int q, int k) => q >= k; } [SparseExpert] partial class With { bool Attends(int q, int k) => q >= k; } [SparseExpert] partial class DispatchTable { bool Attends(int q, int k) => q >= k; } [SparseExpert] partial class Equals { bool Attends(int q, int k) => q >= k; } [ExpertMixture] [Expert<Info>] [Expert<With>] [Expert<DispatchTable>] [Expert<Equals>] partial class M { }" },
        { "a mixture with an Info", "namespace N; [SparseExpert] partial class A { public int Info { get; init; } bool Attends(int q, int k) => q >= k + Info; } [ExpertMixture] [Expert<A>] partial class M { public string Info => \"\"; }" },
        { "a mixture that hides types", "namespace N; class MixtureInfo; class ExpertDispatch; class Require; class Combine; class MoBA; [SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } class B { protected class M; } [ExpertMixture(Combine = global::MoBA.Combine.LogSumExp)] [Expert<A>] partial class M : B;" },
        { "a mixture that cannot be copied", "namespace N; [SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } [ExpertMixture] [Expert<A>] partial class M(int x) { public int X => x; } [ExpertMixture] [Expert<A>] partial class R { public required int X { get; set; } }" },
        { "a mixture of what must be given", "namespace N; [SparseExpert] public partial class A { public required int[] T { get; init; } bool Attends(int q, int k) => T[q] == T[k]; } [SparseExpert] public partial class C(int w) { public int W { get; init; } = w; bool Attends(int q, int k) => q - k < W; } [ExpertMixture] [Expert<A>] [Expert<C>] public partial class M;" },
        { "a mixture in pieces", "namespace N; [SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } [SparseExpert] partial class B { bool Attends(int q, int k) => q > k || k == 0; } [Expert<A>] partial class M { } [ExpertMixture] partial class M { } [Expert<B>] partial class M { public B B { get; init; } = null!; }" },
        { "a mixture that inherits an expert", "namespace N; [SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } class Base { public A A { get; init; } = new(); } [ExpertMixture] [Expert<A>] partial class M : Base;" },
        { "a public mixture of an internal expert", "namespace N; [SparseExpert] partial class A { bool Attends(int q, int k) => q >= k; } [ExpertMixture] [Expert<A>] public partial class M; public partial class O { [ExpertMixture] [Expert<A>] protected internal partial class M; }" },
        { "an empty if, often", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) { " + string.Concat(Enumerable.Repeat("if (q > k) { } ", 12)) + " return q >= k; } }" },
    };

    /// <summary>Classes that are refused, or that do not compile themselves.</summary>
    public static TheoryData<string, string> Broken { get; } = new()
    {
        { "constants that overflow once inlined", "namespace N; [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q < Next(int.MaxValue) || k > Minus(int.MinValue) || q > Twice(2000000000); static int Next(int x) => x + 1; static int Minus(int x) => -x; static int Twice(int x) => x * 2; }" },
        { "interface", "[SparseExpert] partial interface P { bool Attends(int q, int k) => q >= k; }" },
        { "a mixture of a broken expert", "[SparseExpert] partial class B { bool Attends(int q, int k) => q * 0.5 > k; } [ExpertMixture, Expert<B>] partial class M;" },
        { "a mixture of nothing", "[ExpertMixture, Expert<Nothing>, Expert<>, Expert] partial class M;" },
        { "a mixture of odd types", "[ExpertMixture, Expert<int>, Expert<dynamic>, Expert<string[]>, Expert<System.Collections.Generic.List<int>>] partial class M;" },
        { "a generic mixture", "[ExpertMixture, Expert<Beside.GoodOne>] partial class M<T>;" },
        { "a mixture of its type argument", "class O<T> where T : class { [ExpertMixture, Expert<T>] partial class M; }" },
        { "a mixture of a generic expert", "[SparseExpert] partial class B<T> { bool Attends(int q, int k) => q >= k; } [ExpertMixture, Expert<B<int>>] partial class M;" },
        { "a mixture twice", "[ExpertMixture, ExpertMixture, Expert<Beside.GoodOne>] partial class M;" },
        { "a mixture's arguments", "[ExpertMixture(TopK = \"a\", Combine = 3, More = 4), Expert<Beside.GoodOne>] partial class M;" },
        { "a mixture record", "[ExpertMixture, Expert<Beside.GoodOne>] partial record M;" },
        { "a gate's arguments", "[SparseExpert, BlockGate(BlockSize = \"a\", TopK = null, Pooling = 0.5)] partial class M { bool Attends(int q, int k) => q >= k; }" },
        { "a gate's parameter in the predicate", "[SparseExpert, BlockGate] partial class M { bool Attends(int q, int k) => q >= k && q / BlockSize < 5; }" },
        { "struct", "[SparseExpert] partial struct P { bool Attends(int q, int k) => q >= k; }" },
        { "record", "[SparseExpert] sealed partial record P { bool Attends(int q, int k) => q >= k; }" },
        { "record struct", "[SparseExpert] partial record struct P { bool Attends(int q, int k) => q >= k; }" },
        { "enum", "[SparseExpert] enum P { A }" },
        { "static", "[SparseExpert] static partial class P { static bool Attends(int q, int k) => q >= k; }" },
        { "abstract", "[SparseExpert] abstract partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "generic", "[SparseExpert] sealed partial class P<T> { bool Attends(int q, int k) => q >= k; }" },
        { "nested in a generic", "partial class A<T> { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "file-local", "[SparseExpert] file sealed partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "syntax error in the body", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= ; }" },
        { "syntax error in the class", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; public int }" },
        { "no name", "[SparseExpert] sealed partial class { bool Attends(int q, int k) => q >= k; }" },
        { "unclosed", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { if (q >" },
        { "no body", "[SparseExpert] sealed partial class P { bool Attends(int q, int k); }" },
        { "extern", "[SparseExpert] sealed partial class P { [System.Runtime.InteropServices.DllImport(\"x\")] static extern bool Attends(int q, int k); }" },
        { "partial without a body", "[SparseExpert] sealed partial class P { private partial bool Attends(int q, int k); }" },
        { "recursion", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q == 0 || Attends(q - 1, k); }" },
        { "mutual recursion", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => A(q) > k; static int A(int x) => B(x); static int B(int x) => A(x); }" },
        { "a property that reads itself", "[SparseExpert] sealed partial class P { int R => R + 1; bool Attends(int q, int k) => q > R; }" },
        { "an expert of its own type", "[SparseExpert] sealed partial class P { public P Next { get; init; } = null!; bool Attends(int q, int k) => Next.Attends(q, k); }" },
        { "switch", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q switch { 0 => true, _ => k < 3 }; }" },
        { "switch statement", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { switch (q) { case 0: return true; default: return q > k; } } }" },
        { "long arithmetic", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => (long)q * k < 5L; }" },
        { "loop", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { for (int i = 0; i < 3; i++) { if (q == i) return true; } return false; } }" },
        { "endless", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { while (true) { } } }" },
        { "throw", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q > k ? true : throw new Exception(); }" },
        { "does not return", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { if (q > k) return true; } }" },
        { "varargs", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => F(__arglist(q)) > k; static int F(__arglist) => 1; }" },
        { "params", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => F(q, k, 3) > k; static int F(params int[] x) => x[0]; }" },
        { "by reference", "[SparseExpert] sealed partial class P { bool Attends(ref int q, in int k) => q >= k; }" },
        { "out variable", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => int.TryParse(\"3\", out int x) && q > x; }" },
        { "string default", "[SparseExpert] sealed partial class P { public int W { get; init; } = \"abc\"; bool Attends(int q, int k) => q - k < W; }" },
        { "long default", "[SparseExpert] sealed partial class P { public int W { get; init; } = 5000000000; bool Attends(int q, int k) => q - k < W; }" },
        { "wrong float default", "[SparseExpert] sealed partial class P { public float W { get; init; } = \"abc\"; bool Attends(int q, int k) => q >= k; float Score(float s) => s * W; }" },
        { "default of an unknown name", "[SparseExpert] sealed partial class P { public int W { get; init; } = Nothing; bool Attends(int q, int k) => q - k < W; }" },
        { "the same parameter twice", "[SparseExpert] sealed partial class P { public int W { get; init; } public int W { get; init; } bool Attends(int q, int k) => q - k < W; }" },
        { "the same method twice", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; bool Attends(int q, int k) => q > k; }" },
        { "the same class twice", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q > k; }" },
        { "the attribute twice", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } [SparseExpert] partial class P { }" },
        { "the attribute with arguments", "[SparseExpert(3)] sealed partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "unknown types", "[SparseExpert] sealed partial class P { public Nothing N { get; init; } public Nothing[] M { get; init; } bool Attends(int q, Nothing k) => N.Attends(q, 3) || M[q] == 3; }" },
        { "unknown base", "[SparseExpert] sealed partial class P : Nothing { bool Attends(int q, int k) => q >= k && q < Inherited; }" },
        { "a cycle of base classes", "[SparseExpert] partial class P : Q { bool Attends(int q, int k) => q >= k; } class Q : P { }" },
        { "await", "[SparseExpert] sealed partial class P { async System.Threading.Tasks.Task<bool> Attends(int q, int k) => await F(); static System.Threading.Tasks.Task<bool> F() => null!; }" },
        { "generic method", "[SparseExpert] sealed partial class P { bool Attends<T>(int q, int k) => q >= k; }" },
        { "lambda and linq", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => new[] { 1, 2 }.Any(x => x == q) && (from x in new[] { k } select x).Any(); }" },
        { "dynamic and tuples", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { dynamic d = q; (int a, int b) = (q, k); return d > k && a > b; } }" },
        { "pointers", "[SparseExpert] sealed unsafe partial class P { public int* X { get; init; } bool Attends(int q, int k) { int* p = &q; return *p > k && X[3] > k; } }" },
        { "null-forgiving and coalescing", "[SparseExpert] sealed partial class P { public int? N { get; init; } bool Attends(int q, int k) => q! > (N ?? k)!; }" },
        { "assignment to an argument", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { q += 1; k++; return q > (k = 3); } }" },
        { "division by a constant zero once inlined", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => Every(q, 3) > k; static int Every(int x, int c) => x % (c - 3); }" },
        { "a divisor below zero", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q / -2 > k % 0; }" },
        { "bool and int mixed", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q && k; }" },
        { "a member of another object", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => new P().W > q && Other.W > k; public int W { get; init; } static P Other => null!; }" },
        { "the same alias and goto", "using X = int; [SparseExpert] sealed partial class P { bool Attends(X q, X k) { start: if (q > k) goto start; return true; } }" },
        { "implements the interface itself", "[SparseExpert] sealed partial class P : MoBA.Runtime.ISparseExpert { bool Attends(int q, int k) => q >= k; }" },
        { "too many empty ifs", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) { " + string.Concat(Enumerable.Repeat("if (q > k) { } ", 60)) + " return q >= k; } }" },
        { "locals that double", "[SparseExpert] sealed partial class P { public int W { get; init; } bool Attends(int q, int k) { int a0 = W; " + string.Concat(Enumerable.Range(0, 60).Select(static i => $"int a{i + 1} = a{i} + a{i}; ")) + " return q / a60 > k; } }" },
        { "helpers that double", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => F40(q) > k; static int F0(int x) => x + 1; " + string.Concat(Enumerable.Range(0, 40).Select(static i => $"static int F{i + 1}(int x) => F{i}(x) + F{i}(x); ")) + "}" },
        { "twenty thousand alternatives", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => " + string.Join(" || ", Enumerable.Range(0, 20_000).Select(static i => $"q == {i}")) + "; }" },
        { "a thousand nested calls", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => " + string.Concat(Enumerable.Repeat("F(", 400)) + "q" + new string(')', 400) + " > k; static int F(int x) => -x; }" },
    };

    [Theory]
    [MemberData(nameof(Legal))]
    public void LegalClassesAreEmittedWithoutAFault(string name, string source)
    {
        Compiled compiled = Compiler.Run(WithUsings(source), Good);
        Assert.Empty(compiled.OwnErrors);
        Assert.Empty(compiled.FaultsInEmitted);
        int patterns = Regex.Count(source, @"\[(SparseExpert|ExpertMixture)");
        Assert.True(compiled.Emitted.Count == patterns + 1, $"{name}: {string.Join(", ", compiled.Emitted.Keys)}");
        Assert.DoesNotContain(Compiler.Analyze(WithUsings(source)), static d => d.Severity == DiagnosticSeverity.Error);
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void BrokenClassesLeaveTheOthersAlone(string name, string source)
    {
        Compiled compiled = Compiler.Run(WithUsings(source), Good);
        Assert.Contains("Beside.GoodOne.g.cs", compiled.Emitted.Keys);
        Assert.Empty(compiled.FaultsInEmitted);
        IReadOnlyList<Diagnostic> reported = Compiler.Analyze(WithUsings(source));
        Assert.DoesNotContain(reported, static d => d.Id.StartsWith("AD", StringComparison.Ordinal));
        bool isEmitted = compiled.Emitted.Count > 1;
        Assert.True(
            isEmitted || reported.Any(static d => d.Severity == DiagnosticSeverity.Error) || compiled.OwnErrors.Any(),
            $"{name}: nothing was emitted and nothing said why");
    }

    private static string WithUsings(string source) => source.StartsWith("#nullable", StringComparison.Ordinal)
        ? source.Insert(source.IndexOf('\n') + 1, Compiler.Usings)
        : Compiler.Usings + source;
}
