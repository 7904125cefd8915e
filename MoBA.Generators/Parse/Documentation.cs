using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace MoBA.Generators.Parse;

/// <summary>Reads what an author wrote above a class, with or without XML tags: it is the expert's one-line description.</summary>
internal static class Documentation
{
    // <see cref="Window"/>, <paramref name="q"/>: the last part of the name stands in the sentence.
    private static readonly Regex Names = new("""<\w+ (?:cref|name|langword)="(?:[^"]*[.:])?([^".:(]+)[^"]*"\s*/>""", RegexOptions.CultureInvariant);
    private static readonly Regex Breaks = new("</?(?:para|br|summary|remarks|list|item)[^>]*>", RegexOptions.CultureInvariant);
    private static readonly Regex Tags = new("<[^>]*>", RegexOptions.CultureInvariant);
    private static readonly Regex Spaces = new(@"\s+", RegexOptions.CultureInvariant);

    /// <summary>Text of the <c>///</c> lines above the first declaration, up to the first empty line; empty without any.</summary>
    public static string FirstParagraph(INamedTypeSymbol type, CancellationToken cancellation)
    {
        foreach (SyntaxReference reference in type.DeclaringSyntaxReferences)
        {
            // The compiler parses documentation only when it writes a documentation file; the text is there in any case.
            string text = string.Join(" ", reference.GetSyntax(cancellation).GetLeadingTrivia().ToFullString()
                .Split('\n')
                .Select(static line => line.Trim())
                .Where(static line => line.StartsWith("///", StringComparison.Ordinal))
                .Select(static line => line.Substring(3).Trim())
                .TakeWhile(static line => line.Length > 0 && !line.StartsWith("<remarks", StringComparison.Ordinal)));
            text = Breaks.Replace(Names.Replace(text, "$1"), " ");
            string plain = Spaces.Replace(Tags.Replace(text, ""), " ").Trim()
                .Replace("&lt;", "<").Replace("&gt;", ">").Replace("&amp;", "&");
            if (plain.Length > 0)
            {
                return plain;
            }
        }

        return "";
    }
}
