using ILGPU.Runtime.Cuda;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tile instructions: the words in which the attention kernels speak of register tiles, shared memory and asynchronous copies. Each
/// is one line of text that ILGPU carries into the PTX as it stands, and that the lowering replaces by PTX for one shape of tile.
/// Operands written as constants reach the lowering as constants.
/// </summary>
internal static class Tile
{
    /// <summary>The number of the first score of a thread's second pair of rows, 16 below the first, where it has one.</summary>
    public const int FragmentRegisters = 64;

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

    // Tiles pass through rings of shared memory; the n-th tile of a ring, from 0, has the slot that its number gives it. A copying
    // thread waits until the slot is free and loads it; computing warps wait until it is full and free it, once each.
    public static void WaitQueriesFree(int n) => CudaAsm.Emit("tile.waitfree queries, %0;", n);

    public static void WaitQueriesFull(int n) => CudaAsm.Emit("tile.waitfull queries, %0;", n);

    public static void FreeQueries(int n) => CudaAsm.Emit("tile.free queries, %0;", n);

    public static void WaitKeysFree(int n) => CudaAsm.Emit("tile.waitfree keys, %0;", n);

    public static void WaitKeysFull(int n) => CudaAsm.Emit("tile.waitfull keys, %0;", n);

    public static void FreeKeys(int n) => CudaAsm.Emit("tile.free keys, %0;", n);

    public static void WaitValuesFree(int n) => CudaAsm.Emit("tile.waitfree values, %0;", n);

    public static void WaitValuesFull(int n) => CudaAsm.Emit("tile.waitfull values, %0;", n);

    public static void FreeValues(int n) => CudaAsm.Emit("tile.free values, %0;", n);

    /// <summary>Copies the n-th query tile, which starts at a token of a head, and tells <paramref name="item"/> with it.</summary>
    public static void LoadQueries(int n, int token, int head, int item) => CudaAsm.Emit("tile.loadqueries %0, %1, %2, %3;", n, token, head, item);

    /// <summary>Tells with the n-th query tile that there is none.</summary>
    public static void EndQueries(int n) => CudaAsm.Emit("tile.endqueries %0;", n);

    /// <summary>The work item told with the n-th query tile, -1 at the end; the same in every lane.</summary>
    public static int Item(int n)
    {
        CudaAsm.Emit("tile.item %0, %1;", out int item, n);
        return item;
    }

    /// <summary>Copies the n-th key tile, which starts at a token of a key head, and tells <paramref name="note"/> with it.</summary>
    public static void LoadKeys(int n, int token, int head, int note) => CudaAsm.Emit("tile.loadkeys %0, %1, %2, %3;", n, token, head, note);

    /// <summary>Copies the n-th value tile, which starts at a token of a key head.</summary>
    public static void LoadValues(int n, int token, int head) => CudaAsm.Emit("tile.loadvalues %0, %1, %2;", n, token, head);

    /// <summary>What was told with the n-th key tile; the same in every lane.</summary>
    public static int Note(int n)
    {
        CudaAsm.Emit("tile.note %0, %1;", out int note, n);
        return note;
    }

    /// <summary>Copies the rows of the n-th query tile, by all threads of the copying warpgroup: a thread's row starts <paramref name="row"/>
    /// times 16 bytes from <paramref name="address"/>, and is 0 beyond <paramref name="dim"/> components. When all are there the tile is full.</summary>
    public static void GatherQueries(int n, long address, int row, int dim) => CudaAsm.Emit("tile.gatherqueries %0, %1, %2, %3;", n, address, row, dim);

    /// <summary>Makes the n-th query tile full without a row, by all threads of the copying warpgroup: something is told with it.</summary>
    public static void EndGather(int n) => CudaAsm.Emit("tile.endgather %0;", n);

    /// <summary>Tells a word with the n-th query tile; by one thread, before it gathers.</summary>
    public static void Tell(int n, int word, int value) => CudaAsm.Emit("tile.tell %0, %1, %2;", n, word, value);

