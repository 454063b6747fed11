using System.Collections.Frozen;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>The core's messages through the generated readers and writers.</summary>
/// <param name="level">The cluster's recorded feature level; kinds beyond it are read and not written. Null writes every kind.</param>
public sealed class RegistryCodec(MessageRegistry registry, Func<int>? level = null) : IMessageCodec
{
    private readonly FrozenDictionary<Type, int> _needs = FeatureLevels.Needs(registry);

    /// <exception cref="FeatureLevelException">The cluster's level does not allow the kind yet.</exception>
    public StoredMessage Encode(IMessage message)
    {
        if (level is not null && _needs.Count > 0 && _needs.TryGetValue(message.GetType(), out var needed) && needed > level())
        {
            throw new FeatureLevelException(
                $"{registry.KindOf(message)} exists since feature level {needed}, and the cluster is at {level()}; "
                + "when every node is upgraded, 'athanor cluster feature-level --raise' allows it");
        }
        var body = registry.Encode(message, out var kind, out var version);
        return new StoredMessage(kind, version, body);
    }

    public IMessage Decode(in StoredMessage message) => registry.Decode(message.Kind, message.Version, message.Body.Span);
}
