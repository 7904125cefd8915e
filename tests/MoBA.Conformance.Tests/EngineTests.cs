using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>Every pattern of the gallery on the CPU engine against its own predicate.</summary>
public sealed class CpuEngineTests : IDisposable
{
    private const long Budget = 2_200_000_000;
    private readonly AttentionEngine _engine = AttentionEngine.Create(Target.Cpu);

    /// <summary>The cases.</summary>
    public static TheoryData<AttentionCase> Cases => [.. CaseTable.Choose(Budget, 1, 2, 3)];

    [Theory]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Agrees_with_the_reference(AttentionCase at) => Agreement.Check(_engine, at);

    public void Dispose() => _engine.Dispose();
}

/// <summary>Every pattern of the gallery as a portable kernel against its own predicate; small shapes, for ILGPU's CPU
/// accelerator is a simulator.</summary>
public sealed class PortableEngineTests(PortableEngineTests.Device device) : IClassFixture<PortableEngineTests.Device>
{
    private const long Budget = 60_000_000;

    /// <summary>The cases.</summary>
    public static TheoryData<AttentionCase> Cases => [.. CaseTable.Choose(Budget, 4, 5)];

    [Theory]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Agrees_with_the_reference(AttentionCase at) => Agreement.Check(device.Engine, at);

    /// <summary>One engine for all cases, so that every kernel is compiled once.</summary>
    public sealed class Device : IDisposable
    {
        public AttentionEngine Engine { get; } = AttentionEngine.Create(Target.Portable);

        public void Dispose() => Engine.Dispose();
    }
}
