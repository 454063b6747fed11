using System.Text;
using Athanor.Hosting.Ingest;
using Athanor.Protocol;

namespace Hosting.Tests.Ingest;

public sealed class MeasurementDecoderTests
{
    [Fact]
    public void Time_and_sequence_of_the_message_hold_for_samples_that_have_none()
    {
        var samples = MeasurementDecoder.Decode(Encoding.UTF8.GetBytes("""
            {"sequence":9,"samples":[{"signal":"a","value":1,"time":"2026-03-01T13:00:00.5+01:00"},{"value":2,"signal":"b","sequence":3}],
             "time":1772366400250,"signals":{"c.d-e_f":-1.5e3}}
            """));
        Assert.Equal(
            "a 2026-03-01T12:00:00.5000000 9 1, b 2026-03-01T12:00:00.2500000 3 2, c.d-e_f 2026-03-01T12:00:00.2500000 9 -1500",
            string.Join(", ", samples.Select(s => FormattableString.Invariant($"{s.Signal} {s.Time!.Value.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffffff} {s.Sequence} {s.Value}"))));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("  ", "empty")]
    [InlineData("{}", "holds no samples")]
    [InlineData("{\"signals\":{}}", "holds no samples")]
    [InlineData("{\"signals\":[1]}", "signals must be an object")]
    [InlineData("{\"samples\":{}}", "samples must be an array")]
    [InlineData("{\"samples\":[1]}", "must be an object")]
    [InlineData("{\"samples\":[{\"value\":1}]}", "names no signal")]
    [InlineData("{\"samples\":[{\"signal\":\"a\"}]}", "a has no value")]
    [InlineData("{\"signals\":{\"a\":1e999}}", "a")]
    [InlineData("{\"signals\":{\"a\":null}}", "a must be a number")]
    [InlineData("{\"signals\":{\"a b\":1}}", "'a b' is no signal")]
    [InlineData("{\"signals\":{\"a\":1},\"sequence\":1.5}", "whole number")]
    [InlineData("{\"signals\":{\"a\":1},\"sequence\":-1}", "below 0")]
    [InlineData("{\"signals\":{\"a\":1},\"time\":\"yesterday\"}", "ISO 8601")]
    [InlineData("{\"signals\":{\"a\":1},\"time\":\"2026-03-01T12:00:00\"}", "ISO 8601")]
    [InlineData("{\"signals\":{\"a\":1},\"time\":-5}", "milliseconds")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}", "begins as JSON and is not")]
    public void What_is_no_measurement_is_refused_with_what_would_be_right(string text, string part)
    {
        var e = Assert.Throws<MeasurementException>(() => MeasurementDecoder.Decode(Encoding.UTF8.GetBytes(text)));
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_is_not_a_finite_number_never_passes_in_messagepack()
    {
        var writer = new MessagePackWriter();
        writer.BeginMap(1);
        writer.Write("signals");
        writer.BeginMap(1);
        writer.Write("a");
        writer.Write(double.NaN);
        writer.End();
        writer.End();
        Assert.Contains("NaN", Assert.Throws<MeasurementException>(() => MeasurementDecoder.Decode(writer.ToArray())).Message);
    }

    [Fact]
    public void Any_bytes_are_a_measurement_or_an_error()
    {
        byte[][] seeds =
        [
            Encoding.UTF8.GetBytes("""{"time":"2026-03-01T12:00:01Z","sequence":1,"signals":{"heater":40},"samples":[{"signal":"a","value":1}]}"""),
            [0x82, 0xa4, .. "time"u8, 0xce, 0x69, 0xa4, 0x2c, 0x80, 0xa7, .. "signals"u8, 0x81, 0xa1, (byte)'a', 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0],
        ];
        for (var seed = 0; seed < 40_000; seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])seeds[seed % 2].Clone();
            for (var change = random.Next(1, 6); change > 0; change--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                Assert.All(MeasurementDecoder.Decode(bytes.AsMemory(0, random.Next(bytes.Length + 1))), s => Assert.True(double.IsFinite(s.Value)));
            }
            catch (MeasurementException)
            {
                // Parked.
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }

    [Theory]
    [InlineData("plant.default.r-1.measurements", true)]
    [InlineData("plant.default.r.1.measurements", false)]
    [InlineData("plant.default.measurements", false)]
    [InlineData("plant.default..measurements", false)]
    [InlineData("plant.default.r ü.measurements", false)]
    [InlineData("plant.default.r-1.moves", false)]
    public void A_topic_names_tenant_and_unit(string key, bool right)
    {
        Assert.Equal(right, PlantTopic.TryParse(key, out var unit, out var problem));
        if (right) Assert.Equal("default/twins/r-1", unit.ToString());
        else Assert.Contains("plant/TENANT/UNIT/measurements", problem, StringComparison.Ordinal);
    }
}
