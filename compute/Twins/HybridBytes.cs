using System.Buffers.Binary;

namespace Athanor.Compute.Twins;

/// <summary>
/// Canonical bytes of a hybrid's training data and of its training state: a magic word, then counts (Int32) and values (Double), all
/// little-endian. Equal values give equal bytes, so their hashes can be compared. A reader refuses what is cut short, too long or not finite.
/// </summary>
public static class HybridBytes
{
    private const int DataMagic = 0x31445448; // "HTD1"
    private const int StateMagic = 0x31535448; // "HTS1"

    /// <param name="start">Where the fit of the balance starts.</param>
    public static byte[] OfData(HeaterParameters start, HeaterRecord record)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(record);
        var writer = new Writer(DataMagic);
        writer.Put(start.ToArray());
        writer.Put(record.TimeS);
        writer.Put(record.Power);
        writer.Put(record.MeasuredC);
        return writer.ToArray();
    }

    /// <exception cref="InvalidDataException">These bytes are not such data.</exception>
    public static (HeaterParameters Start, HeaterRecord Record) Data(ReadOnlySpan<byte> bytes)
    {
        var reader = new Reader(bytes, DataMagic, "a heater's training data");
        var start = reader.Doubles();
        var record = new HeaterRecord(reader.Doubles(), reader.Doubles(), reader.Doubles());
        reader.End();
        if (record.Power.Length != record.Rows || record.MeasuredC.Length != record.Rows)
            throw new InvalidDataException($"the columns have {record.Rows}, {record.Power.Length} and {record.MeasuredC.Length} rows");
        for (var k = 1; k < record.Rows; k++)
        {
            if (record.TimeS[k] <= record.TimeS[k - 1]) throw new InvalidDataException($"row {k + 1}: the time does not rise");
        }
        return HeaterParameters.Problem(start) is { } problem
            ? throw new InvalidDataException(problem)
            : (HeaterParameters.From(start), record);
    }

    public static byte[] OfState(HybridState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var writer = new Writer(StateMagic);
        writer.Put([state.Step, state.BalanceRmseK, state.BestRmseK, state.BestStep]);
        writer.Put(state.Best);
        writer.Put(state.Balances.Length);
        for (var i = 0; i < state.Balances.Length; i++)
        {
            writer.Put(state.Balances[i]);
            writer.Put(state.Members[i].Theta);
            writer.Put(state.Members[i].Mean);
            writer.Put(state.Members[i].Square);
            writer.Put(state.Members[i].Frozen);
        }
        return writer.ToArray();
    }

    /// <exception cref="InvalidDataException">These bytes are not such a state.</exception>
    public static HybridState State(ReadOnlySpan<byte> bytes)
    {
        var reader = new Reader(bytes, StateMagic, "a hybrid's training state");
        var head = reader.Doubles();
        if (head.Length != 4) throw new InvalidDataException($"a hybrid's training state begins with 4 values, not {head.Length}");
        var best = reader.Doubles();
        var count = reader.Count();
        if (count is < 1 or > 16) throw new InvalidDataException($"a hybrid's training state has 1 to 16 fits, not {count}");
        var balances = new double[count][];
        var members = new RollOutState[count];
        for (var i = 0; i < count; i++)
        {
            balances[i] = reader.Doubles();
            if (HeaterParameters.Problem(balances[i]) is { } problem) throw new InvalidDataException(problem);
            members[i] = new RollOutState(reader.Doubles(), reader.Doubles(), reader.Doubles(), reader.Doubles());
            var n = best.Length;
            if (members[i].Theta.Length != n || members[i].Mean.Length != n || members[i].Square.Length != n || members[i].Frozen.Length != n)
                throw new InvalidDataException($"fit {i} of the training state has not {n} values in each part");
        }
        reader.End();
        return new HybridState((int)head[0], balances, members, head[1], head[2], (int)head[3], best);
    }

    private sealed class Writer
    {
        private readonly MemoryStream _bytes = new();

        public Writer(int magic) => Put(magic);

        public void Put(int value)
        {
            Span<byte> buffer = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(buffer, value);
            _bytes.Write(buffer);
        }

        public void Put(double[] values)
        {
            Put(values.Length);
            Span<byte> buffer = stackalloc byte[8];
            foreach (var value in values)
            {
                BinaryPrimitives.WriteDoubleLittleEndian(buffer, value);
                _bytes.Write(buffer);
            }
        }

        public byte[] ToArray() => _bytes.ToArray();
    }

    private ref struct Reader
    {
        private readonly string _what;
        private ReadOnlySpan<byte> _rest;

        public Reader(ReadOnlySpan<byte> bytes, int magic, string what)
        {
            _what = what;
            _rest = bytes;
            if (Count() != magic) throw new InvalidDataException($"these {bytes.Length} bytes are not {what}");
        }

        public int Count()
        {
            if (_rest.Length < 4) throw new InvalidDataException($"{_what} is cut short");
            var value = BinaryPrimitives.ReadInt32LittleEndian(_rest);
            _rest = _rest[4..];
            return value;
        }

        public double[] Doubles()
        {
            var count = Count();
            if (count < 0 || _rest.Length / 8 < count) throw new InvalidDataException($"{_what} is cut short");
            var values = new double[count];
            for (var i = 0; i < count; i++)
            {
                values[i] = BinaryPrimitives.ReadDoubleLittleEndian(_rest[(8 * i)..]);
                if (!double.IsFinite(values[i])) throw new InvalidDataException($"{_what} holds {values[i]}");
            }
            _rest = _rest[(8 * count)..];
            return values;
        }

        public readonly void End()
        {
            if (!_rest.IsEmpty) throw new InvalidDataException($"{_what} has {_rest.Length} bytes too many");
        }
    }
}
