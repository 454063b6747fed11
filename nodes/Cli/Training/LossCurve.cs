using System.Globalization;
using System.Text;

namespace Athanor.Nodes.Cli.Training;

/// <summary>A loss curve in characters: <c>*</c> the training loss, <c>o</c> the validation loss, logarithmic upwards.</summary>
internal static class LossCurve
{
    private const int LabelWidth = 10;

    /// <summary>The curve's lines; empty before there are two points.</summary>
    /// <param name="train">Loss by step, positive values are drawn.</param>
    /// <param name="until">The last step on the axis.</param>
    public static IReadOnlyList<string> Draw(
        IReadOnlyList<(long Step, double Loss)> train, IReadOnlyList<(long Step, double Loss)> validation, long until, int width,
            int height)
    {
        var all = train.Concat(validation).Where(static p => p.Loss > 0.0 && double.IsFinite(p.Loss)).ToArray();
        if (all.Length < 2) return [];
        var columns = Math.Max(20, width - LabelWidth - 2);
        var (low, high) = (Math.Log10(all.Min(static p => p.Loss)), Math.Log10(all.Max(static p => p.Loss)));
        if (high - low < 0.1) (low, high) = (low - 0.05, high + 0.05);
        var grid = new char[height, columns];
        Put(train, '*');
        Put(validation, 'o');
        var lines = new List<string>(height + 2);
        for (var row = 0; row < height; row++)
        {
            var line = new StringBuilder();
            var label = row == 0 || row == height - 1 || row == height / 2;
            var value = Math.Pow(10.0, high - (high - low) * row / (height - 1));
            line.Append((label ? value.ToString("G3", CultureInfo.InvariantCulture) : "").PadLeft(LabelWidth)).Append(label ? " ┤" : " │");
            for (var column = 0; column < columns; column++) line.Append(grid[row, column] == 0 ? ' ' : grid[row, column]);
            lines.Add(line.ToString().TrimEnd());
        }
        lines.Add(new string(' ', LabelWidth + 1) + "└" + new string('─', columns));
        var end = until.ToString(CultureInfo.InvariantCulture);
        lines.Add(new string(' ', LabelWidth + 2) + "0" + $"step {end}".PadLeft(columns - 1));
        return lines;

        void Put(IReadOnlyList<(long Step, double Loss)> points, char mark)
        {
            foreach (var (step, loss) in points)
            {
                if (!(loss > 0.0) || !double.IsFinite(loss)) continue;
                var column = (int)Math.Clamp(step * (columns - 1L) / Math.Max(1, until), 0, columns - 1);
                var row = (int)Math.Round((high - Math.Log10(loss)) / (high - low) * (height - 1));
                grid[Math.Clamp(row, 0, height - 1), column] = mark;
            }
        }
    }
}
