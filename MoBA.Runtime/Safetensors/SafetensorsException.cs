namespace MoBA.Runtime;

/// <summary>A safetensors file is damaged, hostile, or not what the caller asked for. The message is one line that names the
/// tensor, says what is wrong with it and how to mend it.</summary>
public sealed class SafetensorsException : IOException
{
    /// <summary>An exception without a message of its own.</summary>
    public SafetensorsException()
        : base("The safetensors file cannot be read.")
    {
    }

    /// <summary>An exception that says what is wrong.</summary>
    public SafetensorsException(string message)
        : base(message)
    {
    }

    /// <summary>An exception that says what is wrong, and what was seen first.</summary>
    public SafetensorsException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>A name out of a file, safe to print: quoted, without control characters, and cut where it is long.</summary>
    internal static string Quote(string name)
    {
        const int longest = 60;
        string shown = name.Length <= longest ? name : string.Concat(name.AsSpan(0, longest), "...");
        return string.Create(shown.Length + 2, shown, static (span, text) =>
        {
            span[0] = span[^1] = '\'';
            for (int i = 0; i < text.Length; i++)
            {
                bool printable = text[i] is >= ' ' and <= '~' || char.IsLetterOrDigit(text[i]);
                span[i + 1] = printable ? text[i] : '?';
            }
        });
    }
}
