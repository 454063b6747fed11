using System.Text;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Hosting.Tests.Sqlite;

public class IntegrityTests
{
    private static readonly EntityAddress Heater = EntityAddress.Of("twins", "heater-1");

    [Fact]
    public void The_event_hash_has_the_documented_layout()
    {
        // Made with Python's hashlib and struct from the table in EventHash's comment.
        var hash = EventHash.Compute(Heater, 7, new StoredMessage("twins.measured", 2, new byte[] { 1, 2, 3 }), EventHash.None.Span);
        Assert.Equal("545c185d367834e26171b6c1543ab080eeb3ed6244f1602b2eb4b524961bcfc3", Convert.ToHexStringLower(hash));
    }

    [Fact]
    public void A_change_of_any_part_of_an_event_changes_its_hash()
    {
        byte[] body = [1, 2, 3];
        var previous = EventHash.None.ToArray();
        var hashes = new HashSet<string> { Hash(Heater, 7, "twins.measured", 2, body, previous) };
        Assert.True(hashes.Add(Hash(Heater with { Tenant = "other" }, 7, "twins.measured", 2, body, previous)));
        Assert.True(hashes.Add(Hash(Heater with { Id = "heater-2" }, 7, "twins.measured", 2, body, previous)));
        Assert.True(hashes.Add(Hash(new EntityAddress("default", "twinsh", "eater-1"), 7, "twins.measured", 2, body, previous)));
        Assert.True(hashes.Add(Hash(Heater, 8, "twins.measured", 2, body, previous)));
        Assert.True(hashes.Add(Hash(Heater, 7, "twins.measures", 2, body, previous)));
        Assert.True(hashes.Add(Hash(Heater, 7, "twins.measured", 3, body, previous)));
        Assert.True(hashes.Add(Hash(Heater, 7, "twins.measured", 2, [1, 2], previous)));
        previous[31] = 1;
        Assert.True(hashes.Add(Hash(Heater, 7, "twins.measured", 2, body, previous)));
    }

    [Fact]
    public void An_event_is_not_hashed_after_half_a_hash() =>
        Assert.Throws<ArgumentException>(() => Hash(Heater, 1, "twins.measured", 1, [], new byte[16]));

    [Theory]
    [InlineData("8a9136aa", 32, 0x00)]
    [InlineData("62a8ab43", 32, 0xff)]
    public void The_CRC_gives_the_vectors_of_RFC_3720(string expected, int length, byte value)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, value);
        Assert.Equal(expected, RowCrc.Compute(bytes).ToString("x8"));
    }

    [Fact]
    public void The_CRC_gives_the_check_value_of_CRC_32C() =>
        Assert.Equal("e3069283", RowCrc.Compute(Encoding.ASCII.GetBytes("123456789")).ToString("x8"));

    [Fact]
    public void Bytes_that_move_from_one_column_to_the_next_change_the_CRC()
    {
        var first = RowCrc.Of("journal");
        first.Add("ab");
        first.Add("c");
        var second = RowCrc.Of("journal");
        second.Add("a");
        second.Add("bc");
        Assert.NotEqual(first.Value, second.Value);
    }

    [Fact]
    public void The_same_columns_in_another_table_have_another_CRC()
    {
        var first = RowCrc.Of("journal");
        first.Add(5);
        var second = RowCrc.Of("mail");
        second.Add(5);
        Assert.NotEqual(first.Value, second.Value);
    }

    private static string Hash(EntityAddress entity, long number, string kind, int version, byte[] body, byte[] previous) =>
        Convert.ToHexStringLower(EventHash.Compute(entity, number, kind, version, body, previous));
}
