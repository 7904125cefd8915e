using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using MoBA.Generators.Tests.Harness;
using MoBA.Runtime;

namespace MoBA.Generators.Tests.Emit;

/// <summary>What is emitted for a mixture: its experts' properties, its dispatch table, and copies with other parameters.</summary>
public sealed class MixtureTests
{
    private const string Experts = """
        [SparseExpert] public sealed partial class Near { public int Window { get; init; } = 8; private bool Attends(int q, int k) => q >= k && q - k < Window; }
        [SparseExpert, BlockGate(BlockSize = 32, TopK = 2)] public sealed partial class Routed { private bool Attends(int q, int k) => q >= k; private bool Always(int q, int k) => k < 4; }
        [SparseExpert] public sealed partial class Packed { [Monotone] public required int[] Document { get; init; } private bool Attends(int q, int k) => q >= k && Document[q] == Document[k]; }
        """;

    private const string Mixture = """
        /// <summary>Near or routed.</summary>
        [ExpertMixture(TopK = 2, Combine = Combine.LogSumExp)] [Expert<Near>, Expert<Routed>] public sealed partial class M { public Near Near { get; init; } = new() { Window = 5 }; }
        """;

    [Fact]
    public void TheTableNamesExpertsAndFindsThem()
    {
        Assembly assembly = Compiler.Load(Compiler.Usings + Experts + Mixture);
        IExpertMixture mixture = New(assembly, "M");
        MixtureInfo info = mixture.Info;
        Assert.Equal(("M", "Near or routed.", 2, MoBA.Combine.LogSumExp), (info.Name, info.Summary, info.TopK, info.Combine));
        Assert.Equal([(0, "Near"), (1, "Routed")], info.Experts.Select(static e => (e.Id, e.Name)));
        foreach (ExpertDispatch entry in info.Experts)
        {
            object? held = mixture.GetType().GetProperty(entry.Name)!.GetValue(mixture);
            Assert.NotNull(held);
            Assert.Same(held, entry.Select(mixture));
            Assert.Same(held.GetType().GetProperty("Info")!.GetValue(null), entry.Info);
        }

        Assert.Same(info, mixture.GetType().GetProperty("Info")!.GetValue(null));
        Assert.Equal(32, info.Experts[1].Info.Gate!.BlockSize);
    }

    [Fact]
    public void ParametersAreThoseOfTheExperts()
    {
        IExpertMixture mixture = New(Compiler.Load(Compiler.Usings + Experts + Mixture), "M");
        Assert.Equal(["Near.Window", "Routed.BlockSize", "Routed.TopK"], mixture.ParameterValues.Keys);
        Assert.Equal([5, 32, 2], mixture.ParameterValues.Values.Cast<int>());
        IExpertMixture other = mixture.With(new Dictionary<string, object> { ["Near.Window"] = 99, ["Routed.TopK"] = 3 });
        Assert.Equal([99, 32, 3], other.ParameterValues.Values.Cast<int>());
        Assert.Equal([5, 32, 2], mixture.ParameterValues.Values.Cast<int>());
        Assert.Same(mixture.Info.Experts[1].Select(mixture), mixture.Info.Experts[1].Select(mixture.With(new Dictionary<string, object> { ["Near.Window"] = 1 })));
    }

