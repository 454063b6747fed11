using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Copy;

/// <summary>Puts entities under another tenant: in addresses of rows, and in every address inside a message. Texts and ids that happen to
/// look like the tenant's name stay as they are: an address is known by its type, not by its looks.</summary>
internal sealed class TenantRewriter(string from, string to, IMessageCodec codec)
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Members = new();

    /// <summary>The same with the two tenants changed over: what was rewritten becomes what it was.</summary>
    public TenantRewriter Back() => new(to, from, codec);

    public EntityAddress Address(EntityAddress address) => address.Tenant == from ? address with { Tenant = to } : address;

    public string Tenant(string tenant) => tenant == from ? to : tenant;

    /// <exception cref="StoreException">The message cannot be read by this build, so its addresses cannot be found.</exception>
    public StoredMessage Message(in StoredMessage stored)
    {
        IMessage message;
        try
        {
            message = codec.Decode(stored);
        }
        catch (Exception e) when (e is UnknownKindException or MessageFormatException)
        {
            throw new StoreException($"{stored.Kind} version {stored.Version} cannot be put under another tenant: {e.Message}", e);
        }
        var rewritten = (IMessage)Value(message)!;
        return ReferenceEquals(rewritten, message) ? stored : codec.Encode(rewritten);
    }

    /// <returns>The same object if nothing in it changes.</returns>
    private object? Value(object? value) => value switch
    {
        null or string or Array => value,
        EntityAddress address => address.Tenant == from ? Address(address) : value,
        _ when value.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>) =>
            Items(value, type.GetGenericArguments()[0]),
        IDictionary map => Map(map),
        _ => Record(value),
    };

    private object Record(object value)
    {
        object? copy = null;
        foreach (var member in Members.GetOrAdd(value.GetType(), MembersOf))
        {
            var old = member.GetValue(value);
            var now = Value(old);
            if (ReferenceEquals(old, now) || Equals(old, now)) continue;
            // Records have a clone of their own; a boxed struct is copied by boxing it again.
            copy ??= value.GetType().GetMethod("<Clone>$")?.Invoke(value, null) ?? System.Runtime.CompilerServices.RuntimeHelpers
                .GetObjectValue(value);
            member.SetValue(copy, now);
        }
        return copy ?? value;
    }

    private object Items(object array, Type item)
    {
        if (item.IsPrimitive || item == typeof(string) || array is not IList list || (bool)array.GetType().GetProperty("IsDefault")!.GetValue(array)!)
            return array;
        var items = Array.CreateInstance(item, list.Count);
        var changed = false;
        for (var i = 0; i < list.Count; i++)
        {
            var now = Value(list[i]);
            changed |= !Equals(list[i], now);
            items.SetValue(now, i);
        }
        return !changed ? array : typeof(ImmutableArray).GetMethods()
            .Single(m => m.Name == nameof(ImmutableArray.Create) && m.GetParameters() is [{ ParameterType.IsArray: true }])
            .MakeGenericMethod(item).Invoke(null, [items])!;
    }

    private object Map(IDictionary map)
    {
        var changes = new List<(object Key, object? Value)>();
        foreach (DictionaryEntry entry in map)
        {
            var now = Value(entry.Value);
            if (!Equals(entry.Value, now)) changes.Add((entry.Key, now));
        }
        object result = map;
        var set = map.GetType().GetMethod("SetItem");
        foreach (var (key, now) in changes) result = set!.Invoke(result, [key, now])!;
        return result;
    }

    private static PropertyInfo[] MembersOf(Type type) => type.IsPrimitive || type.IsEnum || type.Namespace == "System"
        ? []
        : type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(static p => p.GetCustomAttribute<KeyAttribute>() is not null && p.CanWrite
                && !p.PropertyType.IsPrimitive && !p.PropertyType.IsEnum && p.PropertyType != typeof(string))
            .ToArray();
}
