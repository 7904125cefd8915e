namespace MoBA.Runtime;

/// <summary>Rows to train on and rows held out, spans of tokens in turn; rows that see no key are in neither.</summary>
internal sealed record RouterSplit(int[] Training, int[] HeldOut)
{
    /// <summary>Splits the rows.</summary>
    /// <exception cref="ArgumentException">A part would be empty.</exception>
    public static RouterSplit Of(RouterSamples samples, RouterFitOptions options)
    {
        ILookup<bool, int> rows = Enumerable.Range(0, samples.Tokens * samples.Heads).Where(samples.Sees)
            .ToLookup(row => row / samples.Heads / options.SpanTokens % options.HoldOutEvery == options.HoldOutEvery / 2);
        RouterSplit split = new([.. rows[false]], [.. rows[true]]);
        return split.Training.Length > 0 && split.HeldOut.Length > 0
            ? split
            : throw new ArgumentException(
                $"q has {samples.Tokens} tokens, of which {split.Training.Length / samples.Heads} are to be trained on and {split.HeldOut.Length / samples.Heads} held out (spans of {options.SpanTokens}, one in {options.HoldOutEvery}; rows without keys left out): both must be more than 0; give more tokens, or a smaller SpanTokens.",
                "q");
    }
}
