using MoBA.Program;

return await Moba.RunAsync(args, Terminal.OfThisProcess());
