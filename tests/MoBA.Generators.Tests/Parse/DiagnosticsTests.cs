using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests.Parse;

/// <summary>Every diagnostic: where its squiggle is, what it says, and that its neighbour is left alone.</summary>
public sealed class DiagnosticsTests
{
    private const string Good = Compiler.Usings + "[SparseExpert] sealed partial class GoodOne { private static bool Attends(int q, int k) => q >= k; }";

    /// <summary>Name, id, a class with [| |] around what is underlined.</summary>
    public static TheoryData<string, string, string> Reported { get; } = new()
    {
        { "NotPartial", "MOBA1001", "[SparseExpert] sealed class [|P|] { bool Attends(int q, int k) => q >= k; }" },
        { "OuterNotPartial", "MOBA1001", "class Outer { [SparseExpert] sealed partial class [|P|] { bool Attends(int q, int k) => q >= k; } }" },
        { "Generic", "MOBA1002", "[SparseExpert] sealed partial class [|P|]<T> { bool Attends(int q, int k) => q >= k; }" },
        { "InGeneric", "MOBA1002", "partial class Outer<T> { [SparseExpert] sealed partial class [|P|] { bool Attends(int q, int k) => q >= k; } }" },
        { "Abstract", "MOBA1002", "[SparseExpert] abstract partial class [|P|] { bool Attends(int q, int k) => q >= k; }" },
        { "Static", "MOBA1002", "[SparseExpert] static partial class [|P|] { static bool Attends(int q, int k) => q >= k; }" },
        { "Record", "MOBA1002", "[SparseExpert] sealed partial record [|P|] { bool Attends(int q, int k) => q >= k; }" },
        { "FileLocal", "MOBA1002", "[SparseExpert] file sealed partial class [|P|] { bool Attends(int q, int k) => q >= k; }" },
        { "NoAttends", "MOBA1003", "[SparseExpert] sealed partial class [|P|] { }" },
        { "ReturnsInt", "MOBA1004", "[SparseExpert] sealed partial class P { int [|Attends|](int q, int k) => q; }" },
        { "OneArgument", "MOBA1004", "[SparseExpert] sealed partial class P { bool [|Attends|](int q) => true; }" },
        { "LongArgument", "MOBA1004", "[SparseExpert] sealed partial class P { bool [|Attends|](int q, long k) => q >= k; }" },
        { "ByReference", "MOBA1004", "[SparseExpert] sealed partial class P { bool [|Attends|](in int q, int k) => q >= k; }" },
        { "Overloaded", "MOBA1004", "[SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; bool [|Attends|](int q) => true; }" },
        { "Virtual", "MOBA1004", "[SparseExpert] partial class P { public virtual bool [|Attends|](int q, int k) => q >= k; }" },
        { "GenericMethod", "MOBA1004", "[SparseExpert] partial class P { bool [|Attends|]<T>(int q, int k) => q >= k; }" },
        { "NoBody", "MOBA1004", "[SparseExpert] partial class P { [System.Runtime.InteropServices.DllImport(\"x\")] static extern bool [|Attends|](int q, int k); }" },
        { "ScoreReturnsDouble", "MOBA1004", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; double [|Score|](float score) => score; }" },
        { "ScoreTakesDouble", "MOBA1004", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; float [|Score|](double score) => 1f; }" },
        { "Float", "MOBA1005", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= [|k * 0.5f|]; }" },
        { "Long", "MOBA1005", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|(long)q|] > 5; }" },
        { "Loop", "MOBA1005", "[SparseExpert] partial class P { bool Attends(int q, int k) { [|while (q > k) { q--; }|] return true; } }" },
        { "Assignment", "MOBA1005", "[SparseExpert] partial class P { bool Attends(int q, int k) { [|q = k;|] return q > k; } }" },
        { "Switch", "MOBA1005", "[SparseExpert] partial class P { bool Attends(int q, int k) => [|q switch { 0 => true, _ => k < 3 }|]; }" },
        { "FloatParameter", "MOBA1005", "[SparseExpert] partial class P { public float F { get; init; } = 1; bool Attends(int q, int k) => q >= k && [|F|] > 0; float Score(float s) => s * F; }" },
        { "TableWithoutIndex", "MOBA1005", "[SparseExpert] partial class P { public int[] T { get; init; } = []; bool Attends(int q, int k) => q >= k && Is([|T|]); bool Is(int[] t) => true; }" },
        { "UnsignedShift", "MOBA1005", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|q >>> 3|] > 4; }" },
        { "OtherObject", "MOBA1007", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|\"abc\".Length|] > q; }" },
        { "UnknownFunction", "MOBA1006", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|Math.Sign(q)|] == 1; }" },
        { "NoSource", "MOBA1006", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|char.IsLetter('c')|]; }" },
        { "VirtualHelper", "MOBA1006", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|F(q)|]; protected virtual bool F(int x) => x > 3; }" },
        { "GenericHelper", "MOBA1006", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|F<int>(q)|]; static bool F<T>(int x) => x > 3; }" },
        { "OutHelper", "MOBA1006", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && [|F(in q)|]; static bool F(in int x) => x > 3; }" },
        { "Field", "MOBA1007", "[SparseExpert] partial class P { readonly int _w = 3; bool Attends(int q, int k) => q >= k && q - k < [|_w|]; }" },
        { "Settable", "MOBA1007", "[SparseExpert] partial class P { public int W { get; set; } = 3; bool Attends(int q, int k) => q >= k && q - k < [|W|]; }" },
        { "Private", "MOBA1007", "[SparseExpert] partial class P { private int W { get; init; } = 3; bool Attends(int q, int k) => q >= k && q - k < [|W|]; }" },
        { "StaticProperty", "MOBA1007", "[SparseExpert] partial class P { public static int W { get; set; } = 3; bool Attends(int q, int k) => q >= k && q - k < [|W|]; }" },
        { "GetOnly", "MOBA1007", "[SparseExpert] partial class P { public int W { get; } = 3; bool Attends(int q, int k) => q >= k && q - k < [|W|]; }" },
        { "DivisorOfPosition", "MOBA1008", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && q / ([|k + 1|]) < 3; }" },
        { "NegativeDivisor", "MOBA1008", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && q % [|-3|] < 3; }" },
        { "ShiftByPosition", "MOBA1008", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && q >> [|k|] < 3; }" },
        { "ShiftTooFar", "MOBA1008", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && q << [|31|] < 3; }" },
        { "ConstantOverflow", "MOBA1008", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && q < Next(int.MaxValue); static int Next(int x) => [|x + 1|]; }" },
        { "MonotoneNumber", "MOBA1009", "[SparseExpert] partial class P { [Monotone] public int [|W|] { get; init; } = 3; bool Attends(int q, int k) => q >= k && q - k < W; }" },
        { "MonotoneFloats", "MOBA1009", "[SparseExpert] partial class P { [Monotone] public float[] [|W|] { get; init; } = []; bool Attends(int q, int k) => q >= k; float Score(float s, int q) => s + W[q]; }" },
        { "MonotoneSettable", "MOBA1009", "[SparseExpert] partial class P { [Monotone] public int[] [|W|] { get; set; } = []; bool Attends(int q, int k) => q >= k; }" },
        { "SwappedArguments", "MOBA1004", "[SparseExpert] partial class P { bool [|Attends|](int k, int q) => q >= k; }" },
        { "ScoreWithoutPositions", "MOBA1004", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; float [|Score|](float score, int head) => score * head; }" },
        { "Recursion", "MOBA1010", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && F(q); static bool F(int x) => x < 3 || [|F(x - 3)|]; }" },
        { "Doubling", "MOBA1010", "[SparseExpert] partial class P { bool [|Attends|](int q, int k) { int a = q + k; a1: int b = a + a; int c = b + b; int d = c + c; int e = d + d; int f = e + e; int g = f + f; int h = g + g; int i = h + h; int j = i + i; int l = j + j; int m = l + l; int n = m + m; int o = n + n; return o > 3; } }".Replace("a1: ", "") },
        { "TopKBelowOne", "MOBA1012", "[SparseExpert, BlockGate(TopK = [|0|])] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "BlockSizeBelowStep", "MOBA1012", "[SparseExpert, BlockGate(BlockSize = [|0|])] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "BlockSizeBetweenSteps", "MOBA1012", "[SparseExpert, BlockGate(BlockSize = [|100|], TopK = 3)] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "BlockSizeBeyondTokens", "MOBA1012", "[SparseExpert, BlockGate(BlockSize = [|1073741840|])] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "UnknownPooling", "MOBA1012", "[SparseExpert, BlockGate(Pooling = [|(Pooling)7|])] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "UnknownScope", "MOBA1012", "[SparseExpert, BlockGate(Scope = [|(RouteScope)(-1)|])] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "GateWithoutExpert", "MOBA1013", "[[|BlockGate(TopK = 3)|]] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "TakenByParameter", "MOBA1014", "[SparseExpert, BlockGate] partial class P { public int [|TopK|] { get; init; } = 3; bool Attends(int q, int k) => q >= k && q - k < TopK; }" },
        { "TakenByMethod", "MOBA1014", "[SparseExpert, BlockGate] partial class P { void [|BlockSize|]() { } bool Attends(int q, int k) => q >= k; }" },
        { "TakenByBase", "MOBA1014", "class B { protected const int TopK = 3; } [SparseExpert, BlockGate] partial class [|P|] : B { bool Attends(int q, int k) => q >= k; }" },
        { "TakenByClass", "MOBA1014", "[SparseExpert, BlockGate] partial class [|TopK|] { bool Attends(int q, int k) => q >= k; }" },
        { "AlwaysReturnsInt", "MOBA1004", "[SparseExpert, BlockGate] partial class P { bool Attends(int q, int k) => q >= k; int [|Always|](int q, int k) => q; }" },
        { "AlwaysOfFloats", "MOBA1005", "[SparseExpert, BlockGate] partial class P { bool Attends(int q, int k) => q >= k; bool Always(int q, int k) => [|q * 0.5f|] < k; }" },
        { "MixtureNotPartial", "MOBA1001", "[ExpertMixture, Expert<GoodOne>] sealed class [|P|];" },
        { "MixtureStatic", "MOBA1002", "[ExpertMixture, Expert<GoodOne>] static partial class [|P|];" },
        { "MixtureOfAMixture", "MOBA1002", "[ExpertMixture, Expert<GoodOne>] partial class B; [ExpertMixture, Expert<GoodOne>] partial class [|P|] : B;" },
        { "MixtureTopKBelowOne", "MOBA1012", "[ExpertMixture(TopK = [|-1|]), Expert<GoodOne>] partial class P;" },
        { "MixtureTopKBeyondExperts", "MOBA1012", "[ExpertMixture(TopK = [|2|]), Expert<GoodOne>] partial class P;" },
        { "UnknownCombine", "MOBA1012", "[ExpertMixture(Combine = [|(Combine)2|]), Expert<GoodOne>] partial class P;" },
        { "ExpertWithoutMixture", "MOBA1013", "[[|Expert<GoodOne>|]] partial class P;" },
        { "ExpertOfAnExpert", "MOBA1013", "[SparseExpert] [[|Expert<GoodOne>|]] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "GateOfAMixture", "MOBA1013", "[ExpertMixture, Expert<GoodOne>] [[|BlockGate|]] partial class P;" },
        { "TakenByField", "MOBA1014", "[ExpertMixture, Expert<GoodOne>] partial class P { int [|GoodOne|]; }" },
        { "TakenBySettable", "MOBA1014", "[ExpertMixture, Expert<GoodOne>] partial class P { public GoodOne [|GoodOne|] { get; set; } = new(); }" },
        { "TakenByNestedExpert", "MOBA1014", "[ExpertMixture, Expert<P.N>] partial class P { [SparseExpert] public partial class [|N|] { bool Attends(int q, int k) => q >= k; } }" },
        { "TakenByMixture", "MOBA1014", "[ExpertMixture, Expert<N.P>] partial class [|P|]; namespace N { [SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "NoExperts", "MOBA1015", "[ExpertMixture(TopK = 3)] partial class [|P|];" },
        { "NoExpert", "MOBA1016", "[ExpertMixture, Expert<GoodOne>, [|Expert<string>|]] partial class P;" },
        { "Mixture", "MOBA1016", "[ExpertMixture, Expert<GoodOne>] partial class M; [ExpertMixture, [|Expert<M>|]] partial class P;" },
        { "HiddenExpert", "MOBA1016", "partial class O { [ExpertMixture, [|Expert<N>|]] partial class P; [SparseExpert] private partial class N { bool Attends(int q, int k) => q >= k; } }" },
        { "LessVisibleExpert", "MOBA1016", "[SparseExpert] partial class N { public required int W { get; init; } bool Attends(int q, int k) => q >= k && q - k < W; } [ExpertMixture, [|Expert<N>|]] public partial class P;" },
        { "Twice", "MOBA1017", "[ExpertMixture, Expert<GoodOne>, [|Expert<GoodOne>|]] partial class P;" },
        { "SameName", "MOBA1017", "[ExpertMixture, Expert<GoodOne>, [|Expert<N.GoodOne>|]] partial class P; namespace N { [SparseExpert] partial class GoodOne { bool Attends(int q, int k) => q >= k; } }" },
        { "Both", "MOBA1018", "[SparseExpert, ExpertMixture, Expert<GoodOne>] partial class [|P|] { bool Attends(int q, int k) => q >= k; }" },
        { "Product", "MOBA2001", "[SparseExpert] partial class P { bool [|Attends|](int q, int k) => q >= k && q * k < 500; }" },
        { "Never", "MOBA2002", "[SparseExpert] partial class P { bool [|Attends|](int q, int k) => q > k && k > q; }" },
        { "NeverAtDefaults", "MOBA2002", "[SparseExpert] partial class P { public int W { get; init; } bool [|Attends|](int q, int k) => q >= k && q - k < W; }" },
        { "Everything", "MOBA2003", "[SparseExpert] partial class P { bool [|Attends|](int q, int k) => q >= k || q < k; }" },
        { "EverythingAtDefaults", "MOBA2003", "[SparseExpert] partial class P { public int W { get; init; } = 1; bool [|Attends|](int q, int k) => q % W == k % W; }" },
        { "Precedence", "MOBA2004", "[SparseExpert] partial class P { bool Attends(int q, int k) => [|q >= k && q - k < 9 || k < 4|]; }" },
        { "PrecedenceOnTheRight", "MOBA2004", "[SparseExpert] partial class P { bool Attends(int q, int k) => [|k < 4 || q >= k && q - k < 9|]; }" },
        { "FirstRow", "MOBA2005", "[SparseExpert] partial class P { bool [|Attends|](int q, int k) => q > k; }" },
        { "Unused", "MOBA2006", "[SparseExpert] partial class P { public int [|W|] { get; init; } = 3; bool Attends(int q, int k) => q >= k; }" },
        { "AlwaysWithoutGate", "MOBA2007", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; bool [|Always|](int q, int k) => k < 4; }" },
        { "AlwaysNothing", "MOBA2008", "[SparseExpert, BlockGate] partial class P { bool Attends(int q, int k) => q >= k; bool [|Always|](int q, int k) => k > q; }" },
        { "AlwaysNothingAtDefaults", "MOBA2008", "[SparseExpert, BlockGate] partial class P { public int Sinks { get; init; } bool Attends(int q, int k) => q >= k; bool [|Always|](int q, int k) => k < Sinks; }" },
        { "AlwaysEverything", "MOBA2008", "[SparseExpert, BlockGate] partial class P { bool Attends(int q, int k) => q >= k; bool [|Always|](int q, int k) => q - k >= 0; }" },
        { "GateLooksAhead", "MOBA2009", "[SparseExpert, BlockGate] partial class P { bool [|Attends|](int q, int k) => Math.Abs(q - k) < 512; }" },
        { "AttendsOfAMixture", "MOBA2010", "[ExpertMixture, Expert<GoodOne>] partial class P { bool [|Attends|](int q, int k) => q >= k; }" },
        { "ScoreOfAMixture", "MOBA2010", "[ExpertMixture, Expert<GoodOne>] partial class P { float [|Score|](float s) => s * 2; }" },
        { "AlwaysOfAMixture", "MOBA2010", "[ExpertMixture, Expert<GoodOne>] partial class P { static bool [|Always|](int q, int k) => k < 4; }" },
        { "ProductInAlways", "MOBA2001", "[SparseExpert, BlockGate] partial class P { bool [|Attends|](int q, int k) => q >= k; bool Always(int q, int k) => q * k < 500; }" },
        { "UnusedExpert", "MOBA2006", "[SparseExpert] partial class P { public required GoodOne [|G|] { get; init; } bool Attends(int q, int k) => q >= k; }" },
    };

    /// <summary>The nearest thing that is right: nothing may be reported.</summary>
    public static TheoryData<string, string> Silent { get; } = new()
    {
        { "MOBA1001", "partial class Outer { [SparseExpert] sealed partial class P { bool Attends(int q, int k) => q >= k; } }" },
        { "MOBA1002", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "MOBA1003", "[SparseExpert] partial class P { } partial class P { static bool Attends(int q, int k) => q >= k; }" },
        { "MOBA1004", "[SparseExpert] partial class P { bool Attends(int q, int k, int head) => q >= k + head; float Score(float s, int q) => s + q; }" },
        { "MOBA1005", "[SparseExpert] partial class P { public float F { get; init; } = 1; bool Attends(int q, int k) { int d = q - k; if (d < 0) return false; return d is < 9 or 12; } float Score(float s) => s * F; }" },
        { "MOBA1006", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && (Far(q, k) || Math.Abs(q - k) < 9); static bool Far(int a, int b) => a > 3 * b; }" },
        { "MOBA1007", "[SparseExpert] partial class P { const int C = 3; internal int W { get; init; } = 3; int Twice => 2 * W + C; bool Attends(int q, int k) => q >= k && q - k < Twice; }" },
        { "MOBA1008", "[SparseExpert] partial class P { public int W { get; init; } = 3; bool Attends(int q, int k) => q >= k && (q == k || (q / (W + 1) % 5 < 4 && q << 3 >> 30 < 5)); }" },
        { "MOBA1009", "[SparseExpert] partial class P { [Monotone] public ReadOnlyMemory<int> W { get; init; } bool Attends(int q, int k) => q >= k && W.Span[k] < 5; }" },
        { "MOBA1010", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && F(q) > -2; static int F(int x) => G(x) + G(x + 1); static int G(int x) => x / 2; }" },
        { "MOBA1012", "[SparseExpert, BlockGate(BlockSize = 16, TopK = 1, Pooling = Pooling.MinMax, Scope = RouteScope.KeyGroup)] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "MOBA1013", "[SparseExpert] [BlockGate] partial class P { bool Attends(int q, int k) => q >= k; }" },
        { "MOBA1014", "class B { private int Top { get; init; } } [SparseExpert, BlockGate] partial class P : B { public int Blocks { get; init; } = 3; bool Attends(int q, int k) => q >= k && q - k < Blocks; }" },
        { "MOBA1012", "[ExpertMixture(TopK = 1, Combine = Combine.LogSumExp), Expert<GoodOne>] partial class P;" },
        { "MOBA1013", "[Expert<GoodOne>] partial class P; [ExpertMixture] partial class P;" },
        { "MOBA1014", "[ExpertMixture, Expert<GoodOne>] partial class P { internal GoodOne GoodOne { get; init; } = new(); }" },
        { "MOBA1015", "[ExpertMixture, Expert<GoodOne>] partial class P;" },
        { "MOBA1016", "partial class O { [ExpertMixture, Expert<N>] private partial class P; [SparseExpert] internal partial class N { public required int W { get; init; } bool Attends(int q, int k) => q >= k && q - k < W; } }" },
        { "MOBA1016", "[SparseExpert] partial class N { public required int W { get; init; } bool Attends(int q, int k) => q >= k && q - k < W; } [ExpertMixture, Expert<N>] public partial class P { internal N N { get; init; } = new() { W = 3 }; }" },
        { "MOBA1017", "[ExpertMixture, Expert<GoodOne>, Expert<GoodTwo>] partial class P; [SparseExpert] partial class GoodTwo { bool Attends(int q, int k) => q >= k; }" },
        { "MOBA1018", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; } [ExpertMixture, Expert<P>] partial class M;" },
        { "MOBA2001", "[SparseExpert] partial class P { public int W { get; init; } = int.MaxValue; bool Attends(int q, int k) => q >= k && q - k < W; }" },
        { "MOBA2002", "[SparseExpert] partial class P { public int W { get; init; } = 1; bool Attends(int q, int k) => q >= k && q - k < W; }" },
        { "MOBA2003", "[SparseExpert] partial class P { bool Attends(int q, int k) => true; }" },
        { "MOBA2004", "[SparseExpert] partial class P { bool Attends(int q, int k) => (q >= k && q - k < 9) || k < 4; }" },
        { "MOBA2005", "[SparseExpert] partial class P { bool Attends(int q, int k) => q > k || k == 0; }" },
        { "MOBA2006", "[SparseExpert] partial class P { public float W { get; init; } = 3; bool Attends(int q, int k) => q >= k; float Score(float s) => s + W; }" },
        { "MOBA2006", "[SparseExpert, BlockGate] partial class P { public int W { get; init; } = 3; bool Attends(int q, int k) => q >= k; bool Always(int q, int k) => q - k < W; }" },
        { "MOBA2007", "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k && Always(k); bool Always(int k) => k < 4; }" },
        { "MOBA2008", "[SparseExpert, BlockGate] partial class P { bool Attends(int q, int k) => q >= k; bool Always(int q, int k, int head) => k < 4 + head || q - k < 64; }" },
        { "MOBA2009", "[SparseExpert, BlockGate] partial class P { bool Attends(int q, int k) => q >= k && Math.Abs(q - k) < 512; }" },
        { "MOBA2010", "[ExpertMixture, Expert<GoodOne>] partial class P { bool Sees(int q, int k) => q >= k; }" },
    };

    /// <summary>What is wrong with a project and not with a source.</summary>
    private const string OfTheProject = "MOBA1011";

    [Fact]
    public void AProjectWithoutTheRuntimeIsToldSo()
    {
        const string source = Compiler.Usings + "[SparseExpert] partial class P { bool Attends(int q, int k) => q >= k; }";
        CSharpCompilation with = Compiler.Create(source);
        CSharpCompilation without = with.RemoveReferences(with.References.Where(static r => r.Display!.EndsWith("MoBA.Runtime.dll", StringComparison.Ordinal)));
        Diagnostic reported = Assert.Single(Compiler.Analyze(without));
        Assert.Equal((OfTheProject, source.IndexOf("P {", StringComparison.Ordinal)), (reported.Id, reported.Location.SourceSpan.Start));
        Assert.Empty(Compiler.Run(without).Emitted);
        Assert.Empty(Compiler.Analyze(with));
    }

    [Theory]
    [MemberData(nameof(Reported))]
    public void Message(string name, string id, string marked)
    {
        string source = Compiler.Usings + marked.Replace("[|", "").Replace("|]", "");
        int start = (Compiler.Usings + marked).IndexOf("[|", StringComparison.Ordinal);
        int length = marked.IndexOf("|]", StringComparison.Ordinal) - marked.IndexOf("[|", StringComparison.Ordinal) - 2;
        IReadOnlyList<Diagnostic> all = Compiler.Analyze(source, Good);
        Diagnostic[] reported = [.. all.Where(d => d.Id == id)];
        Assert.True(reported.Length == 1, string.Concat(all.Select(Compiler.Describe)));
        Assert.Equal((start, length), (reported[0].Location.SourceSpan.Start, reported[0].Location.SourceSpan.Length));
        if (id.StartsWith("MOBA2", StringComparison.Ordinal))
        {
            Assert.Single(all);
        }

        Compiled compiled = Compiler.Run(source, Good);
        Assert.Equal(Math.Max(0, Classes(source) - (reported[0].Severity == DiagnosticSeverity.Error ? 1 : 0)) + 1, compiled.Emitted.Count);
        Assert.Empty(compiled.FaultsInEmitted);
        Snapshot.Match(string.Concat(all.Select(Compiler.Describe)), $"{id}_{name}", "txt");
    }

    [Theory]
    [MemberData(nameof(Silent))]
    public void NeighbourIsSilent(string id, string source)
    {
        Assert.Empty(Compiler.Analyze(Compiler.Usings + source, Good).Select(Compiler.Describe));
        Compiled compiled = Compiler.Run(Compiler.Usings + source, Good);
        Assert.Empty(compiled.OwnErrors);
        Assert.Empty(compiled.FaultsInEmitted);
        Assert.True(compiled.Emitted.Count == Classes(source) + 1, id);
        Assert.Empty(Compiler.Analyze(compiled.Output).Select(Compiler.Describe));
    }

    /// <summary>Experts and mixtures of a source.</summary>
    private static int Classes(string source) => Regex.Count(source, @"\[(SparseExpert|ExpertMixture)");

    [Fact]
    public void EveryIdIsTested()
    {
        string[] ids = [.. new PatternAnalyzer().SupportedDiagnostics.Select(static d => d.Id).Order(StringComparer.Ordinal)];
        Assert.Equal(28, ids.Length);
        ids = [.. ids.Where(static id => id != OfTheProject)];
        Assert.Equal(ids, Reported.Select(static r => r.Data.Item2).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(ids, Silent.Select(static r => r.Data.Item1).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void EveryIdIsDocumentedAndReleased()
    {
        string released = File.ReadAllText(Repository.File("MoBA.Generators", "AnalyzerReleases.Unshipped.md"))
            + File.ReadAllText(Repository.File("MoBA.Generators", "AnalyzerReleases.Shipped.md"));
        Dictionary<string, string[]> sections = Sections();
        foreach (DiagnosticDescriptor d in new PatternAnalyzer().SupportedDiagnostics)
        {
            Assert.Contains(d.Id, sections.Keys);
            Assert.Matches($@"(?m)^{d.Id} \| MoBA \| {d.DefaultSeverity} \| ", released);
            Assert.Equal(d.Id == OfTheProject ? 0 : 2, sections[d.Id].Length);
        }

        Assert.Equal(new PatternAnalyzer().SupportedDiagnostics.Length, sections.Count);
    }

    [Fact]
    public void DocumentedExamplesSayWhatTheyShould()
    {
        foreach ((string id, string[] examples) in Sections().Where(static s => s.Key != OfTheProject))
        {
            Assert.Contains(id, Compiler.Analyze(Compiler.Usings + examples[0]).Select(static d => d.Id));
            IReadOnlyList<Diagnostic> mended = Compiler.Analyze(Compiler.Usings + examples[1]);
            Assert.True(mended.Count == 0, $"{id}, mended: {string.Concat(mended.Select(Compiler.Describe))}");
            Assert.Empty(Compiler.Run(Compiler.Usings + examples[1]).OwnErrors);
        }
    }

    /// <summary>Headings of docs/diagnostics.md with their examples.</summary>
    private static Dictionary<string, string[]> Sections() => Regex.Split(
            File.ReadAllText(Repository.File("docs", "diagnostics.md"), Encoding.UTF8), "(?m)^## ").Skip(1)
        .ToDictionary(static s => s.Split('\n')[0], static s => Regex.Matches(s, "```csharp\n(.*?)```", RegexOptions.Singleline).Select(static m => m.Groups[1].Value).ToArray());
}
