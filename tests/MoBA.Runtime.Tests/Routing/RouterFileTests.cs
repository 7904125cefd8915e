using System.Numerics.Tensors;
using System.Text;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Routers as files, whole and damaged.</summary>
public sealed class RouterFileTests : IDisposable
{
    // JSON with ' for ".
    private const string Metadata = "'__metadata__':{'kind':'moba-router','version':'1'},";
    private const string Weights = "'weights':{'dtype':'F32','shape':[1,2,2],'data_offsets':[0,16]}";
    private const string Bias = "'bias':{'dtype':'F32','shape':[1,2],'data_offsets':[16,24]}";
    private readonly string _folder = Directory.CreateTempSubdirectory("moba-router-").FullName;

    private string File => Path.Combine(_folder, "router.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_saved_is_loaded()
    {
        Router saved = Random(["Near", "Far \"quoted\", ä"]);
        saved.Save(File);
        Router loaded = Router.Load(File);
        Assert.Equal((3, 2, 8), (loaded.Heads, loaded.Experts, loaded.Dim));
        Assert.Equal(Inputs.Floats(saved.Weights), Inputs.Floats(loaded.Weights));
        Assert.Equal(Inputs.Floats(saved.Bias), Inputs.Floats(loaded.Bias));
        Assert.Equal(saved.ExpertNames, loaded.ExpertNames);

        Random(null).Save(File);
        Assert.Null(Router.Load(File).ExpertNames);
        Assert.Equal([File], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_file_of_another_program_is_a_router_too()
    {
        Write(Metadata + Weights + "," + Bias, [1, 2, 3, 4, 5, 6]);
        Router router = Router.Load(File);
        Assert.Equal([1f, 2, 3, 4], Inputs.Floats(router.Weights));
        Assert.Equal([5f, 6], Inputs.Floats(router.Bias));
    }

    [Fact]
    public void A_cancelled_save_leaves_the_old_file()
    {
        Router old = Random(null);
        old.Save(File);
        Assert.Throws<OperationCanceledException>(() => new Router(Tensor.Create([1f], [1, 1, 1])).Save(File, new CancellationToken(canceled: true)));
        Assert.Equal(Inputs.Floats(old.Weights), Inputs.Floats(Router.Load(File).Weights));
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        Random(["a", "b"]).Save(File);
        byte[] whole = System.IO.File.ReadAllBytes(File);
        for (int length = 0; length < whole.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            Assert.StartsWith($"{File}: ", Assert.Throws<SafetensorsException>(() => Router.Load(File)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(Weights, "'bias':{'dtype':'F16','shape':[2,2],'data_offsets':[16,24]}", "Tensor 'bias' is F16 [2, 2] and F32 is wanted")]
    [InlineData(Weights, "'bias':{'dtype':'F32','shape':[2,1],'data_offsets':[16,24]}", "Tensor 'bias' is F32 [2, 1] and F32 [query heads, experts], which is [1, 2] for these weights is wanted")]
    [InlineData(Weights, "'b':{'dtype':'F32','shape':[1,2],'data_offsets':[16,24]}", "There is no tensor 'bias'; the file holds 'weights', 'b'")]
    [InlineData("'weights':{'dtype':'F32','shape':[2,2],'data_offsets':[0,16]}", Bias, "Tensor 'weights' is F32 [2, 2] and F32 [query heads, experts, dim] is wanted")]
    [InlineData("'weights':{'dtype':'I32','shape':[1,2,2],'data_offsets':[0,16]}", Bias, "Tensor 'weights' is I32 [1, 2, 2] and F32 is wanted")]
    public void Wrong_tensors_are_named(string weights, string bias, string message) =>
        AssertRefused(Metadata + weights + "," + bias, message);

    [Theory]
    [InlineData("", "The metadata's 'kind' is missing and 'moba-router' is wanted")]
    [InlineData("'__metadata__':{'kind':'model','version':'1'},", "The metadata's 'kind' is 'model' and 'moba-router' is wanted")]
    [InlineData("'__metadata__':{'kind':'moba-router','version':'2'},", "The metadata's 'version' is '2' and '1' is wanted")]
    [InlineData("'__metadata__':{'kind':'moba-router','version':'1','experts':'a, b'},", "The metadata's 'experts' is 'a, b' and a JSON array of 2 names is wanted")]
    [InlineData(@"'__metadata__':{'kind':'moba-router','version':'1','experts':'[\'a\']'},", """The metadata's 'experts' is '["a"]' and a JSON array of 2 names is wanted""")]
    [InlineData(@"'__metadata__':{'kind':'moba-router','version':'1','experts':'[\'a\',null]'},", """The metadata's 'experts' is '["a",null]' and a JSON array of 2 names is wanted""")]
    public void Wrong_metadata_is_named(string metadata, string message) => AssertRefused(metadata + Weights + "," + Bias, message);

    [Theory]
    [InlineData(float.NaN, 5)]
    [InlineData(float.PositiveInfinity, 0)]
    public void Numbers_that_are_not_finite_are_named(float bad, int place)
    {
        float[] numbers = [1, 2, 3, 4, 5, 6];
        numbers[place] = bad;
        AssertRefused(
            Metadata + Weights + "," + Bias,
            place < 4 ? "Tensor 'weights' is F32 [1, 2, 2] and has Infinity at flat index 0" : "Tensor 'bias' is F32 [1, 2] and has NaN at flat index 1", numbers);
    }

    private void AssertRefused(string header, string message, params float[] numbers)
    {
        Write(header, numbers.Length == 0 ? [1, 2, 3, 4, 5, 6] : numbers);
        string found = Assert.Throws<SafetensorsException>(() => Router.Load(File)).Message;
        Assert.StartsWith($"{File}: {message}", found, StringComparison.Ordinal);
    }

    private void Write(string header, float[] numbers)
    {
        byte[] file = SafetensorsBytes.File(Encoding.UTF8.GetBytes($"{{{header.Replace('\'', '"')}}}"), numbers.Length * sizeof(float));
        for (int i = 0; i < numbers.Length; i++)
            BitConverter.TryWriteBytes(file.AsSpan(file.Length - ((numbers.Length - i) * sizeof(float))), numbers[i]);
        System.IO.File.WriteAllBytes(File, file);
    }

    private static Router Random(string[]? names) =>
        new(Inputs.Normal<float>(1, 3, 2, 8), Tensor.Create([1f, 2, 3, 4, 5, 6], [3, 2])) { ExpertNames = names };
}
