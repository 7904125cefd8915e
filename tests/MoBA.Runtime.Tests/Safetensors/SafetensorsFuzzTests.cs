using System.Text;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Damaged files by the hundred thousand: the only exception is <see cref="SafetensorsException"/>, and memory stays
/// near the size of the file.</summary>
public sealed class SafetensorsFuzzTests
{
    private const int Files = 120_000;

    /// <summary>Bytes that one reading may allocate besides its share of the file: readers, and an exception with its trace.</summary>
    private const int Overhead = 16 * 1024;

    private static readonly string[] _tokens =
    [
        "{", "}", "[", "]", "\"", ":", ",", "0", "-1", "9", "99999999999", "9223372036854775807", "1e9", "null", "true", "\\u0000",
        "\\ud800", "__metadata__", "dtype", "shape", "data_offsets", "F32", "F16", "BF16", "I32", "I64", "BOOL", "\"q\"", "[]", "{}",
    ];

    [Fact]
    public void Mutated_files_are_read_or_refused()
    {
        byte[][] seeds =
        [
            SafetensorsBytes.Mixed(),
            SafetensorsBytes.File(SafetensorsBytes.One(), 24),
            SafetensorsBytes.File("{}", 0),
            SafetensorsBytes.File(SafetensorsBytes.One("BF16", "[2,2,3]"), 24),
        ];
        var random = new Random(20240607);
        int read = 0, refused = 0;
        long worst = 0;
        for (int i = 0; i < Files; i++)
        {
            byte[] file = Mutate(seeds[i % seeds.Length], random);
            bool accepted = TryRead(file, out long allocated);
            if (allocated > Overhead)
            {
                // What the runtime itself loads on the first use of anything is paid once.
                TryRead(file, out allocated);
            }

            (read, refused) = accepted ? (read + 1, refused) : (read, refused + 1);
            worst = Math.Max(worst, allocated);
        }

        Assert.True(worst < Overhead, $"A reading allocated {worst} bytes more than four times its file.");
        Assert.True(read > Files / 100 && refused > Files / 2, $"The mutations are too weak or too strong: {read} read, {refused} refused.");
    }

    /// <summary>What a large claim in a small file would cost: nothing.</summary>
    [Theory]
    [InlineData("[268435456,8]", "[0,8589934592]")]
    [InlineData("[2305843009213693951]", "[0,9223372036854775804]")]
    public void A_claim_of_gigabytes_allocates_nothing(string shape, string offsets)
    {
        byte[] file = SafetensorsBytes.File(SafetensorsBytes.One("F32", shape, offsets), 24);
        Assert.False(TryRead(file, out _));
        Assert.False(TryRead(file, out long allocated));
        Assert.True(allocated < Overhead, $"{allocated} bytes");
    }

    /// <summary>Reads everything in a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="allocated">Bytes allocated beyond four times the file's.</param>
    /// <returns>Whether it was accepted.</returns>
    private static bool TryRead(byte[] file, out long allocated)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool accepted = true;
        try
        {
            ReadAll(file);
        }
        catch (SafetensorsException error)
        {
            accepted = false;
            Assert.False(error.Message.Contains('\n', StringComparison.Ordinal) || error.Message.Contains('\e', StringComparison.Ordinal), error.Message);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - before - (4 * file.Length);
        return accepted;
    }

    private static void ReadAll(byte[] bytes)
    {
        using SafetensorsFile file = SafetensorsFile.Read(bytes);
        foreach (string name in file.Names)
        {
            SafetensorsDtype dtype = file.Entry(name).Dtype;
            _ = dtype switch
            {
                SafetensorsDtype.I32 => (object)file.Get<int>(name),
                SafetensorsDtype.F16 => file.Get<Half>(name),
                SafetensorsDtype.BF16 => file.Get<BFloat16>(name),
                _ => file.Get<float>(name),
            };
        }
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        List<byte> file = [.. seed];
        for (int edits = 1 + random.Next(3); edits > 0; edits--)
        {
            int at = random.Next(file.Count + 1);
            int run = Math.Min(random.Next(1, 9), file.Count - at);
            switch (random.Next(8))
            {
                case 0 when run > 0:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when run > 0:
                    file[at] = (byte)random.Next(256);
                    break;
                case 2:
                    file.RemoveRange(at, run);
                    break;
                case 3:
                    file.InsertRange(at, file.GetRange(at, run));
                    break;
                case 4:
                    file.RemoveRange(at, file.Count - at);
                    break;
                case 5:
                    Splice(file, random, replace: false);
                    break;
                case 6:
                    Splice(file, random, replace: true);
                    break;
                default:
                    NudgeDigit(file, random);
                    break;
            }
        }

        return [.. file];
    }

    /// <summary>Puts a word of the format into the header and, mostly, mends the length of the header, so that the parser and
    /// not the prefix judges it.</summary>
    private static void Splice(List<byte> file, Random random, bool replace)
    {
        if (file.Count < 10)
        {
            return;
        }

        byte[] token = Encoding.UTF8.GetBytes(_tokens[random.Next(_tokens.Length)]);
        int header = Math.Min(file[0] | (file[1] << 8), file.Count - 8);
        int at = 8 + random.Next(header + 1);
        int removed = replace ? Math.Min(token.Length, file.Count - at) : 0;
        file.RemoveRange(at, removed);
        file.InsertRange(at, token);
        if (random.Next(4) > 0)
        {
            int length = header + token.Length - removed;
            (file[0], file[1]) = ((byte)length, (byte)(length >> 8));
        }
    }

    private static void NudgeDigit(List<byte> file, Random random)
    {
        int first = random.Next(file.Count + 1);
        int at = file.FindIndex(Math.Min(first, file.Count), value => value is >= (byte)'0' and <= (byte)'9');
        if (at >= 0)
        {
            file[at] = (byte)('0' + random.Next(10));
        }
    }
}
