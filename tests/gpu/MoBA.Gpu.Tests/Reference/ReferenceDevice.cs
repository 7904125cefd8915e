using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Reference;

/// <summary>What attention should be.</summary>
/// <param name="Output">In float, [query tokens, query heads, dim].</param>
/// <param name="Rounded">The same from weights and with outputs that are rounded to the element type: how far off honest low
/// precision is.</param>
/// <param name="Lse">Natural log-sum-exp, [query tokens, query heads].</param>
internal sealed record ReferenceResult(float[] Output, float[] Rounded, float[] Lse);

/// <summary>An ILGPU device of the tests' own, in a context of its own, that runs <see cref="ReferenceKernels"/>.</summary>
internal sealed class ReferenceDevice : IDisposable
{
    private const int MostScores = 1 << 24;

    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly PredicateMask _masks = new();
    private readonly Lock _lock = new();
    private readonly Action<Index1D, ReferenceShape, ArrayView<float>, ArrayView<float>, ArrayView<float>> _scores;
    private readonly Action<Index1D, ReferenceShape, ArrayView<uint>, int, ArrayView<float>> _mask;
    private readonly Action<Index1D, ReferenceShape, ArrayView<float>, ArrayView<float>> _normalise;
    private readonly Action<Index1D, ReferenceShape, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>> _values;

    private ReferenceDevice(Context context, Accelerator accelerator)
    {
        (_context, _accelerator) = (context, accelerator);
        _scores = accelerator.LoadAutoGroupedStreamKernel<Index1D, ReferenceShape, ArrayView<float>, ArrayView<float>, ArrayView<float>>(ReferenceKernels.Scores);
        _mask = accelerator.LoadAutoGroupedStreamKernel<Index1D, ReferenceShape, ArrayView<uint>, int, ArrayView<float>>(ReferenceKernels.Mask);
        _normalise = accelerator.LoadAutoGroupedStreamKernel<Index1D, ReferenceShape, ArrayView<float>, ArrayView<float>>(ReferenceKernels.Normalise);
        _values = accelerator.LoadAutoGroupedStreamKernel<
            Index1D, ReferenceShape, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>>(ReferenceKernels.Values);
    }

    /// <summary>The first NVIDIA GPU.</summary>
    public static ReferenceDevice Cuda()
    {
        NvidiaDriver.Register();
        Context context = Context.Create(builder => builder.Cuda().EnableAlgorithms().Optimize(OptimizationLevel.O1));
        return new(context, context.GetCudaDevice(0).CreateAccelerator(context));
    }

