using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural.Models;

/// <summary>One small model of each kind, with records that fit it.</summary>
internal static class TestModels
{
    public static readonly string[] Names = ["neural-ode", "augmented", "stoichiometric", "reactor", "jacket", "lags", "cascaded-tanks"];

    public static (ModelSpecification Model, ProcessRecord[] Records) Of(string name) => name switch
    {
        "neural-ode" => Measured(
            """{"kind":"neural-ode","hidden":[7],"activation":"softplus","time-scale":3,"states":["x","y"],"controls":["u","v"]}""", 2, 2),
        "augmented" => Measured(
            """{"kind":"augmented","hidden":[6,5],"time-scale":3,"states":["x",{"name":"h","observed":false}],"controls":["u"]}""", 1, 1),
        "lags" => Measured(
            """
            {"kind":"hybrid","known":"lags","lags":[2,9],"hidden":[6],"activation":"silu","controls":["u"],
             "states":[{"name":"x","start":"learned"},{"name":"h","observed":false,"start":"learned"}]}
            """,
            1, 1),
        "cascaded-tanks" => Measured(
            """
            {"kind":"hybrid","known":"cascaded-tanks","hidden":[6],"time-scale":4,"controls":["u"],
             "states":[{"name":"x","positive":true,"observed":false,"start":"learned","offset":5,"scale":1.5},
              {"name":"y","positive":true,"start":"learned"}]}
            """,
            1, 1),
        "reactor" => Reactor(
            """
            {"kind":"hybrid","known":"reactor","hidden":[6],"time-scale":1,"controls":["Tc"],
             "states":[{"name":"Ca","positive":true},{"name":"Cb","positive":true,"observed":false},"T"],
             "reactor":{"dilution":1,"feed":{"Ca":1},"reactions":[{"consumes":{"Ca":1},"produces":{"Cb":1}}],
              "temperature":"T","feed-temperature":350,"coolant":"Tc"}}
            """, ReactorCase.Cstr(305.0), 305.0),
        "jacket" => Reactor(ReactorCase.KlattEngellReactor.Hybrid, ReactorCase.KlattEngellReactor, double.NaN),
        _ => Reactor(ReactorCase.Batch.Hybrid, ReactorCase.Batch, double.NaN),
    };

    /// <summary>A net alone that has balances to keep, with records that come near 0.</summary>
    public static (ModelSpecification Model, ProcessRecord[] Records) Plain()
    {
        const string Json = """
            {"kind":"neural-ode","hidden":[6],"time-scale":2,"controls":["Tc"],
             "states":[{"name":"A","positive":true},{"name":"B","positive":true},"T"],
             "reactor":{"dilution":0.3,"feed":{"A":1},"reactions":[{"consumes":{"A":1},"produces":{"B":1}}],
              "temperature":"T","feed-temperature":350,"coolant":"Tc","rises":[20],"exchange":0.5}}
            """;
        var draws = new Philox(12);
        var records = new ProcessRecord[2];
        for (var i = 0; i < records.Length; i++)
        {
            double[] times = new double[9], u = new double[9], y = new double[27];
            for (var k = 0; k < 9; k++)
            {
                (times[k], u[k]) = (k * 0.5, draws.NextDouble(300.0, 320.0));
                (y[3 * k], y[(3 * k) + 1], y[(3 * k) + 2]) = (draws.NextDouble(0.0, 0.1), draws.NextDouble(0.0, 0.1), draws.NextDouble(330.0, 360.0));
            }
            records[i] = new ProcessRecord(times, u, y);
        }
        return (ModelJson.Normalised(ModelJson.Read(Json), records), records);
    }

    private static (ModelSpecification, ProcessRecord[]) Reactor(string json, ReactorCase reactor, double control)
    {
        var times = Enumerable.Range(0, 9).Select(k => reactor.End * k / 40).ToArray();
        var records = Enumerable.Range(0, 3).Select(i => reactor.Record(reactor.Start(7, i), times)).Select(r => double.IsNaN(control)
            ? r
            : r with { Controls = [.. r.Times.Select(_ => control)] }).ToArray();
        // Small nets: every parameter is moved by itself.
        json = json.Replace("\"hidden\":[16,16]", "\"hidden\":[6]", StringComparison.Ordinal);
        return (ModelJson.Normalised(ModelJson.Read(json), records), records);
    }

    private static (ModelSpecification, ProcessRecord[]) Measured(string json, int controls, int outputs)
    {
        var draws = new Philox(11);
        var records = new ProcessRecord[2];
        for (var i = 0; i < records.Length; i++)
        {
            double[] times = new double[9], u = new double[9 * controls], y = new double[9 * outputs];
            for (var k = 0; k < 9; k++) times[k] = k * 0.5;
            for (var k = 0; k < u.Length; k++) u[k] = draws.NextDouble(1.0, 4.0);
            for (var k = 0; k < y.Length; k++) y[k] = draws.NextDouble(4.0, 6.0);
            records[i] = new ProcessRecord(times, u, y);
        }
        return (ModelJson.Normalised(ModelJson.Read(json), records), records);
    }
}
