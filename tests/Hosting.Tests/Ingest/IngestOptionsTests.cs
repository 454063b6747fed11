using Athanor.Hosting.Configuration;

namespace Hosting.Tests.Ingest;

public sealed class IngestOptionsTests
{
    [Theory]
    [InlineData("athanor.node.roles = [ingest]", "athanor.ingest.broker: a node of the role 'ingest' needs a broker")]
    [InlineData("athanor.ingest.broker = \"http://u:secret@host/\"", "athanor.ingest.broker: expected an address such as")]
    [InlineData("athanor.ingest.broker = \"amqp://u:secret@plant.example/v\"", "amqp:// sends the password to plant.example in clear")]
    [InlineData("athanor.ingest.without-source-time = guess", "athanor.ingest.without-source-time")]
    public void A_wrong_setting_is_named_without_its_secret(string line, string part)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, line + "\n");
            var e = Assert.ThrowsAny<ConfigurationException>(() => ClusterConfiguration.Load(file));
            Assert.Contains(part, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