    /// <summary>A word told with the n-th query tile; the same in every lane.</summary>
    public static int Told(int n, int word)
    {
        CudaAsm.Emit("tile.told %0, %1, %2;", out int value, n, word);
        return value;
    }

    /// <summary>Reads the first four words told with the n-th query tile, for <see cref="ToldWord"/>.</summary>
    public static void LookAtTold(int n) => CudaAsm.Emit("tile.lookattold %0;", n);

    /// <summary>One of the words that were read last, a constant.</summary>
    public static int ToldWord(int word)
    {
        CudaAsm.Emit("tile.toldword %0, %1;", out int value, word);
        return value;
    }

    /// <summary>Tells the entry of a row with the n-th query tile; before the thread gathers.</summary>
    public static void TellEntry(int n, int row, int entry) => CudaAsm.Emit("tile.tellentry %0, %1, %2;", n, row, entry);

    /// <summary>The entry of a row told with the n-th query tile.</summary>
    public static int Entry(int n, int row)
    {
        CudaAsm.Emit("tile.entry %0, %1, %2;", out int entry, n, row);
        return entry;
    }

    /// <summary>Keeps a claim in one of two slots.</summary>
    public static void Claim(int slot, int claim) => CudaAsm.Emit("tile.claim %0, %1;", slot, claim);

    /// <summary>The claim in a slot; the same in every lane.</summary>
    public static int Claimed(int slot)
    {
        CudaAsm.Emit("tile.claimed %0, %1;", out int claim, slot);
        return claim;
    }

    /// <summary>Waits for all threads of the copying warpgroup, of which each warp is together.</summary>
    public static void SyncCopiers() => CudaAsm.Emit("tile.synccopiers;");

    /// <summary>The next work item of the launch, beyond the first of every block; for the first lane.</summary>
    public static int NextItem(long counters)
    {
        CudaAsm.Emit("tile.nextitem %0, %1;", out int item, counters);
        return item;
    }

    /// <summary>Tells that this block has taken its last item; the last block to do so sets the counters back to 0.</summary>
    public static void EndItems(long counters, int blocks) => CudaAsm.Emit("tile.enditems %0, %1;", counters, blocks);

    /// <summary>Points a warpgroup's query operand at its rows.</summary>
    public static void SelectRows(int warpgroup) => CudaAsm.Emit("tile.selectrows %0;", warpgroup);

    /// <summary>Starts S = Q K^T of a query tile and a key tile.</summary>
    public static void StartScores(int queries, int keys) => CudaAsm.Emit("tile.startscores %0, %1;", queries, keys);

    /// <summary>Starts O += P V of a value tile.</summary>
    public static void StartOutput(int values) => CudaAsm.Emit("tile.startoutput %0;", values);

    // Copies by all threads of a block: eight threads a row, 16 rows a turn. The address is that of the thread's first 16 bytes, rows
    // and columns are what is left from there on; beyond them zeros are written.
    public static void CopyQueries(long address, long stride, int rows, int columns) =>
        CudaAsm.Emit("tile.copy queries, %0, %1, %2, %3;", address, stride, rows, columns);

    public static void CopyKeys(long address, long stride, int rows, int columns) =>
        CudaAsm.Emit("tile.copy keys, %0, %1, %2, %3;", address, stride, rows, columns);

    public static void CopyValues(long address, long stride, int rows, int columns) =>
        CudaAsm.Emit("tile.copy values, %0, %1, %2, %3;", address, stride, rows, columns);

    /// <summary>Copies this thread's pieces of a row of the n-th turn to the query tile; beyond the columns that are left zeros are written.</summary>
    public static void CopyQueryRow(int turn, long address, int columns) => CudaAsm.Emit("tile.copyqueryrow %0, %1, %2;", turn, address, columns);

    /// <summary>Waits until every copy of this block has ended and all its threads are here.</summary>
    public static void WaitCopies() => CudaAsm.Emit("tile.waitcopies;");

