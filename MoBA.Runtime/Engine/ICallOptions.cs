namespace MoBA.Runtime;

/// <summary>What calls on host tensors and calls on device tensors have in common: what is checked in one place.</summary>
internal interface ICallOptions
{
    /// <inheritdoc cref="AttentionOptions.Scale"/>
    float? Scale { get; }

    /// <inheritdoc cref="AttentionOptions.Sequences"/>
    int[]? Sequences { get; }

    /// <inheritdoc cref="AttentionOptions.KeySequences"/>
    int[]? KeySequences { get; }

    /// <inheritdoc cref="AttentionOptions.QueryStart"/>
    int? QueryStart { get; }

    /// <inheritdoc cref="AttentionOptions.ReturnLse"/>
    bool ReturnLse { get; }
}
