using Athanor.Actors;
using Athanor.Compute.Evolution;
using Athanor.Compute.Numerics;
using Athanor.Nodes.Data;
using Athanor.Protocol.Evolution;

namespace Athanor.Nodes.Peers;

/// <summary>Makes the table that genomes are trained on from a CSV file.</summary>
internal static class PopulationTables
{
    /// <summary>Reads the file, puts its rows in an order drawn from the seed, and stores the first for training and the next for validation;
    /// what is left over is never seen.</summary>
    /// <param name="tenant">Whose table it is.</param>
    /// <param name="target">The column to predict; the other columns are inputs.</param>
    /// <param name="training">Share of the rows to train on.</param>
    /// <param name="validation">Share of the rows to validate on.</param>
    /// <exception cref="CsvFormatException">The file is not such a table.</exception>
    public static async Task<TableSpec> Store(
        IClusterClient cluster, string tenant, string path, string target, ulong seed, double training, double validation, CancellationToken cancellation)
    {
        var csv = CsvTable.Read(path, [], new CsvOptions { MinimumRows = 10 });
        if (!csv.Names.Contains(target))
            throw new CsvFormatException($"{path}:1: the column '{target}' is missing; the header has {string.Join(", ", csv.Names)}");
        if (csv.Names.Count < 2) throw new CsvFormatException($"{path}:1: '{target}' is the only column; at least one input is needed");
        string[] columns = [.. csv.Names.Where(n => n != target), target];
        var order = new Philox(Seeds.Derive(seed, "rows")).Permutation(csv.Rows);
        var (train, validate) = ((int)(csv.Rows * training), (int)(csv.Rows * validation));
        var rows = order.Take(train + validate).Select(r => Array.ConvertAll(columns, c => csv[c][r])).ToArray();
        var blob = await cluster.PutBlob(EvaluationTable.ToBytes(rows), cancellation, tenant);
        return new TableSpec(blob, columns.Length - 1, train, validate);
    }
}