    /// <summary>S = Q K^T, at once.</summary>
    public static void Scores() => CudaAsm.Emit("tile.scores;");

    /// <summary>O += P V, at once.</summary>
    public static void Output() => CudaAsm.Emit("tile.output;");

    /// <summary>Waits until all but the last product started has ended.</summary>
    public static void WaitAllButOne() => CudaAsm.Emit("tile.waitproducts 1;");

    /// <summary>Waits until every product has ended.</summary>
    public static void WaitAll() => CudaAsm.Emit("tile.waitproducts 0;");

    /// <summary>O = 0.</summary>
    public static void ClearOutput() => CudaAsm.Emit("tile.clearoutput;");

    /// <summary>S *= factor, in the rows whose registers start with <paramref name="first"/>.</summary>
    public static void ScaleScores(int first, float factor) => CudaAsm.Emit("tile.scalescores %0, %1;", first, factor);

    /// <summary>S = -infinity in columns of this thread from <paramref name="keys"/> on, in the rows whose registers start with
    /// <paramref name="first"/>; a weight of 0 after <see cref="BoundedPowers"/>.</summary>
    public static void CutScores(int first, int keys, int isFirst) => CudaAsm.Emit("tile.cutscores %0, %1, %2;", first, keys, isFirst);

    /// <summary>S of a register = -infinity where the pair is not attended; a weight of 0 after <see cref="BoundedPowers"/>.</summary>
    public static void Keep(int register, bool attended, int isFirst) => CudaAsm.Emit("tile.keep %0, %1, %2;", register, attended, isFirst);

    /// <summary>The same for a row of the thread whose first register is given, by bits of <see cref="CudaColumns"/>.</summary>
    public static void KeepColumns(int register, int attended, int isFirst) => CudaAsm.Emit("tile.keepcolumns %0, %1, %2;", register, attended, isFirst);

    /// <summary>S of a register.</summary>
    public static float Score(int register)
    {
        CudaAsm.Emit("tile.score %0, %1;", out float score, register);
        return score;
    }

    /// <summary>The largest size of the 16 scores from a register on; NaN is none.</summary>
    public static float LargestScore(int first)
    {
        CudaAsm.Emit("tile.largestscore %0, %1;", out float size, first);
        return size;
    }

    /// <summary>What a modified score is multiplied with, for what the softmax does with it.</summary>
    public static float ScoreUnit()
    {
        CudaAsm.Emit("tile.scoreunit %0;", out float unit);
        return unit;
    }

    /// <summary>What is added then, the same for a row of a thread: 0 of two rows, or 1.</summary>
    public static float ScoreShift(int row)
    {
        CudaAsm.Emit("tile.scoreshift %0, %1;", out float shift, row);
        return shift;
    }

    /// <summary>Sets S of a register.</summary>
    public static void SetScore(int register, float score) => CudaAsm.Emit("tile.setscore %0, %1;", register, score);

    /// <summary>Sets S of a register to a modified score, in the unit and with the shift of its row.</summary>
    public static void SetModifiedScore(int register, float score, int isFirst) => CudaAsm.Emit("tile.setmodifiedscore %0, %1, %2;", register, score, isFirst);

    /// <summary>The online softmax before any key: <see cref="ContinueSoftmax"/> then does for the first tile too, and
    /// <see cref="EndSoftmax"/> for rows that see no key.</summary>
    public static void ClearSoftmax() => CudaAsm.Emit("tile.clearsoftmax;");

    /// <summary>S = 2^S of 16 registers of any tile but the first, where modified scores are known to be small; elsewhere the softmax
    /// does it, which knows the maximum.</summary>
    public static void BoundedPowers(int first) => CudaAsm.Emit("tile.boundedpowers %0;", first);

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

    /// <summary>Writes a row of O.</summary>
    /// <param name="row">Which of the thread's rows, a constant.</param>
    /// <param name="address">Of the row, plus 16 bytes a lane of the quad.</param>
    /// <param name="columns">Components left from this lane's first one on; at most 0 writes nothing.</param>
    public static void StoreOutput(int row, long address, int columns) => CudaAsm.Emit("tile.storeoutput %0, %1, %2;", row, address, columns);

