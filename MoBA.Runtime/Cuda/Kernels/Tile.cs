using ILGPU.Runtime.Cuda;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions: the words in which the attention kernels speak of register tiles, shared memory and asynchronous copies. Each
/// is one line of text that ILGPU carries into the PTX as it stands, and that the lowering replaces by PTX for one shape of tile.
/// Operands written as constants reach the lowering as constants.
/// </summary>
internal static class Tile
{
    /// <summary>Declares registers and shared memory. The first instruction of a kernel, outside of every branch.</summary>
    public static void Begin() => CudaAsm.Emit("tile.begin;");

    /// <summary>Queries in a tile.</summary>
    public static int Queries()
    {
        CudaAsm.Emit("tile.queries %0;", out int value);
        return value;
    }

    /// <summary>Keys in a tile.</summary>
    public static int Keys()
    {
        CudaAsm.Emit("tile.keys %0;", out int value);
        return value;
    }

    /// <summary>Initialises the barriers; by one thread, before <see cref="SyncBlock"/>.</summary>
    public static void InitBarriers() => CudaAsm.Emit("tile.barriers;");

    /// <summary>Waits for all threads of the block.</summary>
    public static void SyncBlock() => CudaAsm.Emit("tile.syncblock;");

    /// <summary>Gives registers up, in the warpgroup that copies.</summary>
    public static void ReleaseRegisters() => CudaAsm.Emit("tile.releaseregisters;");

    /// <summary>Takes registers, in a warpgroup that computes.</summary>
    public static void ClaimRegisters() => CudaAsm.Emit("tile.claimregisters;");

    // Barriers of the ring of key tiles, of the ring of value tiles, and of the query tile.
    public static void WaitKeysFull(int slot, int parity) => CudaAsm.Emit("tile.wait keysfull, %0, %1;", slot, parity);

    public static void WaitKeysFree(int slot, int parity) => CudaAsm.Emit("tile.wait keysfree, %0, %1;", slot, parity);

    public static void WaitValuesFull(int slot, int parity) => CudaAsm.Emit("tile.wait valuesfull, %0, %1;", slot, parity);

    public static void WaitValuesFree(int slot, int parity) => CudaAsm.Emit("tile.wait valuesfree, %0, %1;", slot, parity);

    public static void WaitQueriesFull(int parity) => CudaAsm.Emit("tile.wait queriesfull, 0, %0;", parity);

    public static void WaitQueriesFree(int parity) => CudaAsm.Emit("tile.wait queriesfree, 0, %0;", parity);

    public static void FreeKeys(int slot) => CudaAsm.Emit("tile.free keysfree, %0;", slot);

    public static void FreeValues(int slot) => CudaAsm.Emit("tile.free valuesfree, %0;", slot);

    public static void FreeQueries() => CudaAsm.Emit("tile.free queriesfree, 0;");

    /// <summary>Copies the query tile that starts at a token of a head to shared memory, and tells <paramref name="item"/> with it.</summary>
    public static void LoadQueries(int token, int head, int item) => CudaAsm.Emit("tile.loadqueries %0, %1, %2;", token, head, item);

    /// <summary>Tells that there is no further work item.</summary>
    public static void EndQueries() => CudaAsm.Emit("tile.endqueries;");

    /// <summary>The work item told with the query tile; the same in every lane.</summary>
    public static int Item()
    {
        CudaAsm.Emit("tile.item %0;", out int item);
        return item;
    }

    /// <summary>Copies the key tile that starts at a token of a key head to a slot, and tells <paramref name="note"/> with it.</summary>
    public static void LoadKeys(int slot, int token, int head, int note) => CudaAsm.Emit("tile.loadkeys %0, %1, %2, %3;", slot, token, head, note);

    /// <summary>Copies the value tile that starts at a token of a key head to a slot.</summary>
    public static void LoadValues(int slot, int token, int head) => CudaAsm.Emit("tile.loadvalues %0, %1, %2;", slot, token, head);

    /// <summary>What was told with the key tile of a slot; the same in every lane.</summary>
    public static int Note(int slot)
    {
        CudaAsm.Emit("tile.note %0, %1;", out int note, slot);
        return note;
    }