    [Theory]
    [InlineData("Window", "'M' has no parameter 'Window'; it has Near.Window, Routed.BlockSize, Routed.TopK.")]
    [InlineData("Near", "'M' has no parameter 'Near'; it has")]
    [InlineData("Near.Stride", "'M' has no parameter 'Near.Stride'; it has")]
    [InlineData("Near.Window", "parameter 'Window' of 'Near' is Int32, but was given String.")]
    public void WrongNamesAndValuesAreRefused(string name, string message)
    {
        IExpertMixture mixture = New(Compiler.Load(Compiler.Usings + Experts + Mixture), "M");
        Assert.StartsWith(message, Assert.Throws<ArgumentException>(
            () => mixture.With(new Dictionary<string, object> { [name] = "7" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnExpertThatIsNullIsNamed()
    {
        IExpertMixture mixture = New(Compiler.Load(Compiler.Usings + Experts + Mixture), "M");
        mixture.GetType().GetProperty("Near")!.SetValue(mixture, null);
        Assert.All(
            (Action[])[
                () => mixture.Info.Experts[0].Select(mixture),
                () => _ = mixture.ParameterValues,
                () => mixture.With(new Dictionary<string, object> { ["Near.Window"] = 3 })],
            a => Assert.StartsWith("the expert 'Near' of 'M' is null; give it an expert.", Assert.Throws<ArgumentException>(a).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void WhatCannotBeBuiltMustBeGiven()
    {
        string source = Compiler.Usings + Experts + "[ExpertMixture, Expert<Packed>, Expert<Near>] public sealed partial class M { public static M Of(int[] d) => new() { Packed = new() { Document = d } }; }";
        Compiled compiled = Compiler.Run(source);
        Assert.Contains("public required global::Packed Packed { get; init; }\n", compiled.Emitted["M.g.cs"], StringComparison.Ordinal);
        using MemoryStream image = new();
        Assert.True(compiled.Output.Emit(image).Success);
        Type type = Assembly.Load(image.ToArray()).GetType("M")!;
        IExpertMixture mixture = (IExpertMixture)type.GetMethod("Of")!.Invoke(null, [new int[] { 0, 0, 1 }])!;
        Assert.Equal([0, 1, 1], (int[])mixture.With(new Dictionary<string, object> { ["Packed.Document"] = new[] { 0, 1, 1 } }).ParameterValues["Packed.Document"]!);
    }

    [Fact]
    public void WhatCannotBeCopiedSaysSo()
    {
        Assembly assembly = Compiler.Load(Compiler.Usings + Experts + "[ExpertMixture, Expert<Near>] public sealed partial class M { public M(int x) { } }");
        IExpertMixture mixture = (IExpertMixture)Activator.CreateInstance(assembly.GetType("M")!, 3)!;
        Assert.Equal(
            "'M' cannot be copied with other parameters: it has no constructor without arguments",
            Assert.Throws<NotSupportedException>(() => mixture.With(new Dictionary<string, object>())).Message);
    }

    /// <summary>An expert of a referenced project is known by what was emitted there.</summary>
    [Fact]
    public void ExpertsMayComeFromAnotherAssembly()
    {
        Compiled library = Compiler.Run(Compiler.Create([Compiler.Usings + Experts], Compiler.References, "Library"));
        const string Own = Compiler.Usings + "[ExpertMixture, Expert<Near>, Expert<Routed>] public sealed partial class M;";
        Compiled compiled = Compiler.Run(Compiler.Create([Own], [.. Compiler.References, Reference(library.Output)], "Application"));
        Assert.Empty(compiled.OwnErrors);
        Assert.Empty(compiled.FaultsInEmitted);
        Assert.Contains("as Library says", Assert.Single(compiled.Emitted).Value, StringComparison.Ordinal);
        Assert.Empty(Compiler.Analyze(compiled.Output).Select(Compiler.Describe));

        CSharpCompilation raw = Compiler.Create([Own], [.. Compiler.References, Reference(library.Input)], "Application");
        Assert.Equal(["MOBA1016", "MOBA1016"], Compiler.Analyze(raw).Select(static d => d.Id));
        Assert.Contains("compiled without MoBA.Generators", Compiler.Describe(Compiler.Analyze(raw)[0]), StringComparison.Ordinal);
        Assert.Empty(Compiler.Run(raw).Emitted);

        CSharpCompilation taken = Compiler.Run(Compiler.Create(
            [Compiler.Usings + Experts.Replace("private bool Attends", "public int Info => 3; private bool Attends")], Compiler.References, "Library")).Output;
        Assert.Contains("its member 'Info' hides what 'Library' knows of it", Compiler.Describe(
            Compiler.Analyze(Compiler.Create([Own], [.. Compiler.References, Reference(taken)], "Application"))[0]), StringComparison.Ordinal);
    }

    private static PortableExecutableReference Reference(CSharpCompilation compilation)
    {
        using MemoryStream image = new();
        Assert.True(compilation.Emit(image).Success);
        return MetadataReference.CreateFromImage(image.ToArray());
    }

    private static IExpertMixture New(Assembly assembly, string name) => (IExpertMixture)Activator.CreateInstance(assembly.GetType(name)!)!;
}
