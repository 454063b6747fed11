using Athanor.Nodes.Local;

namespace Nodes.Tests.Cli;

public sealed class LastClusterTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("athanor-last-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Fact]
    public void The_configuration_that_was_started_last_is_found_by_its_full_path()
    {
        Assert.Null(LastCluster.Find(_work));
        foreach (var name in (string[])["one.hocon", "two.hocon"])
        {
            File.WriteAllText(Path.Combine(_work, name), "");
            LastCluster.Remember(_work, name);
            Assert.Equal(Path.Combine(_work, name), LastCluster.Find(_work));
        }
        Assert.Equal([LastCluster.FileIn(_work)], Directory.GetFiles(Path.GetDirectoryName(LastCluster.FileIn(_work))!));
    }

    [Fact]
    public void One_that_is_gone_and_a_file_that_says_nothing_are_as_good_as_none()
    {
        LastCluster.Remember(_work, "never-there.hocon");
        Assert.Null(LastCluster.Find(_work));
        File.WriteAllText(LastCluster.FileIn(_work), "");
        Assert.Null(LastCluster.Find(_work));
    }

    [Fact]
    public void A_working_directory_in_which_nothing_can_be_written_is_no_error()
    {
        // A file where the folder should be stops everybody, also whoever may do everything.
        File.WriteAllText(Path.Combine(_work, ".athanor"), "");
        LastCluster.Remember(_work, "some.hocon");
        Assert.Null(LastCluster.Find(_work));
    }
}