    /// <summary>The next work item of the launch, beyond the first of every block.</summary>
    public static int NextItem(long counters)
    {
        CudaAsm.Emit("tile.nextitem %0, %1;", out int item, counters);
        return item;
    }

    /// <summary>Tells that this block has taken its last item; the last block to do so sets the counters back to 0.</summary>
    public static void EndItems(long counters, int blocks) => CudaAsm.Emit("tile.enditems %0, %1;", counters, blocks);

    /// <summary>Points a warpgroup's query operand at its rows.</summary>
    public static void SelectRows(int warpgroup) => CudaAsm.Emit("tile.selectrows %0;", warpgroup);

    /// <summary>Starts S = Q K^T of a slot.</summary>
    public static void StartScores(int slot) => CudaAsm.Emit("tile.startscores %0;", slot);

    /// <summary>Starts O += P V of a slot.</summary>
    public static void StartOutput(int slot) => CudaAsm.Emit("tile.startoutput %0;", slot);

    /// <summary>Waits until all but the last product started has ended.</summary>
    public static void WaitAllButOne() => CudaAsm.Emit("tile.waitproducts 1;");

    /// <summary>Waits until every product has ended.</summary>
    public static void WaitAll() => CudaAsm.Emit("tile.waitproducts 0;");

    /// <summary>O = 0.</summary>
    public static void ClearOutput() => CudaAsm.Emit("tile.clearoutput;");

    /// <summary>S *= factor.</summary>
    public static void ScaleScores(float factor) => CudaAsm.Emit("tile.scalescores %0;", factor);

    /// <summary>S = -infinity in columns of this thread from <paramref name="keys"/> on.</summary>
    public static void CutScores(int keys) => CudaAsm.Emit("tile.cutscores %0;", keys);

    /// <summary>S of a register = -infinity where the pair is not attended.</summary>
    public static void Keep(int register, bool attended) => CudaAsm.Emit("tile.keep %0, %1;", register, attended);

    /// <summary>S of a register.</summary>
    public static float Score(int register)
    {
        CudaAsm.Emit("tile.score %0, %1;", out float score, register);
        return score;
    }

    /// <summary>Sets S of a register.</summary>
    public static void SetScore(int register, float score) => CudaAsm.Emit("tile.setscore %0, %1;", register, score);

    /// <summary>Starts the online softmax: maximum, sum and P = 2^(S * factor - maximum).</summary>
    public static void StartSoftmax(float factor) => CudaAsm.Emit("tile.startsoftmax %0;", factor);

    /// <summary>Continues the online softmax; what O has to be multiplied by is remembered for <see cref="RescaleOutput"/>.</summary>
    public static void ContinueSoftmax(float factor) => CudaAsm.Emit("tile.continuesoftmax %0;", factor);

    /// <summary>Rounds P to the element type, as the operand of the next product.</summary>
    public static void Pack() => CudaAsm.Emit("tile.pack;");

    /// <summary>Brings O to the present maximum.</summary>
    public static void RescaleOutput() => CudaAsm.Emit("tile.rescaleoutput;");

    /// <summary>Ends the softmax: the log-sum-exp and the factor of O.</summary>
    public static void EndSoftmax(float factor) => CudaAsm.Emit("tile.endsoftmax %0;", factor);

    /// <summary>Ends the softmax of rows that see no key: output 0, log-sum-exp -infinity.</summary>
    public static void NoSoftmax() => CudaAsm.Emit("tile.nosoftmax;");

    /// <summary>O *= factor, rounded to the element type, and a quad's columns gathered, 16 bytes a lane.</summary>
    public static void RoundOutput() => CudaAsm.Emit("tile.roundoutput;");

    /// <summary>Writes a row of O: row 0 or 1 of the thread.</summary>
    /// <param name="row">0 or 1, a constant.</param>
    /// <param name="address">Of the row, plus 16 bytes a lane of the quad.</param>
    /// <param name="columns">Components left from this lane's first one on; at most 0 writes nothing.</param>
    public static void StoreOutput(int row, long address, int columns) => CudaAsm.Emit("tile.storeoutput %0, %1, %2;", row, address, columns);

    /// <summary>Writes the log-sum-exp of a row where <paramref name="write"/> holds.</summary>
    public static void StoreLse(int row, long address, bool write) => CudaAsm.Emit("tile.storelse %0, %1, %2;", row, address, write);
}
