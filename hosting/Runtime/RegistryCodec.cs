using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>The core's messages through the generated readers and writers.</summary>
public sealed class RegistryCodec(MessageRegistry registry) : IMessageCodec
{
    public StoredMessage Encode(IMessage message)
    {
        var body = registry.Encode(message, out var kind, out var version);
        return new StoredMessage(kind, version, body);
    }

    public IMessage Decode(in StoredMessage message) => registry.Decode(message.Kind, message.Version, message.Body.Span);
}
