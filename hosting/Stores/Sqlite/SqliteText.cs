namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>The text of a statement that is used for every row: it has a number, so that a connection finds its prepared statement without
/// hashing the text. To be kept in static fields only, as numbers are not given back.</summary>
internal sealed class SqliteText(string text)
{
    private static int _count;

    public string Text { get; } = text;

    public int Number { get; } = Interlocked.Increment(ref _count) - 1;

    public override string ToString() => Text;
}
