using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Athanor.Compute.Numerics;

namespace Compute.Tests.Data;

/// <summary>Data that are shipped are those whose licences allow it, as their sources gave them.</summary>
public sealed partial class ShippedDataTests
{
    private static readonly string[] Shipped =
    [
        "digits/optdigits.tra.gz", "kinetics/alpha_pinene.csv", "kinetics/methanol_to_hydrocarbons.csv", "sysid/cascaded_tanks_estimation.csv",
        "sysid/tclab_heater.csv.gz", "tabular/airfoil_self_noise_centred.csv", "tabular/yacht_hydrodynamics.csv",
    ];

    private static readonly string[] Texts = ["README.md", "ATTRIBUTION.md", "LICENSE.txt", "LICENSE-APACHE-2.0.txt"];

    [Fact]
    public void Every_file_is_one_that_may_be_shipped_and_has_the_checksum_that_its_readme_gives()
    {
        var root = RepositoryFiles.Path("data");
        var files = Directory.GetFiles(root, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(root, path).Replace('\\', '/')).Where(file => !Texts.Contains(Path.GetFileName(file))).ToArray();
        Assert.Equal(Shipped.Order(), files.Where(static file => !Tep().IsMatch(file)).Order());
        Assert.Equal(34, files.Count(Tep().IsMatch));
        Assert.All(files, file =>
        {
            var path = Path.Combine(root, file);
            var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, "README.md"));
            Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))), readme, StringComparison.Ordinal);
        });
    }

    [GeneratedRegex(@"^tep/d[0-9]{2}(_te)?\.dat\.gz$")]
    private static partial Regex Tep();
}
