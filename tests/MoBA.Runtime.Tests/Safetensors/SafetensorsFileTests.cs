using Xunit;


namespace MoBA.Runtime.Tests;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void Reads_every_dtype_and_the_metadata()
    {
        using SafetensorsFile file = SafetensorsFile.Read(SafetensorsBytes.Mixed());

        Assert.Equal(["q", "k", "v", "cu_seqlens", "empty", "scalar"], file.Names);
        Assert.Equal("a ä \"quoted\" text", file.Metadata["note"]);
        Assert.Equal(BitConverter.ToSingle([4, 5, 6, 7]), file.Get<float>("q")[0, 0, 1]);
        Assert.Equal(BitConverter.ToHalf([26, 27]), file.Get<Half>("k")[0, 1]);
        Assert.Equal(new BFloat16(0x2120), file.Get<BFloat16>("v")[0]);
        Assert.Equal(0x2B2A2928, file.Get<int>("cu_seqlens")[0]);
        Assert.Equal(0, file.Get<float>("empty").FlattenedLength);
        Assert.Equal([2, 1, 3], file.Get<float>("q").Lengths.ToArray());
    }

    [Fact]
    public void Converts_half_types_to_float_exactly()
    {
        using SafetensorsFile file = SafetensorsFile.Read(SafetensorsBytes.Mixed());

        Assert.Equal((float)BitConverter.ToHalf([24, 25]), file.GetAsFloat("k")[0, 0]);
        Assert.Equal((float)new BFloat16(0x2322), file.GetAsFloat("v")[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reads_streams_that_seek_and_streams_that_do_not(bool seeks)
    {
        byte[] bytes = SafetensorsBytes.Mixed();
        using Stream stream = seeks ? new MemoryStream([9, 9, .. bytes]) { Position = 2 } : new Trickle(bytes);
        using SafetensorsFile file = SafetensorsFile.Read(stream);

        Assert.Equal(0x2B2A2928, file.Get<int>("cu_seqlens")[0]);
        Assert.Equal(6, file.GetAsFloat("q").FlattenedLength);
    }

    [Fact]
    public void Refuses_a_stream_without_end_before_it_fills_memory()
    {
        byte[] header = SafetensorsBytes.File(SafetensorsBytes.One(), 0);
        using Stream endless = new Trickle(header, endless: true);
        SafetensorsException error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(endless));
        Assert.Contains("after its last tensor", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_names_and_types_are_told_apart()
    {
        using SafetensorsFile file = SafetensorsFile.Read(SafetensorsBytes.Mixed());

        Assert.Contains("no tensor 'w'; the file holds 'q', 'k'", Message(() => file.Get<float>("w")), StringComparison.Ordinal);
        Assert.Contains("'k' is F16 [2, 2] and F32 is wanted", Message(() => file.Get<float>("k")), StringComparison.Ordinal);
        Assert.Contains("'cu_seqlens' is I32 [3] and F32, F16 or BF16 is wanted", Message(() => file.GetAsFloat("cu_seqlens")), StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => file.Get<double>("q"));
    }

    [Fact]
    public void A_dtype_that_is_not_read_is_stepped_over()
    {
        string json = """{"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"q":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}""";
        using SafetensorsFile file = SafetensorsFile.Read(SafetensorsBytes.File(json, 20));

        Assert.Equal(1, file.Get<float>("q").FlattenedLength);
        Assert.Contains("'ids' is I64 [2]", Message(() => file.Get<int>("ids")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_is_named_in_the_error()
    {
        string path = Path.Combine(Path.GetTempPath(), $"damaged-{Guid.NewGuid():N}.safetensors");
        File.WriteAllBytes(path, [1, 2, 3]);
        try
        {
            Assert.StartsWith(path, Message(() => SafetensorsFile.Read(path)), StringComparison.Ordinal);
            File.Delete(path);   // and it is closed again
        }
        finally
        {
            File.Delete(path);
        }

        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Read(path));
    }

    private static string Message(Action action) => Assert.Throws<SafetensorsException>(action).Message;

    /// <summary>A pipe: a few bytes at a time, no length, no seeking.</summary>
    private sealed class Trickle(byte[] bytes, bool endless = false) : Stream
    {
        private int _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int given = endless && _position == bytes.Length ? count : Math.Min(Math.Min(count, 5), bytes.Length - _position);
            if (_position < bytes.Length)
            {
                bytes.AsSpan(_position, given).CopyTo(buffer.AsSpan(offset));
                _position += given;
            }

            return given;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
