namespace MoBA.Runtime.Cuda;

/// <summary>What a call of the driver returns (CUresult); only the values that are told apart have names.</summary>
internal enum CudaStatus
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>An argument is wrong.</summary>
    InvalidValue = 1,

    /// <summary>Memory cannot be had.</summary>
    OutOfMemory = 2,

    /// <summary>The driver has been shut down, or the process is ending.</summary>
    Deinitialized = 4,

    /// <summary>There is no device that this driver can use.</summary>
    NoDevice = 100,

    /// <summary>The context is not usable on this thread.</summary>
    InvalidContext = 201,

    /// <summary>Memory of the device has failed beyond correction.</summary>
    EccUncorrectable = 214,

    /// <summary>A link between devices has failed.</summary>
    NvlinkUncorrectable = 220,

    /// <summary>A failure of the device has been contained: the process must end.</summary>
    Contained = 226,

    /// <summary>Work has not finished yet.</summary>
    NotReady = 600,

    /// <summary>A kernel read or wrote where it may not.</summary>
    IllegalAddress = 700,

    /// <summary>A kernel ran longer than the display's watchdog lets it.</summary>
    LaunchTimeout = 702,

    /// <summary>The context has been destroyed by somebody else.</summary>
    ContextIsDestroyed = 709,

    /// <summary>An assertion of a kernel failed.</summary>
    Assert = 710,

    /// <summary>The device's stack is corrupt.</summary>
    HardwareStackError = 714,

    /// <summary>A kernel ran something that is no instruction.</summary>
    IllegalInstruction = 715,

    /// <summary>A kernel read or wrote at an address that is not aligned.</summary>
    MisalignedAddress = 716,

    /// <summary>An instruction cannot use memory of this kind.</summary>
    InvalidAddressSpace = 717,

    /// <summary>The program counter left the kernel.</summary>
    InvalidPc = 718,

    /// <summary>A kernel failed.</summary>
    LaunchFailed = 719,

    /// <summary>A kernel ended without giving tensor memory back.</summary>
    TensorMemoryLeak = 721,

    /// <summary>The server that shares the device among processes has ended this one's work.</summary>
    MpsClientTerminated = 817,

    /// <summary>A device beyond this one has failed.</summary>
    ExternalDevice = 911,

    /// <summary>The driver does not know.</summary>
    Unknown = 999,
}
