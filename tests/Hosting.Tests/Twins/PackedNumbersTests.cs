using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Hosting.Tests.Twins;

public sealed class PackedNumbersTests
{
    [Fact]
    public void Every_number_comes_back_with_its_bits()
    {
        var random = new Random(7);
        var values = new List<double>
        {
            0.0, -0.0, 1, -1, 0.1, 351.2, -1113.5, 1.29e12, 9.043e9, 1e15, 1e16, 1e300, double.Epsilon, double.MaxValue, double.MinValue, double.NaN,
            double.PositiveInfinity, double.NegativeInfinity, (1L << 53) + 2.0,
        };
        for (var i = 0; i < 5000; i++)
        {
            values.Add(BitConverter.Int64BitsToDouble(random.NextInt64()));
            values.Add(Math.Round((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 14)), random.Next(0, 8)));
        }
        var back = PackedNumbers.Unpack(PackedNumbers.Pack([.. values]));
        Assert.Equal(values.Select(BitConverter.DoubleToInt64Bits), back.Select(BitConverter.DoubleToInt64Bits));
    }

    [Theory]
    [InlineData(351.2, 3)]
    [InlineData(114.25, 4)]
    [InlineData(1.29e12, 3)]
    [InlineData(Math.PI, 9)]
    public void Decimals_of_few_digits_take_few_bytes(double value, int bytes) => Assert.Equal(bytes, PackedNumbers.Pack([value]).Length);

    [Fact]
    public void Rounding_keeps_what_it_promises()
    {
        var random = new Random(8);
        for (var i = 0; i < 20_000; i++)
        {
            var (value, sd) = ((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-5, 13)), Math.Pow(10, (random.NextDouble() * 14) - 5));
            Assert.InRange(Math.Abs(PackedNumbers.Near(value, sd) - value), 0, (sd / 60) + (Math.Abs(value) * 1e-15));
            Assert.InRange(Math.Abs(PackedNumbers.Digits(value, 3) - value), 0, Math.Abs(value) * 0.005 * 1.000001);
        }
    }

    [Fact]
    public void Rows_come_back_as_they_were_and_other_bytes_are_refused()
    {
        SampleRow[] rows =
        [
            new(0, 0, false, [0, 1, 2], [1.5, 2.25, -3]), new(12_345_678, 9, true, [1], [double.Epsilon]), new(-20_000_000, 0, false, [0, 2], [7, 8]),
        ];
        var packed = SampleRows.Pack(rows, 3);
        var back = SampleRows.Unpack(packed, 3);
        Assert.Equal(rows.Length, back.Count);
        for (var i = 0; i < rows.Length; i++)
        {
            Assert.Equal((rows[i].Ticks, rows[i].Sequence, rows[i].Arrival), (back[i].Ticks, back[i].Sequence, back[i].Arrival));
            Assert.Equal(rows[i].Signals, back[i].Signals);
            Assert.Equal(rows[i].Values, back[i].Values);
        }
        Assert.Equal(12_345_678, SampleRows.Latest(packed, 3));
        Assert.Throws<MessageFormatException>(() => SampleRows.Unpack(packed.AsSpan(0, packed.Length - 1), 3));
    }
}
