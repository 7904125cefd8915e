using System.Text;

namespace MoBA.Benchmarks;

/// <summary>Writes an ONNX model of one com.microsoft.GroupQueryAttention node: a dozen protobuf fields, so no package is needed.</summary>
internal static class OnnxModel
{
    private const int FloatType = 1;
    private const int Int32Type = 6;

    /// <summary>The model's bytes: query, key and value [1, tokens, heads * dim], seqlens_k [1] (key tokens - 1) and
    /// total_sequence_length [] in, output [1, tokens, heads * dim] out. A window of -1 is dense causal attention.</summary>
    public static byte[] GroupQueryAttention(int queryHeads, int keyHeads, int window)
    {
        byte[] node = [
            .. Text(1, "query"), .. Text(1, "key"), .. Text(1, "value"), .. Text(1, ""), .. Text(1, ""),
            .. Text(1, "seqlens_k"), .. Text(1, "total_sequence_length"),
            .. Text(2, "output"), .. Text(2, "present_key"), .. Text(2, "present_value"),
            .. Text(4, "GroupQueryAttention"), .. Text(7, "com.microsoft"),
            .. Attribute("num_heads", queryHeads), .. Attribute("kv_num_heads", keyHeads), .. Attribute("local_window_size", window)];
        byte[] graph = [
            .. Message(1, node), .. Text(2, "attention"),
            .. Value(11, "query", FloatType, 3), .. Value(11, "key", FloatType, 3), .. Value(11, "value", FloatType, 3),
            .. Value(11, "seqlens_k", Int32Type, 1), .. Value(11, "total_sequence_length", Int32Type, 0),
            .. Value(12, "output", FloatType, 3)];
        return [.. Number(1, 8), .. Message(7, graph), .. Operators("", 17), .. Operators("com.microsoft", 1)];
    }

    private static byte[] Operators(string domain, int version) => Message(8, [.. Text(1, domain), .. Number(2, version)]);

    private static byte[] Attribute(string name, int value) => Message(5, [.. Text(1, name), .. Number(3, value), .. Number(20, 2)]);

    private static byte[] Value(int field, string name, int type, int rank)
    {
        byte[] shape = [.. Enumerable.Range(0, rank).SelectMany(i => Message(1, Text(2, $"{name}_{i}")))];
        byte[] tensor = [.. Number(1, type), .. Message(2, shape)];
        return Message(field, [.. Text(1, name), .. Message(2, Message(1, tensor))]);
    }

    private static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Message(int field, byte[] bytes) => [.. Varint((ulong)(field << 3 | 2)), .. Varint((ulong)bytes.Length), .. bytes];

    private static byte[] Number(int field, long value) => [.. Varint((ulong)(field << 3)), .. Varint((ulong)value)];

    private static IEnumerable<byte> Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            yield return (byte)(value | 0x80);
        yield return (byte)value;
    }
}
