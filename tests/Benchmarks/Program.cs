using MoBA.Benchmarks;

switch (args.FirstOrDefault())
{
    case "ort":
        OrtComparison.Run();
        return 0;
    case "memory":
        MemoryGrowth.Run(args.Skip(1).FirstOrDefault());
        return 0;
    default:
        Console.Error.WriteLine("usage: ort | memory\n  ort     dense and window attention against ONNX Runtime\n  memory  peak memory up to 256K tokens");
        return 2;
}
