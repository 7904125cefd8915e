namespace MoBA.Program;

/// <summary>Something that the user can mend: one line that says what is wrong and how. Exit code 2.</summary>
internal sealed class UserErrorException(string message, Exception? innerException = null) : Exception(message, innerException);
