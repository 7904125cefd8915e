using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

/// <summary>A call of the CUDA driver failed. The engine can be used on, unless it is a
/// <see cref="CudaDeviceLostException"/>.</summary>
public class CudaException : Exception
{
    private protected CudaException(string errorName, string operation, string message, Exception? inner = null)
        : base(message, inner)
    {
        ErrorName = errorName;
        Operation = operation;
    }

    /// <summary>The driver's name of the error, for example <c>CUDA_ERROR_INVALID_VALUE</c>.</summary>
    public string ErrorName { get; }

    /// <summary>What was tried: the driver's function, and the kernel where it is about one.</summary>
    public string Operation { get; }

    /// <summary>Whether no call on the device's context can work any more after <paramref name="status"/>.</summary>
    internal static bool IsLost(CudaStatus status) => status is
        CudaStatus.Deinitialized or CudaStatus.EccUncorrectable or CudaStatus.NvlinkUncorrectable or CudaStatus.IllegalAddress
        or CudaStatus.LaunchTimeout or CudaStatus.ContextIsDestroyed or CudaStatus.Assert or CudaStatus.HardwareStackError
        or CudaStatus.IllegalInstruction or CudaStatus.MisalignedAddress or CudaStatus.InvalidAddressSpace or CudaStatus.InvalidPc
        or CudaStatus.LaunchFailed or CudaStatus.TensorMemoryLeak or CudaStatus.Contained or CudaStatus.MpsClientTerminated
        or CudaStatus.ExternalDevice or CudaStatus.Unknown;

    /// <summary>The exception for a failed call of the driver: of this type, or <see cref="InsufficientMemoryException"/>.</summary>
    /// <param name="driver">Names the error.</param>
    /// <param name="status">What was returned.</param>
    /// <param name="operation">What was tried.</param>
    /// <param name="details">More for the message, such as a compiler's log; null is none.</param>
    internal static Exception Of(CudaDriver driver, CudaStatus status, string operation, string? details = null)
    {
        string name = Text(driver.GetErrorName(status, out nint known), known) ?? $"CUDA error {(int)status}";
        string? meaning = Text(driver.GetErrorString(status, out nint text), text);
        string message = $"{operation} failed with {name}{(meaning is null ? "" : $" ({meaning})")}.{(details is null ? "" : $"\n{details}")}";
        if (status == CudaStatus.OutOfMemory)
            return new InsufficientMemoryException($"{message} Dispose device tensors, or give fewer tokens or heads a call. The engine can be used on.");
        return IsLost(status)
            ? new CudaDeviceLostException(name, operation, $"{message} The device is lost to this engine: dispose it, and make a new one; if that fails too, restart the process.")
            : new CudaException(name, operation, message);
    }

    /// <summary>Throws where a call of the driver failed that belongs to no context.</summary>
    internal static void ThrowIfFailed(CudaDriver driver, CudaStatus status, string operation)
    {
        if (status != CudaStatus.Success)
            throw Of(driver, status, operation);
    }

    /// <summary>The same failure as part of a call, which the message names.</summary>
    internal virtual CudaException During(string call) => new(ErrorName, Operation, $"{call}: {Message}", this);

    private static string? Text(CudaStatus status, nint text) =>
        status == CudaStatus.Success && text != 0 ? Marshal.PtrToStringUTF8(text) : null;
}

/// <summary>The device has failed, or a kernel has, and no later call of this engine can work: each throws this at once, and only
/// <see cref="AttentionEngine.Dispose"/> does not. Other engines of the process are not touched by it, unless they use the same
/// device.</summary>
public sealed class CudaDeviceLostException : CudaException
{
    internal CudaDeviceLostException(string errorName, string operation, string message, Exception? inner = null)
        : base(errorName, operation, message, inner)
    {
    }

    /// <inheritdoc/>
    internal override CudaException During(string call) => new CudaDeviceLostException(ErrorName, Operation, $"{call}: {Message}", this);
}
