using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

public sealed class KernelCacheTests : CacheFixture
{
    [Fact]
    public void What_is_written_is_read_by_another_cache_of_the_folder()
    {
        Cache().Write("ab", [1, 2, 3]);
        KernelCache other = Cache();
        Assert.False(other.IsEmpty);
        Assert.Equal([1, 2, 3], other.Read("ab"));
        Assert.Null(other.Read("cd"));
        Assert.Empty(Log.Lines);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(-1)]
    public void A_damaged_entry_is_deleted_and_reported(int length)
    {
        KernelCache cache = Cache();
        cache.Write("ab", [1, 2, 3]);
        byte[] bytes = File.ReadAllBytes(Entries[0]);
        bytes[^1] ^= (byte)(length < 0 ? 1 : 0);
        File.WriteAllBytes(Entries[0], length < 0 ? bytes : bytes[..length]);
        Assert.Null(cache.Read("ab"));
        Assert.Empty(Entries);
        Assert.Contains("damaged", Assert.Single(Log.Warnings));
        cache.Write("ab", [4]);
        Assert.Equal([4], cache.Read("ab"));
    }

    [Fact]
    public void An_entry_under_another_key_is_damaged()
    {
        KernelCache cache = Cache();
        cache.Write("ab", [1, 2, 3]);
        File.Move(Entries[0], Entries[0].Replace("ab.", "cd.", StringComparison.Ordinal));
        Assert.Null(cache.Read("cd"));
        Assert.Empty(Entries);
    }

    [Fact]
    public void Beyond_the_limit_the_least_recently_used_entries_go()
    {
        KernelCache cache = Cache(limit: 3 * (32 + 100));
        foreach (string key in (string[])["a", "b", "c"])
            cache.Write(key, new byte[100]);
        DateTime old = DateTime.UtcNow.AddMinutes(-10);
        foreach (string entry in Entries.Order(StringComparer.Ordinal))      // written within one tick of the file system's clock
            File.SetLastWriteTimeUtc(entry, old = old.AddMinutes(1));
        Assert.NotNull(cache.Read("a"));
        cache.Write("d", new byte[100]);
        Assert.NotNull(cache.Read("a"));
        Assert.Null(cache.Read("b"));
        Assert.NotNull(cache.Read("c"));
        Assert.NotNull(cache.Read("d"));
    }

    [Fact]
    public void An_entry_beyond_the_limit_leaves_the_others()
    {
        KernelCache cache = Cache(limit: 200);
        cache.Write("a", new byte[100]);
        cache.Write("b", new byte[200]);
        Assert.NotNull(cache.Read("a"));
        Assert.Null(cache.Read("b"));
    }

