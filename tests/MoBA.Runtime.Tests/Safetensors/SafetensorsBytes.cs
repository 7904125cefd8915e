using System.Buffers.Binary;
using System.Text;

namespace MoBA.Runtime.Tests;

/// <summary>Files made by hand, byte by byte, so that the reader is not only tested against our own writer.</summary>
internal static class SafetensorsBytes
{
    /// <summary>A header of that text and that many bytes of data, 0, 1, 2, ...</summary>
    public static byte[] File(string json, int dataBytes) => File(Encoding.UTF8.GetBytes(json), dataBytes);

    public static byte[] File(byte[] json, int dataBytes)
    {
        byte[] file = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)json.Length);
        json.CopyTo(file, 8);
        for (int i = 0; i < dataBytes; i++)
        {
            file[8 + json.Length + i] = (byte)i;
        }

        return file;
    }

    /// <summary>One tensor <c>q</c> of the given fields.</summary>
    public static string One(string dtype = "F32", string shape = "[2,3]", string offsets = "[0,24]") =>
        $$"""{"q":{"dtype":"{{dtype}}","shape":{{shape}},"data_offsets":{{offsets}} } }""";

    /// <summary>Tensors of each dtype that is read, with metadata.</summary>
    public static byte[] Mixed() => File("""
        {"__metadata__":{"layer":"4","note":"a \u00e4 \"quoted\" text"},
         "q":{"dtype":"F32","shape":[2,1,3],"data_offsets":[0,24]},
         "k":{"dtype":"F16","shape":[2,2],"data_offsets":[24,32]},
         "v":{"dtype":"BF16","shape":[4],"data_offsets":[32,40]},
         "cu_seqlens":{"dtype":"I32","shape":[3],"data_offsets":[40,52]},
         "empty":{"dtype":"F32","shape":[0,4],"data_offsets":[52,52]},
         "scalar":{"dtype":"F32","shape":[],"data_offsets":[52,56]}}
        """, 56);
}
