using System.Reflection;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests.Emit;

/// <summary>Which predicates the pattern for tensor-core kernels has for a row of keys at once.</summary>
public sealed class ColumnBitsTests
{
    [Theory]
    [InlineData("bool Attends(int q, int k) => q >= k;")]
    [InlineData("public int Sinks { get; init; } = 4; public int Window { get; init; } = 64; bool Attends(int q, int k) => q >= k && (k < Sinks || q - k < Window);")]
    [InlineData("public int Window { get; init; } = int.MaxValue; bool Attends(int q, int k) => q >= k && q - k < Window;")]
    [InlineData("public int Window { get; init; } = 9; bool Attends(int q, int k) => Math.Abs(q - k) <= Window;")]
    [InlineData("public int Block { get; init; } = 16; bool Attends(int q, int k) => k <= q && k >= q / Block * Block;")]
    [InlineData("bool Attends(int q, int k) => q % 3 == 0 || k != q && q >= k;")]
    [InlineData("bool Attends(int q, int k) => k > q || k < 3 || k < 5 * q - 9 || k > 9 - q || k < -q || 7 < k;")]
    public void Ranges_of_keys_are_columns(string members) => Assert.True(HasColumns(members));

    [Theory]
    [InlineData("bool Attends(int q, int k) => q >= k && k % 3 == 0;")]
    [InlineData("bool Attends(int q, int k) => q >= k && k / 3 < q;")]
    [InlineData("bool Attends(int q, int k) => 2 * k <= q;")]
    [InlineData("bool Attends(int q, int k) => (k & 5) < q;")]
    [InlineData("bool Attends(int q, int k) => Math.Min(k, 9) < q;")]
    [InlineData("public int[] Document { get; init; } = [0, 1]; bool Attends(int q, int k) => q >= k && Document[k] == Document[q];")]
    [InlineData("bool Attends(int q, int k) => q >= 0;")]
    [InlineData("bool Attends(int q, int k) => k > q || k < 3 || k < 5 * q - 9 || k > 9 - q || k < -q || 7 < k || k > q * q;")]
    public void Other_predicates_are_asked_for_every_pair(string members) => Assert.False(HasColumns(members));

    [Fact]
    public void Bits_of_sinks_and_a_window_are_those_of_their_keys()
    {
        object pattern = Pattern("public int Sinks { get; init; } = 3; public int Window { get; init; } = 4; bool Attends(int q, int k) => q >= k && (k < Sinks || q - k < Window);");
        Set(pattern, "Sinks", 3);
        Set(pattern, "Window", 4);
        object query = Call(pattern, "Query", 12, 0, 1);
        Assert.Equal(0b1011, Call(pattern, "AttendedColumns", query, 0));   // of 0, 1, 8, 9: all but 8, which is 4 back
        Assert.Equal(0b1101, Call(pattern, "AttendedColumns", query, 2));   // of 2, 3, 10, 11: all but 3
    }

    private static bool HasColumns(string members)
    {
        object pattern = Pattern(members);
        return (bool)pattern.GetType().GetProperty("HasColumns")!.GetValue(pattern)!;
    }

    private static object Pattern(string members)
    {
        Assembly assembly = Compiler.Load(Compiler.Usings + $"[SparseExpert] public sealed partial class P {{ {members} }}");
        return Activator.CreateInstance(assembly.GetTypes().Single(static t => t.Name == "P_Cuda"))!;
    }

    private static void Set(object pattern, string field, int value) => pattern.GetType().GetField(field)!.SetValue(pattern, value);

    private static object Call(object pattern, string method, params object[] arguments) => pattern.GetType().GetMethod(method)!.Invoke(pattern, arguments)!;
}
