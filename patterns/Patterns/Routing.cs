using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>What a command line gives to route mixtures with.</summary>
/// <param name="RouterPath">The file of <c>--router</c>, or null.</param>
/// <param name="LogitsPath">The input file that has logits, or null.</param>
/// <param name="Logits">Its logits, [tokens, heads, experts], or null.</param>
/// <param name="Otherwise">What routes a mixture where neither is there, or null.</param>
internal sealed record Routing(string? RouterPath, string? LogitsPath, Tensor<float>? Logits, Func<MixtureEntry, RouterSource?> Otherwise)
{
    /// <summary>Nothing.</summary>
    public static Routing None { get; } = new(null, null, null, _ => null);

    /// <summary>A router's file, or the logits of an input.</summary>
    public static Routing Of(string? routerPath, AttentionInput file) => new(routerPath, file.Path, file.Logits, _ => null);

    /// <summary>What routes a mixture: the router; the logits where there is none.</summary>
    public RouterSource For(MixtureEntry mixture) => RouterPath is not null
        ? new(RouterPath, Load(RouterPath), null)
        : Logits is not null
        ? new($"{LogitsPath}: tensor 'logits'", null, Logits)
        : Otherwise(mixture) ?? throw new UserErrorException(
            $"{mixture.Name} is a mixture, and nothing routes it: give --router FILE, which 'moba fit {mixture.Name}' writes, or an input with a tensor 'logits' [tokens, heads, {mixture.Info.Experts.Count}].");

    /// <summary>Whether there is something that routes a mixture.</summary>
    public bool CanRoute(MixtureEntry mixture) => RouterPath is not null || Logits is not null || Otherwise(mixture) is not null;

    /// <summary>The router that ships for a mixture, or null; it is for the data that ships.</summary>
    public static RouterSource? Shipped(MixtureEntry mixture)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "data", $"{mixture.Name}.router.safetensors");
        return File.Exists(path) ? new(Path.GetFileName(path), Load(path), null) : null;
    }

    /// <summary>Refuses a router for a pattern that has no use for it.</summary>
    public void CheckUnused(string pattern)
    {
        if (RouterPath is not null)
        {
            string mixtures = string.Join(", ", Gallery.Mixtures.Select(entry => entry.Name));
            throw new UserErrorException($"--router is {Arguments.Quoted(RouterPath)}, and {pattern} is no mixture; leave --router out, or name a mixture: {mixtures}.");
        }
    }

    private static Router Load(string path) => !Path.Exists(path) || Directory.Exists(path)
        ? throw new UserErrorException(
            $"--router is {Arguments.Quoted(path)}, which is {(Directory.Exists(path) ? "a folder" : "not there")}; give a file that 'moba fit' wrote.")
        : UserErrorException.Around(() => Router.Load(path));
}
