using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>Compiles PTX by the driver's own compiler.</summary>
internal static class CudaLinker
{
    private const int Ptx = 1;

    /// <summary>The cubin of a PTX text for the context's device, to be kept: the driver loads it without compiling again.</summary>
    /// <param name="context">The device's.</param>
    /// <param name="ptx">The text.</param>
    /// <param name="name">What it is, for messages.</param>
    /// <exception cref="CudaException">The text does not compile; the message has the whole log.</exception>
    public static byte[] ToCubin(CudaDeviceContext context, string ptx, string name) => ToCubin(context, ptx, name, out _);

    /// <summary>As <see cref="ToCubin(CudaDeviceContext, string, string)"/>, with what the compiler had to say.</summary>
    public static byte[] ToCubin(CudaDeviceContext context, string ptx, string name, out string log)
    {
        using CurrentContext current = context.Enter();
        using JitLog jit = new();
        byte[] text = Encoding.UTF8.GetBytes(ptx + '\0');
        byte[] label = Encoding.UTF8.GetBytes(name + '\0');
        CudaStatus status;
        byte[]? cubin;
        do
            (status, cubin) = Link(context.Driver, jit, text, label);
        while (status != CudaStatus.Success && jit.Grow());
        log = jit.Text;
        if (cubin is null)
            context.Throw(status, $"Compiling the PTX of {name} for {context.Device.Name} (cuLinkComplete)", log);
        return cubin;
    }

    private static unsafe (CudaStatus Status, byte[]? Cubin) Link(CudaDriver driver, JitLog jit, byte[] text, byte[] label)
    {
        CudaStatus status = driver.LinkCreate(jit.Count, jit.Names, jit.Values, out nint state);
        if (status != CudaStatus.Success)
            return (status, null);
        try
        {
            fixed (byte* data = text, name = label)
                status = driver.LinkAddData(state, Ptx, data, (nuint)text.Length, name);
            if (status != CudaStatus.Success)
                return (status, null);
            status = driver.LinkComplete(state, out nint cubin, out nuint bytes);
            return (status, status == CudaStatus.Success ? new ReadOnlySpan<byte>((void*)cubin, checked((int)bytes)).ToArray() : null);
        }
        finally
        {
            driver.LinkDestroy(state);
        }
    }
}
