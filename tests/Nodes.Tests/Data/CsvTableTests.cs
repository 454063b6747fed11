using Athanor.Nodes.Data;

namespace Nodes.Tests.Data;

public sealed class CsvTableTests
{
    private static CsvTable Read(string text, CsvOptions? options = null) =>
        CsvTable.Read(new StringReader(text), "unit.csv", ["t", "T"], options ?? new CsvOptions { Rising = "t" });

    private static string Refusal(string text) => Assert.Throws<CsvFormatException>(() => Read(text)).Message;

    [Fact]
    public void Columns_are_found_by_name_whatever_their_order()
    {
        var table = Read("T,other,t\n20.5,9,0\n21,9,1.5e0\n");
        Assert.Equal([0, 1.5], table["t"]);
        Assert.Equal([20.5, 21], table["T"]);
    }

    [Theory]
    [InlineData("t,x\n0,1\n", "unit.csv:1: the column 'T' is missing; the header has t, x")]
    [InlineData("t,T\n0,1\n1,warm\n", "unit.csv:3: column 'T' holds 'warm'; expected a number such as 21.5 or 2.1e1")]
    [InlineData("t,T\n0,1\n1,NaN\n", "unit.csv:3: column 'T' holds 'NaN'; only finite numbers are taken")]
    [InlineData("t,T\n0,1\n1,1e999\n", "unit.csv:3: column 'T' holds '1e999'; only finite numbers are taken")]
    [InlineData("t,T\n0,1\n1,\n", "unit.csv:3: column 'T' is empty; expected a number such as 21.5")]
    [InlineData("t,T\n0,1\n2,1\n1,1\n", "unit.csv:4: 't' runs back from 2 to 1; it must rise from line to line")]
    [InlineData("t,T\n0,1\n1,1\n1,2\n", "unit.csv:4: duplicate 't' 1; the line before has the same value, and it must rise")]
    [InlineData("t,T\n0,1\n1\n", "unit.csv:3: 1 cells where the header has 2")]
    [InlineData("t,T\n", "unit.csv: 0 data rows; at least 1 are needed")]
    [InlineData("", "unit.csv: the file is empty; expected a header line with t, T and at least one row")]
    public void A_bad_file_is_refused_with_its_line_and_what_would_be_right(string text, string message) =>
        Assert.Equal(message, Refusal(text));

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Contains("/nowhere/unit.csv", Assert.Throws<CsvFormatException>(() => CsvTable.Read("/nowhere/unit.csv", [])).Message);
}