    /// <summary>Writes the log-sum-exp of a row where <paramref name="write"/> holds.</summary>
    public static void StoreLse(int row, long address, bool write) => CudaAsm.Emit("tile.storelse %0, %1, %2;", row, address, write);

    /// <summary>A word of shared memory, by its place in bytes.</summary>
    public static int LoadShared(int at)
    {
        CudaAsm.Emit("tile.loadshared %0, %1;", out int value, at);
        return value;
    }

    /// <summary>Sets a word of shared memory.</summary>
    public static void StoreShared(int at, int value) => CudaAsm.Emit("tile.storeshared %0, %1;", at, value);

    /// <summary>Sets bits of a word of shared memory; several threads may at once.</summary>
    public static void OrShared(int at, int bits) => CudaAsm.Emit("tile.orshared %0, %1;", at, bits);

    /// <summary>O *= factor, rounded to the element type; each lane keeps its columns.</summary>
    public static void RoundPartial() => CudaAsm.Emit("tile.roundpartial;");

    /// <summary>Writes a row as the lanes have it: 16 bytes a lane and 64 a quad at a time, which change places two by two in odd rows.</summary>
    /// <param name="row">Which of the thread's rows, a constant.</param>
    /// <param name="address">Of the row, plus 16 bytes a lane of the quad.</param>
    /// <param name="odd">1 where the row's number among the partial rows is odd, else 0.</param>
    /// <param name="write">Whether the row exists.</param>
    public static void StorePartial(int row, long address, int odd, bool write) => CudaAsm.Emit("tile.storepartial %0, %1, %2, %3;", row, address, odd, write);

    /// <summary>Writes the 16 rows of a warp like that. Hopper only, where it may go on until <see cref="WaitPartials"/>.</summary>
    /// <param name="address">Of the first row.</param>
    /// <param name="rows">How many of them exist; not more than 0 is none.</param>
    public static void StorePartials(long address, int rows) => CudaAsm.Emit("tile.storepartials %0, %1;", address, rows);

    /// <summary>Waits until what this warp wrote by <see cref="StorePartials"/> is there.</summary>
    public static void WaitPartials() => CudaAsm.Emit("tile.waitpartials;");

    /// <summary>The lanes of the warp whose output of a row is no finite number though the sum of its weights is one.</summary>
    /// <param name="row">The thread's row, a constant.</param>
    public static int BrokenRows(int row)
    {
        CudaAsm.Emit("tile.brokenrows %0, %1;", out int lanes, row);
        return lanes;
    }

    /// <summary>As <see cref="BrokenRows"/>, after <see cref="RoundPartial"/>.</summary>
    /// <param name="row">The thread's row, a constant.</param>
    public static int BrokenPartials(int row)
    {
        CudaAsm.Emit("tile.brokenpartials %0, %1;", out int lanes, row);
        return lanes;
    }

    /// <summary>The largest number of the element type.</summary>
    public static float LargestElement()
    {
        CudaAsm.Emit("tile.largestelement %0;", out float value);
        return value;
    }

    /// <summary>An element in device memory, as float.</summary>
    public static float Element(long address)
    {
        CudaAsm.Emit("tile.element %0, %1;", out float value, address);
        return value;
    }

    /// <summary>-1 where a number is among four words of device memory, 16 bytes aligned and written before the launch; else 0.</summary>
    public static int IsAmong(long address, int number)
    {
        CudaAsm.Emit("tile.isamong %0, %1, %2;", out int found, address, number);
        return found;
    }

    /// <summary>Loads four words of device memory, 16 bytes aligned, into a set of them.</summary>
    public static void LoadWords(int set, long address) => CudaAsm.Emit("tile.loadwords %0, %1;", set, address);

