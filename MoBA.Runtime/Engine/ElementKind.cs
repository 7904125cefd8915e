namespace MoBA.Runtime;

/// <summary>Element types of tensors.</summary>
internal enum ElementKind
{
    /// <summary><c>float</c>.</summary>
    Single,

    /// <summary><see cref="System.Half"/>.</summary>
    Half,

    /// <summary><see cref="MoBA.Runtime.BFloat16"/>.</summary>
    BFloat16,
}
