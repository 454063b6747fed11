using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>Messages to and from what lies in the store. Pure: equal messages give equal bytes.</summary>
public interface IMessageCodec
{
    StoredMessage Encode(IMessage message);

    /// <summary>Any exception means that the message is damaged or of a kind that this build does not know.</summary>
    IMessage Decode(in StoredMessage message);
}