    /// <summary>The same where a condition holds; else all four are <paramref name="otherwise"/>.</summary>
    public static void LoadWordsIf(int set, long address, bool condition, int otherwise) =>
        CudaAsm.Emit("tile.loadwordsif %0, %1, %2, %3;", set, address, condition, otherwise);

    /// <summary>Eight sums = 0.</summary>
    public static void ClearSums() => CudaAsm.Emit("tile.clearsums;");

    /// <summary>The sums += weight * the eight elements in a set of words.</summary>
    public static void AddWords(int set, float weight) => CudaAsm.Emit("tile.addwords %0, %1;", set, weight);

    /// <summary>Of pairs of sums, the n-th of each lane of a quad to the n-th lane.</summary>
    public static void TransposeSums() => CudaAsm.Emit("tile.transposesums;");

    /// <summary>Writes the sums as elements, rounded, 16 bytes, where a condition holds.</summary>
    public static void StoreSums(long address, bool condition) => CudaAsm.Emit("tile.storesums %0, %1;", address, condition);

    /// <summary>A word of a set; both numbers are constants.</summary>
    public static int Word(int set, int number)
    {
        CudaAsm.Emit("tile.word %0, %1, %2;", out int word, set, number);
        return word;
    }

    /// <summary>The first of two elements in a word.</summary>
    public static float Low(int word)
    {
        CudaAsm.Emit("tile.low %0, %1;", out float value, word);
        return value;
    }

    /// <summary>The second of two elements in a word.</summary>
    public static float High(int word)
    {
        CudaAsm.Emit("tile.high %0, %1;", out float value, word);
        return value;
    }

    /// <summary>A word of two elements, rounded.</summary>
    public static int Pair(float low, float high)
    {
        CudaAsm.Emit("tile.pair %0, %1, %2;", out int word, low, high);
        return word;
    }

    /// <summary>A size of pass "gate", by a constant of <see cref="GateSize"/>.</summary>
    public static int SizeOfGate(int which)
    {
        CudaAsm.Emit("tile.gatesize %0, %1;", out int size, which);
        return size;
    }

    /// <summary>Reads one of the thread's rows of queries, 16 of each 64 bytes: its own.</summary>
    /// <param name="row">Which of the thread's rows, a constant.</param>
    /// <param name="address">Of the thread's first 16 bytes.</param>
    /// <param name="columns">Components left from there on; at most 0 where there is no such row.</param>
    public static void LoadQueryRow(int row, long address, int columns) => CudaAsm.Emit("tile.loadqueryrow %0, %1, %2;", row, address, columns);

    /// <summary>Takes a part of the queries, which this thread has written to shared memory.</summary>
    public static void LoadPart(int part) => CudaAsm.Emit("tile.loadpart %0;", part);

    /// <summary>Copies a tile of centroids, by all threads of the block.</summary>
    /// <param name="tile">Which of the tiles in shared memory.</param>
    /// <param name="address">Of the tile's first centroid.</param>
    /// <param name="first">The number of its block; those below 0 are not read.</param>
    public static void CopyCentroids(int tile, long address, int first) => CudaAsm.Emit("tile.copycentroids %0, %1, %2;", tile, address, first);

    /// <summary>S = 0.</summary>
    public static void ClearScores() => CudaAsm.Emit("tile.clearscores;");

    /// <summary>S = Q C^T of 16 centroids: of queries, of their positive part, or, added, of their negative part. Parts of sums are added, too.</summary>
    /// <param name="sign">0, 1 or 2, a constant.</param>
    /// <param name="tile">Which of the tiles in shared memory.</param>
    /// <param name="sixteenth">Which 16 of its centroids.</param>
    public static void GateScores(int sign, int tile, int sixteenth) => CudaAsm.Emit("tile.gatescores %0, %1, %2;", sign, tile, sixteenth);

    /// <summary>Writes S to one half of the group's scores.</summary>
    public static void StageScores(int half) => CudaAsm.Emit("tile.stagescores %0;", half);

