using System.Security.Cryptography;
using Athanor.Compute.Trust;

namespace Athanor.Compute.Tests.Trust;

public class StatementTests
{
    private static readonly string Hash = new('a', 64);

    private static readonly Claim Some =
        new("default/evolution/p/evaluate-1-0", Hash, 7, Hash, [Hash], "float32", "cpu", "1", "anna", Hash, [1.5, 37]);

    [Fact]
    public void Every_part_of_a_claim_is_in_its_bytes()
    {
        Claim[] others =
        [
            Some with { WorkId = "x" }, Some with { SpecHash = "x" }, Some with { Seed = 8 }, Some with { DataHash = "x" },
            Some with { Parents = [] }, Some with { Parents = [Hash, Hash] }, Some with { Precision = "x" }, Some with { DeviceClass = "x" },
            Some with { KernelSet = "x" }, Some with { Prover = "x" }, Some with { Root = "x" }, Some with { Metrics = [1.5, 38] },
            // Moving a letter over the border between two parts is another claim.
            Some with { Precision = "float32c", DeviceClass = "pu" },
        ];
        var all = others.Append(Some).Select(c => Convert.ToHexString(c.CanonicalBytes())).ToArray();

        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal(Some.CanonicalBytes(), (Some with { Parents = [Hash] }).CanonicalBytes());
    }

    [Fact]
    public void Minus_zero_is_zero_and_NaN_is_refused()
    {
        Assert.Equal((Some with { Metrics = [0.0] }).CanonicalBytes(), (Some with { Metrics = [-0.0] }).CanonicalBytes());
        Assert.Throws<ArgumentException>(() => (Some with { Metrics = [double.NaN] }).CanonicalBytes());
    }

    [Fact]
    public void A_signature_holds_for_its_key_and_its_bytes_alone()
    {
        using var key = PeerKey.Create();
        using var other = PeerKey.Create();
        var bytes = Some.CanonicalBytes();
        var signature = key.Sign(bytes);

        Assert.True(PeerKey.Verify(key.PublicKey, bytes, signature));
        Assert.False(PeerKey.Verify(other.PublicKey, bytes, signature));
        Assert.False(PeerKey.Verify(key.PublicKey, (Some with { Seed = 8 }).CanonicalBytes(), signature));
        for (var i = 0; i < signature.Length; i++)
        {
            var flipped = (byte[])signature.Clone();
            flipped[i] ^= 1;
            Assert.False(PeerKey.Verify(key.PublicKey, bytes, flipped));
        }
        Assert.False(PeerKey.Verify(key.PublicKey, bytes, []));
        Assert.False(PeerKey.Verify([1, 2, 3], bytes, signature));
    }

    [Fact]
    public void A_key_survives_its_PEM_and_a_key_of_another_curve_is_refused()
    {
        using var key = PeerKey.Create();
        using var again = PeerKey.FromPem(key.ToPem());
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);

        Assert.Equal(key.PublicKey, again.PublicKey);
        Assert.Throws<CryptographicException>(() => PeerKey.FromPem(p384.ExportPkcs8PrivateKeyPem()));
        Assert.Throws<CryptographicException>(() => PeerKey.FromPem("no key"));
        Assert.False(PeerKey.Verify(p384.ExportSubjectPublicKeyInfo(), [1], p384.SignData([1], HashAlgorithmName.SHA256)));
    }
}