    [Fact]
    public void What_was_left_half_written_goes_after_an_hour()
    {
        KernelCache cache = Cache();
        string late = Path.Combine(Folder, ".ab.moba.1.tmp"), present = Path.Combine(Folder, ".ab.moba.2.tmp");
        File.WriteAllBytes(late, [1]);
        File.WriteAllBytes(present, [1]);
        File.SetLastWriteTimeUtc(late, DateTime.UtcNow.AddHours(-2));
        cache.Write("cd", [1]);
        Assert.False(File.Exists(late));
        Assert.True(File.Exists(present));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_logged_once_and_costs_the_cache_alone()
    {
        File.WriteAllBytes(Folder, []);
        KernelCache cache = Cache();
        cache.Write("ab", [1]);
        Assert.Null(cache.Read("ab"));
        Assert.Null(cache.Folder);
        Assert.Contains(Folder, Assert.Single(Log.Warnings));
        File.Delete(Folder);
        Directory.CreateDirectory(Folder);
    }

    [Fact]
    public void A_folder_that_goes_away_is_logged_once()
    {
        KernelCache cache = Cache();
        Directory.Delete(Folder);
        cache.Write("ab", [1]);
        cache.Write("cd", [1]);
        Assert.Null(cache.Read("ab"));
        Assert.Contains(Folder, Assert.Single(Log.Warnings));
    }

    [Fact]
    public async Task Many_writers_of_one_key_leave_one_of_their_entries()
    {
        byte[][] values = [.. Enumerable.Range(0, 8).Select(static i => Enumerable.Repeat((byte)i, 50_000).ToArray())];
        await Task.WhenAll(values.Select(value => Task.Run(() =>
        {
            for (int i = 0; i < 10; i++)
            {
                KernelCache cache = Cache(1 << 24);
                cache.Write("ab", value);
                byte[] read = Assert.IsType<byte[]>(cache.Read("ab"));
                Assert.Equal(50_000, read.Length);
                Assert.All(read, b => Assert.Equal(read[0], b));
            }
        })));
        Assert.Single(Entries);
        Assert.Empty(Log.Lines);
    }

    [Theory]
    [InlineData("off", null, null, null)]
    [InlineData("OFF", "/x", "/h", null)]
    [InlineData("/some/where", "/x", "/h", "/some/where")]
    [InlineData(null, "/x", "/h", "/x/moba")]
    [InlineData("", "", "/h", "/h/.cache/moba")]
    [InlineData(null, "relative", "/h", "/h/.cache/moba")]
    public void The_environment_names_the_folder(string? named, string? caches, string? home, string? wanted)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix paths");
        (string? path, string reason) = CacheFolder.Of(name => name switch
        {
            "MOBA_CACHE" => named,
            "XDG_CACHE_HOME" => caches,
            "HOME" => home,
            _ => throw new ArgumentException(name),
        });
        Assert.Equal(wanted, path);
        Assert.Empty(reason);
    }

    [Fact]
    public void Without_a_home_the_log_says_what_to_set()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix variables");
        KernelCache cache = KernelCache.Open(static _ => null, Log);
        Assert.Null(cache.Folder);
        Assert.Contains("MOBA_CACHE", Assert.Single(Log.Warnings));
    }

    [Theory]
    [InlineData("much")]
    [InlineData("0")]
    [InlineData("-1")]
    public void A_limit_that_is_no_number_of_bytes_is_reported(string limit)
    {
        KernelCache.Open(name => name == "MOBA_CACHE_BYTES" ? limit : Folder, Log);
        Assert.Contains($"MOBA_CACHE_BYTES={limit}", Assert.Single(Log.Warnings));
    }

    [Fact]
    public void The_environment_names_the_limit()
    {
        KernelCache cache = KernelCache.Open(name => name == "MOBA_CACHE_BYTES" ? "140" : Folder, Log);
        cache.Write("a", new byte[100]);
        cache.Write("b", new byte[100]);
        Assert.Single(Entries);
        cache.Write("c", new byte[110]);
        Assert.Null(cache.Read("c"));
    }

    [Fact]
    public void A_new_folder_is_its_users_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix modes");
            return;
        }

        Cache();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_folder_that_others_may_write_to_is_not_trusted(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix modes");
            return;
        }

        Cache().Write("ab", [1]);
        File.SetUnixFileMode(Folder, File.GetUnixFileMode(Folder) | mode);
        KernelCache cache = Cache();
        Assert.Null(cache.Read("ab"));
        Assert.Null(cache.Folder);
        Assert.Contains("chmod go-w", Assert.Single(Log.Warnings));
    }

    [Fact]
    public void A_folder_of_another_user_is_not_trusted()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "owners are asked of Linux");
        string folder = Environment.UserName == "root" ? Folder : "/";
        Directory.CreateDirectory(folder);
        Assert.True(folder == "/" || ChangeOwner(folder, 65534, 65534) == 0);
        Assert.Contains("belongs to another user", CacheFolder.Prepare(folder));
    }

    [DllImport("libc", EntryPoint = "chown")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwner([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint owner, uint group);
}
