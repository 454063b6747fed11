using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>The core's messages through the generated readers and writers.</summary>
public sealed class RegistryCodec(MessageRegistry registry) : IMessageCodec
{
    public StoredMessage Encode(IMessage message) => new(registry.KindOf(message), registry.VersionOf(message), registry.Encode(message));

    public IMessage Decode(in StoredMessage message) => registry.Decode(message.Kind, message.Version, message.Body.Span);
}