    /// <summary>Marks what of S exceeds its row's threshold. What was marked before belongs to the half above.</summary>
    public static void MarkScores() => CudaAsm.Emit("tile.markscores;");

    /// <summary>What is marked of the lane's row in the group, a bit a column.</summary>
    public static int Marks()
    {
        CudaAsm.Emit("tile.marks %0;", out int marks);
        return marks;
    }

    /// <summary>A score of the lane's row in the group.</summary>
    public static float RowScore(int column)
    {
        CudaAsm.Emit("tile.rowscore %0, %1;", out float score, column);
        return score;
    }

    /// <summary>What seven scores of the lane's row in the group exceed, as closely as is cheap; NaN if there is none such.</summary>
    /// <param name="valid">The columns that count, a bit each.</param>
    public static float Floor(int valid)
    {
        CudaAsm.Emit("tile.floor %0, %1;", out float floor, valid);
        return floor;
    }

    /// <summary>Sets what is to be exceeded in each row, by the lanes that have their lists; a NaN is exceeded by all.</summary>
    public static void SetThresholds(float ofRow) => CudaAsm.Emit("tile.setthresholds %0;", ofRow);

    /// <summary>Empties the lane's list in registers, and has everything marked.</summary>
    /// <param name="wanted">Blocks that it is for.</param>
    public static void ClearList(int wanted) => CudaAsm.Emit("tile.clearlist %0;", wanted);

    /// <summary>Takes a score into the lane's list, if it is among the best; its block is below all that came before.</summary>
    public static void Insert(float score, int block) => CudaAsm.Emit("tile.insert %0, %1;", score, block);

    /// <summary>The least score of the lane's list; NaN where it is not full.</summary>
    public static float LeastKept()
    {
        CudaAsm.Emit("tile.leastkept %0;", out float least);
        return least;
    }

    /// <summary>Has the lane's list ascend by blocks, adds a number to them, and puts -1 behind.</summary>
    public static void SortBlocks(int first) => CudaAsm.Emit("tile.sortblocks %0;", first);

    /// <summary>Writes four of the sorted list, the first or the second, a constant.</summary>
    public static void StoreBlocks(int four, long address) => CudaAsm.Emit("tile.storeblocks %0, %1;", four, address);

    /// <summary>1 where all scores that were marked or not have been finite, and far from the largest float; else 0.</summary>
    public static int IsFinite()
    {
        CudaAsm.Emit("tile.isfinite %0;", out int isFinite);
        return isFinite;
    }

    /// <summary>The number of the highest bit that is set.</summary>
    public static int HighestBit(int bits)
    {
        CudaAsm.Emit("tile.highestbit %0, %1;", out int bit, bits);
        return bit;
    }

    /// <summary>Writes an element to device memory, rounded.</summary>
    public static void SetElement(long address, float value) => CudaAsm.Emit("tile.setelement %0, %1;", address, value);

    /// <summary>2 to a power, as the machine has it: 2^-22 off at most, 0 where it is below 2^-126.</summary>
    public static float Exp2(float power)
    {
        CudaAsm.Emit("tile.exp2 %0, %1;", out float value, power);
        return value;
    }

    /// <summary>The logarithm to base 2, as the machine has it.</summary>
    public static float Log2(float x)
    {
        CudaAsm.Emit("tile.log2 %0, %1;", out float value, x);
        return value;
    }

    /// <summary>What the first lane of the warp has.</summary>
    public static int OfFirstLane(int value)
    {
        CudaAsm.Emit("tile.offirstlane %0, %1;", out int result, value);
        return result;
    }

    /// <summary>The lanes of the warp where a condition holds.</summary>
    public static int Ballot(bool condition)
    {
        CudaAsm.Emit("tile.ballot %0, %1;", out int lanes, condition);
        return lanes;
    }

    /// <summary>The number of the lowest bit that is set.</summary>
    public static int LowestBit(int bits)
    {
        CudaAsm.Emit("tile.lowestbit %0, %1;", out int bit, bits);
        return bit;
    }
}
