namespace MoBA.Runtime;

/// <summary>Rows to train on and rows held out, spans of tokens in turn; rows that see no key are in neither.</summary>
internal sealed record RouterSplit(int[] Training, int[] HeldOut)
{
    /// <summary>Splits the rows.</summary>
    /// <exception cref="ArgumentException">A part would be empty.</exception>
    public static RouterSplit Of(RouterSamples samples, RouterFitOptions options)
    {
        ILookup<bool, int> rows = Enumerable.Range(0, samples.Tokens * samples.Heads).Where(samples.Sees)
            .ToLookup(row => IsHeldOut(row / samples.Heads / options.SpanTokens, options.HoldOutEvery));
        RouterSplit split = new([.. rows[false]], [.. rows[true]]);
        return split.Training.Length > 0 && split.HeldOut.Length > 0
            ? split
            : throw new ArgumentException(
                $"q has {samples.Tokens} tokens, of which {split.Training.Length / samples.Heads} are to be trained on and {split.HeldOut.Length / samples.Heads} held out (spans of {options.SpanTokens}, one in {options.HoldOutEvery}; rows without keys left out): both must be more than 0; give more tokens, or a smaller SpanTokens.",
                "q");
    }

    /// <summary>One span of every group is held out, the middle one of the first group and then in turn the next before and after it: later
    /// tokens attend more keys, and so those held out are no later on average than those trained on.</summary>
    private static bool IsHeldOut(int span, int every)
    {
        int turn = span / every % every, away = (turn + 1) / 2;
        return span % every == (every / 2) + (turn % 2 == 1 ? -away : away);
    }
}
