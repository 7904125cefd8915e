namespace MoBA.Program;

/// <summary>What a mistyped word most likely meant.</summary>
internal static class Spelling
{
    private const int LongestWord = 64;

    /// <summary>The candidate that the fewest edits turn into the word.</summary>
    public static string Nearest(string word, IReadOnlyList<string> candidates) =>
        candidates.MinBy(candidate => Edits(Folded(word), Folded(candidate)))!;

    private static string Folded(string word) => word[..Math.Min(word.Length, LongestWord)].ToUpperInvariant();

    /// <summary>Levenshtein's distance, one row of the table at a time.</summary>
    private static int Edits(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
