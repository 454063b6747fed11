using System.Security.Cryptography;
using System.Text;
using Athanor.Compute.Trust;

namespace Athanor.Compute.Tests.Trust;

public class MerkleTreeTests
{
    [Fact]
    public void Roots_are_those_of_certificate_transparency()
    {
        // Test vectors of the reference implementation of RFC 6962 (google/certificate-transparency, merkletree tests).
        byte[][] leaves = [.. new[] { "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f" }
            .Select(Convert.FromHexString)];
        string[] roots =
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];

        for (var n = 1; n <= leaves.Length; n++)
            Assert.Equal(roots[n - 1], Convert.ToHexStringLower(MerkleTree.Root(leaves[..n])));
    }

    [Fact]
    public void Every_leaf_of_every_tree_is_proven_and_nothing_else_is()
    {
        for (var count = 1; count <= 17; count++)
        {
            byte[][] leaves = [.. Enumerable.Range(0, count).Select(i => SHA256.HashData(Encoding.UTF8.GetBytes($"leaf {i}")))];
            var root = MerkleTree.Root(leaves);
            for (var i = 0; i < count; i++)
            {
                var path = MerkleTree.Prove(leaves, i);

                Assert.True(MerkleTree.Verify(root, leaves[i], i, count, path));
                for (var j = 0; j < count; j++)
                {
                    if (j == i) continue;
                    Assert.False(MerkleTree.Verify(root, leaves[j], i, count, path));
                    Assert.False(MerkleTree.Verify(root, leaves[i], j, count, path));
                }
                if (path.Count > 0) Assert.False(MerkleTree.Verify(root, leaves[i], i, count, [.. path.Skip(1)]));
                Assert.False(MerkleTree.Verify(root, leaves[i], i, count, [.. path, leaves[0]]));
            }
        }
    }
}
