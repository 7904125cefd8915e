using MoBA.Benchmarks;

switch (args.FirstOrDefault())
{
    case "ort":
        OrtComparison.Run();
        return 0;
    case "memory":
        MemoryGrowth.Run(args.Skip(1).FirstOrDefault());
        return 0;
    case "first":
        FirstCall.Run(args.Skip(1).FirstOrDefault());
        return 0;
    default:
        Console.Error.WriteLine("""
            usage: ort | memory | first
              ort     dense and window attention against ONNX Runtime
              memory  peak memory up to 256K tokens
              first   first call of every pattern in a fresh process
            """);
        return 2;
}
