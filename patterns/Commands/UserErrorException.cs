namespace MoBA.Program;

/// <summary>Something that the user can mend: one line that says what is wrong and how. Exit code 2.</summary>
internal sealed class UserErrorException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Calls into the library with what the user gave: what it refuses there, and memory that it cannot have, is for the
    /// user. Thrown anywhere else, the same exceptions are faults of this program and stay what they are.</summary>
    public static T Around<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException or OutOfMemoryException)
        {
            throw new UserErrorException(error.Message, error);
        }
    }
}