    /// <summary>ILGPU's CPU accelerator: slow, and everywhere.</summary>
    public static ReferenceDevice Cpu()
    {
        Context context = Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)).EnableAlgorithms().Optimize(OptimizationLevel.O1));
        return new(context, context.GetCPUDevice(0).CreateCPUAccelerator(context));
    }

    /// <summary>Attends in float. May be called from several threads; the device serves one at a time.</summary>
    /// <param name="inputs">The tensors and the sequences.</param>
    /// <param name="expert">The pattern.</param>
    /// <param name="key">What stands for the expert and its parameters; equal keys share what the predicate said.</param>
    public ReferenceResult Attend(AttentionInputs inputs, ISparseExpert expert, object key)
    {
        uint[][]? masks = expert.Info.ScoreModifier is null
            ? [.. inputs.Sequences.Select(sequence => _masks.Of(key, expert, sequence.At, inputs.QueryHeads))]
            : null;
        return Attend(inputs, expert, masks, expert.Info.DependsOnHead);
    }

    /// <summary>Attends the pairs that masks have. May be called from several threads.</summary>
    /// <param name="inputs">The tensors and the sequences.</param>
    /// <param name="expert">The pattern, whose scores are as they are.</param>
    /// <param name="masks">Of every sequence, bits [query heads, queries, words of 32 keys].</param>
    public ReferenceResult Attend(AttentionInputs inputs, ISparseExpert expert, uint[][] masks)
    {
        if (expert.Info.ScoreModifier is not null)
            throw new ArgumentException($"{expert.Info.Name} modifies scores: a mask is not all of it.", nameof(expert));
        return Attend(inputs, expert, masks, byHead: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }

    private ReferenceResult Attend(AttentionInputs inputs, ISparseExpert expert, uint[][]? masks, bool byHead)
    {
        lock (_lock)
        {
            _accelerator.Bind();
            using DeviceInputs device = new(_accelerator, inputs);
            for (int i = 0; i < inputs.Sequences.Count; i++)
            {
                if (inputs.Sequences[i].At is { Queries: > 0, Keys: > 0 })
                    Attend(inputs, inputs.Sequences[i], expert, masks?[i], byHead, device);
            }

            return device.Result();
        }
    }

    private void Attend(AttentionInputs inputs, PlacedSequence sequence, ISparseExpert expert, uint[]? mask, bool byHead, DeviceInputs device)
    {
        (int queries, int keys, _) = sequence.At;
        int run = Math.Clamp(MostScores / (queries * keys), 1, inputs.QueryHeads);
        using MemoryBuffer1D<float, Stride1D.Dense> scores = _accelerator.Allocate1D<float>((long)run * queries * keys);
        using MemoryBuffer1D<uint, Stride1D.Dense>? bits = mask is null ? null : _accelerator.Allocate1D(mask);
        for (int head = 0; head < inputs.QueryHeads; head += run)
        {
            int heads = Math.Min(run, inputs.QueryHeads - head);
            ReferenceShape shape = ShapeOf(inputs, sequence, head);
            int count = heads * queries * keys;
            ArrayView<float> part = scores.View.BaseView.SubView(0, count);
            _scores(count, shape, device.Q.View, device.K.View, part);
            if (bits is null)
                Modify(expert, sequence.At, head, inputs.QueryHeads, part);
            else
                Mask(byHead, shape, bits.View, count, heads, part);
            _normalise(heads * queries, shape, part, device.Lse.View);
            _values(heads * queries * inputs.Dim, shape, part, device.V.View, device.Output.View, device.Rounded.View);
        }

        _accelerator.Synchronize();
    }

    private void Mask(bool byHead, ReferenceShape shape, ArrayView<uint> bits, int count, int heads, ArrayView<float> scores)
    {
        long words = (long)shape.Queries * ((shape.Keys + 31) / 32);
        _mask(count, shape, byHead ? bits.SubView(shape.FirstHead * words, heads * words) : bits, byHead ? heads : 1, scores);
    }

    private static void Modify(ISparseExpert expert, Positions at, int head, int heads, ArrayView<float> scores)
    {
        float[] values = new float[scores.Length];
        scores.CopyToCPU(values);
        PredicateMask.Modify(expert, at, head, heads, values);
        scores.CopyFromCPU(values);
    }

    private static ReferenceShape ShapeOf(AttentionInputs inputs, PlacedSequence sequence, int head) => new()
    {
        FirstQuery = sequence.FirstQuery,
        FirstKey = sequence.FirstKey,
        Queries = sequence.At.Queries,
        Keys = sequence.At.Keys,
        FirstHead = head,
        QueryHeads = inputs.QueryHeads,
        KeyHeads = inputs.KeyHeads,
        Dim = inputs.Dim,
        Scale = inputs.Scale,
        IsBFloat16 = inputs.IsBFloat16 ? 1 : 0,
    };

    /// <summary>The tensors of a call on the device. Outputs start as those of rows without keys.</summary>
    private sealed class DeviceInputs(Accelerator accelerator, AttentionInputs inputs) : IDisposable
    {
        public MemoryBuffer1D<float, Stride1D.Dense> Q { get; } = accelerator.Allocate1D(NotEmpty(inputs.Q));

        public MemoryBuffer1D<float, Stride1D.Dense> K { get; } = accelerator.Allocate1D(NotEmpty(inputs.K));

        public MemoryBuffer1D<float, Stride1D.Dense> V { get; } = accelerator.Allocate1D(NotEmpty(inputs.V));

        public MemoryBuffer1D<float, Stride1D.Dense> Output { get; } = accelerator.Allocate1D(new float[inputs.Q.Length]);

        public MemoryBuffer1D<float, Stride1D.Dense> Rounded { get; } = accelerator.Allocate1D(new float[inputs.Q.Length]);

        public MemoryBuffer1D<float, Stride1D.Dense> Lse { get; } = accelerator.Allocate1D(
            Enumerable.Repeat(float.NegativeInfinity, inputs.Q.Length / inputs.Dim).ToArray());

        public ReferenceResult Result() => new(Output.GetAsArray1D(), Rounded.GetAsArray1D(), Lse.GetAsArray1D());

        public void Dispose()
        {
            foreach (MemoryBuffer buffer in (MemoryBuffer[])[Q, K, V, Output, Rounded, Lse])
                buffer.Dispose();
        }

        private static float[] NotEmpty(float[] values) => values.Length == 0 ? new float[1] : values;
    }
}
