using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Rows that the server itself changes: their seal is made there and checked here. The texts are those of the migrations.</summary>
internal static class Seal
{
    public static int Of(params ReadOnlySpan<string> parts) => BinaryPrimitives.ReadInt32BigEndian(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('|', parts))));

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Text(string? value) => value is null ? "" : "=" + value;

    /// <exception cref="DamageException">They differ.</exception>
    public static void Check(int found, int expected, string where)
    {
        if (found != expected) throw new DamageException(where, "its seal does not match: the row is not what was written");
    }
}

/// <summary>Who owns a shard, in which epoch, up to which commit and event.</summary>
internal static class ShardTable
{
    public const string Columns = "s.shard, s.owner, s.incarnation, s.counter, s.last, s.lease, s.last_event, s.seal";

    /// <summary>The condition that a row <c>s</c> is as it was written: a statement that changes it would seal the damage in.</summary>
    public const string IsSound = "s.seal = shard_seal(s.shard, s.owner, s.incarnation, s.counter, s.last, s.lease, s.last_event)";

    /// <summary>Reads <see cref="Columns"/> from <paramref name="at"/> on.</summary>
    /// <exception cref="DamageException">The row is damaged.</exception>
    public static ShardRow Current(NpgsqlDataReader row, int at = 0)
    {
        var owner = row.IsDBNull(at + 1) ? null : row.GetString(at + 1);
        var shard = row.GetInt32(at);
        var (incarnation, counter, last) = (row.GetInt64(at + 2), row.GetInt64(at + 3), row.GetInt64(at + 4));
        var (lease, lastEvent) = (row.GetInt64(at + 5), row.GetInt64(at + 6));
        Seal.Check(
            row.GetInt32(at + 7),
            Seal.Of(
                Seal.Number(shard), Seal.Text(owner), Seal.Number(incarnation), Seal.Number(counter), Seal.Number(last), Seal.Number(lease),
                Seal.Number(lastEvent)),
            $"shard, shard {shard}");
        return new ShardRow(shard, owner, new Epoch(incarnation, counter), last, new DateTimeOffset(lease, TimeSpan.Zero), lastEvent);
    }
}

/// <summary>The nodes and their leases.</summary>
internal static class NodeTable
{
    public const string Columns = "n.node, n.address, n.roles, n.lease, n.seal, n.skew, n.drain";

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static NodeRow Current(NpgsqlDataReader row)
    {
        var (node, address, roles, lease) = (row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3));
        Seal.Check(row.GetInt32(4), Seal.Of(node, address, roles, Seal.Number(lease)), $"node, {node}");
        return new NodeRow(
            node, address, [.. roles.Split('\n', StringSplitOptions.RemoveEmptyEntries)], new DateTimeOffset(lease, TimeSpan.Zero),
            TimeSpan.FromTicks(row.GetInt64(5)), row.GetBoolean(6));
    }
}

/// <summary>What the database says of the cluster.</summary>
internal static class ClusterTable
{
    public const string Select = "SELECT shards, incarnation, feature_level, seal, copying FROM cluster";

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static ClusterRow Current(NpgsqlDataReader row)
    {
        var (shards, incarnation, level) = (row.GetInt32(0), row.GetInt64(1), row.GetInt32(2));
        var copying = row.GetBoolean(4) ? "|copying" : "";
        Seal.Check(row.GetInt32(3), Seal.Of(Seal.Number(shards), Seal.Number(incarnation), Seal.Number(level) + copying), "cluster");
        return new ClusterRow(shards, incarnation, level);
    }
}
