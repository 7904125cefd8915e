using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>A pattern that routes, and what it routed of real data: one sequence, or its first tokens.</summary>
internal sealed class RoutedView
{
    private readonly double? _captured;
    private readonly Dictionary<int, RoutedRows> _blocks;

    private RoutedView(
        GalleryEntry entry, Pattern pattern, AttentionResult<float> result, Density density, SequenceRows rows, string data, double? captured,
        Dictionary<int, RoutedRows> blocks)
    {
        (Entry, Pattern, Result, Density, Rows, Data, _captured, _blocks) = (entry, pattern, result, density, rows, data, captured, blocks);
    }

    /// <summary>Name and origin.</summary>
    public GalleryEntry Entry { get; }

    /// <summary>The pattern.</summary>
    public Pattern Pattern { get; }

    /// <summary>What it made, with routes.</summary>
    public AttentionResult<float> Result { get; }

    /// <summary>How much it attended.</summary>
    public Density Density { get; }

    /// <summary>The sequence.</summary>
    public SequenceRows Rows { get; }

    /// <summary>The data for people.</summary>
    public string Data { get; }

    /// <summary>Query heads.</summary>
    public int Heads => (int)Result.Output.Lengths[1];

    /// <summary>Blocks that the gated experts chose, whether or not a mixture sent them the token.</summary>
    public IReadOnlyCollection<RoutedRows> Blocks => _blocks.Values;

    /// <summary>Attends to the longest sequence of a file, or to its first tokens.</summary>
    /// <param name="entry">A pattern that routes.</param>
    /// <param name="settings">Its parameters.</param>
    /// <param name="path">The file; null is the one that ships.</param>
    /// <param name="router">A router's file, or null.</param>
    /// <param name="tokens">How many tokens; null is all.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public static RoutedView Of(
        GalleryEntry entry, IReadOnlyList<string> settings, string? path, string? router, int? tokens, CancellationToken cancellationToken)
    {
        using AttentionInput file = path is null ? AttentionInput.OpenShipped() : AttentionInput.Open(path);
        SequenceRows rows = file.Cut(tokens);
        (Tensor<float> Q, Tensor<float> K, Tensor<float> V) all = file.ReadAsFloat();
        (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors = (Part(all.Q, rows.FirstQuery, rows.Queries), Part(all.K, rows.FirstQuery, rows.Keys), Part(all.V, rows.FirstQuery, rows.Keys));
        Tensor<float>? logits = file.Logits is { Rank: 3 } given && given.Lengths[0] == all.Q.Lengths[0] ? Part(given, rows.FirstQuery, rows.Queries) : file.Logits;
        var routing = new Routing(router, file.Path, logits, mixture => path is null ? Routing.Shipped(mixture) : null);

        rows = rows with { FirstQuery = 0 };
        Pattern pattern = Pattern.Of(entry, Math.Max(1, rows.Keys), settings, routing);
        using AttentionEngine engine = AttentionEngine.Create();
        AttentionOptions options = new() { ReturnRoutes = true, ReturnLse = pattern.HasLse };
        AttentionResult<float> result = pattern.Attend(engine, tensors, options, cancellationToken);
        Density density = pattern.Density(result, engine, tensors, options, rows, cancellationToken);
        double? captured = CapturedMass.Of(pattern, result.Lse, CapturedMass.Dense(engine, tensors, options, cancellationToken), rows);
        int heads = (int)all.Q.Lengths[1];
        Dictionary<int, RoutedRows> blocks = Enumerable.Range(0, pattern.Experts.Count).Where(id => pattern.Experts[id].Gate is not null).ToDictionary(id => id, id => new RoutedRows(
            pattern.Experts[id], RouteTable.Of(new ExpertPattern(pattern.Experts[id]).Attend(engine, tensors, options, cancellationToken).Routes), rows, heads));
        string source = pattern is MixturePattern mixture ? $", routed by {mixture.RoutedBy}" : "";
        return new(entry, pattern, result, density, rows, $"{rows.Keys} tokens of {Path.GetFileName(file.Path)}{source}", captured, blocks);
    }

    /// <summary>A head of the data.</summary>
    public int CheckHead(int head) => head < Heads
        ? head
        : throw new UserErrorException($"--head is '{head}', and the data has {Heads} query heads: a number from 0 to {Heads - 1} is wanted.");

    /// <summary>What else there is to say.</summary>
    public IEnumerable<(string Name, string Text)> Facts(int head)
    {
        if (Pattern is ExpertPattern { Expert.Gate.Scope: var scope })
        {
            yield return ("head", scope == RouteScope.KeyGroup ? $"{head}, and those that share its key head" : $"{head} of 0 to {Heads - 1}");
        }

        if (_captured is not null)
        {
            yield return ("mass", $"{CapturedMass.Text(_captured)} of dense causal attention captured");
        }
    }

    private static Tensor<float> Part(Tensor<float> tensor, int first, int count)
    {
        int width = (int)(tensor.Lengths[1] * tensor.Lengths[2]);
        return Tensor.Create(tensor.ToFlat()[(first * width)..((first + count) * width)], [count, tensor.Lengths[1], tensor.Lengths[2]]);
    }
}
