using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Every way that a file can be wrong, with the words that the reader finds for it.</summary>
public sealed class SafetensorsDamageTests
{
    public static TheoryData<string, string, string> Headers() => new()
    {
        { "no object", "[1]", "not a JSON object" },
        { "no JSON", "{\"q\":", "not valid JSON" },
        { "text after the object", "{} x", "not valid JSON" },
        { "deep nesting", "{\"q\":{\"shape\":[[[[[[[[[1]]]]]]]]]}}", "" },
        { "tensor is a number", "{\"q\":1}", "not described by a JSON object" },
        { "metadata is a list", "{\"__metadata__\":[]}", "__metadata__ is not one JSON object" },
        { "metadata value is a number", "{\"__metadata__\":{\"a\":1}}", "a value that is not text" },
        { "metadata key twice", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "names a key twice" },
        { "lone surrogate", "{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", "no Unicode" },
        { "unknown dtype", SafetensorsBytes.One(dtype: "F31"), "unknown dtype 'F31'" },
        { "long dtype", SafetensorsBytes.One(dtype: new('F', 1000)), "a dtype that is not a short text" },
        { "dtype twice", SafetensorsBytes.One().Replace("\"dtype\"", "\"dtype\":\"F32\",\"dtype\"", StringComparison.Ordinal), "unknown or repeated field" },
        { "unknown field", SafetensorsBytes.One().Replace("\"dtype\"", "\"offset\":0,\"dtype\"", StringComparison.Ordinal), "unknown or repeated field" },
        { "no dtype", "{\"q\":{\"shape\":[6],\"data_offsets\":[0,24]}}", "lacks a field" },
        { "no offsets", "{\"q\":{\"dtype\":\"F32\",\"shape\":[6]}}", "lacks a field" },
        { "one offset", SafetensorsBytes.One(offsets: "[24]"), "lacks a field" },
        { "negative length", SafetensorsBytes.One(shape: "[-2,-3]"), "shape that are not" },
        { "length with a point", SafetensorsBytes.One(shape: "[2.0,3]"), "shape that are not" },
        { "length is text", SafetensorsBytes.One(shape: "[\"2\",3]"), "shape that are not" },
        { "shape is no list", SafetensorsBytes.One(shape: "6"), "shape that are not" },
        { "rank 17", SafetensorsBytes.One(shape: "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6]"), "shape that are not" },
        { "product overflows to 24", SafetensorsBytes.One(shape: "[4611686018427387905,6]"), "more bytes than any file holds" },
        { "product overflows beside a zero", SafetensorsBytes.One(shape: "[0,4611686018427387905,8]", offsets: "[0,0]"), "more bytes than any file holds" },
        { "length over 63 bits", SafetensorsBytes.One(shape: "[18446744073709551616]"), "shape that are not" },
        { "shape and offsets differ", SafetensorsBytes.One(shape: "[2,2]"), "takes 16 bytes as F32 [2, 2], and its data_offsets hold 24" },
        { "offsets descend", SafetensorsBytes.One(shape: "[0]", offsets: "[24,0]"), "before its start" },
        { "negative offset", SafetensorsBytes.One(offsets: "[-24,0]"), "data_offsets that are not" },
        { "offset past the end", SafetensorsBytes.One(shape: "[7]", offsets: "[0,28]"), "'q' ends at byte 28 of the data, and the file holds 24" },
        { "hole at the start", SafetensorsBytes.One(shape: "[5]", offsets: "[4,24]"), "leaves a hole after byte 0" },
        { "bytes that belong to no tensor", SafetensorsBytes.One(shape: "[5]", offsets: "[0,20]"), "4 bytes after its last tensor" },
        { "name twice", Two("q", "[0,12]", "q", "[12,24]"), "'q' is named twice" },
        { "overlap", Two("q", "[0,12]", "k", "[8,20]"), "inside the tensor that ends at 12" },
        { "hole", Two("q", "[0,12]", "k", "[16,28]"), "leaves a hole after byte 12" },
        { "control characters in a name", SafetensorsBytes.One(shape: "[5]").Replace("\"q\"", "\"q\\n\\u001b[31m\"", StringComparison.Ordinal), "'q??[31m' takes 20 bytes" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void A_wrong_header_is_refused_in_one_line(string what, string json, string says)
    {
        byte[] file = SafetensorsBytes.File(json, 24);
        SafetensorsException error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(file));
        Assert.True(error.Message.Contains(says, StringComparison.Ordinal), $"{what}: {error.Message}");
        Assert.DoesNotContain('\n', error.Message);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);

        using var stream = new MemoryStream(file);
        Assert.Equal(error.Message, Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(stream)).Message);
    }

    [Fact]
    public void A_header_that_is_not_UTF8_is_refused()
    {
        byte[] json = Encoding.UTF8.GetBytes(SafetensorsBytes.One());
        json[2] = 0xFF;
        SafetensorsException error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(SafetensorsBytes.File(json, 24)));
        Assert.Contains("not UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0UL, "not valid JSON")]
    [InlineData(50UL, "")]
    [InlineData(1000UL, "cut short")]
    [InlineData(100_000_001UL, "not safetensors")]
    [InlineData(ulong.MaxValue, "not safetensors")]
    [InlineData(0x8000_0000_0000_0000UL, "not safetensors")]
    public void A_wrong_header_length_is_refused(ulong length, string says)
    {
        byte[] file = SafetensorsBytes.File(SafetensorsBytes.One(), 24);
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        SafetensorsException error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(file));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "\"{0}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", "")]
    [InlineData("\"__metadata__\":{", "\"{0}\":\"\"", "}")]
    public void A_header_of_too_many_entries_is_refused(string open, string entry, string close)
    {
        byte[] Names(int count) =>
            SafetensorsBytes.File($"{{{open}{string.Join(',', Enumerable.Range(0, count).Select(i => string.Format(null, entry, i)))}{close}}}", 0);

        // The key __metadata__ itself is no entry, and the last that fits is taken.
        SafetensorsFile.Read(Names(65_536)).Dispose();
        SafetensorsException error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(Names(65_537)));
        Assert.Contains("more than 65536 tensors and metadata keys; split the file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] file = SafetensorsBytes.Mixed();
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(file.AsMemory(0, length)));
        }
    }

    private static string Two(string first, string firstOffsets, string second, string secondOffsets) =>
        $$"""
        {"{{first}}":{"dtype":"F32","shape":[3],"data_offsets":{{firstOffsets}} },
         "{{second}}":{"dtype":"F32","shape":[3],"data_offsets":{{secondOffsets}} } }
        """;
}
