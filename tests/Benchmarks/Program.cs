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
    case "classify":
        ClassifyBenchmark.Run();
        return 0;
    case "routing":
        RoutingBenchmark.Run(args.Skip(1).FirstOrDefault());
        return 0;
    case "fit":
        FitBenchmark.Run(args.Skip(1).FirstOrDefault(), args.Skip(2).FirstOrDefault());
        return 0;
    default:
        Console.Error.WriteLine("""
            usage: ort | memory | first | classify | routing [qkv.safetensors] | fit [qkv.safetensors] [label]
              ort     dense and window attention against ONNX Runtime
              memory  peak memory up to 256K tokens
              first   first call of every pattern in a fresh process
              classify  tiles of a million by a million tokens
              routing   block gates and a mixture against dense attention
              fit       learned routers beside their experts, the oracle choice and chance
            """);
        return 2;
}
