using System.Text.Json;

namespace Athanor.Tests;

/// <summary>A tensor as it is handed to another runtime or comes from it.</summary>
internal sealed record OtherTensor(string Type, long[] Dims, double[] Data)
{
    public static OtherTensor Of(float[] data, params long[] dims) => new("float32", dims, Array.ConvertAll(data, static v => (double)v));

    public static OtherTensor Of(double[] data, params long[] dims) => new("float64", dims, data);
}

/// <summary>A tensor of a file that PyTorch loaded.</summary>
internal sealed record TorchTensor(string Name, string Dtype, long[] Shape, bool Contiguous, double[] Values);

/// <param name="Type">Of the object in the file.</param>
internal sealed record TorchFile(string Type, TorchTensor[] Tensors);

/// <summary>The runtimes that exported models are for, installed by <c>tests/runtimes/install.sh</c> when they are first needed: ONNX Runtime
/// under Node, PyTorch of the distribution.</summary>
internal static class OtherRuntimes
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);

    private static readonly Lazy<Task> Onnx = new(() => Install("onnx")), Torch = new(() => Install("torch"));

    /// <summary>Runs a model by ONNX Runtime on each case of inputs.</summary>
    public static async Task<IReadOnlyList<Dictionary<string, OtherTensor>>> RunOnnx(byte[] model, params Dictionary<string, OtherTensor>[] cases)
    {
        await Onnx.Value;
        var path = Path.Combine(Path.GetTempPath(), $"athanor-{Guid.NewGuid():N}.onnx");
        await File.WriteAllBytesAsync(path, model);
        try
        {
            var output = await ProgramRun.Output(
                "node", [RepositoryFiles.Path("tests", "runtimes", "run-onnx.js"), path], JsonSerializer.Serialize(new { cases }, Options));
            using var json = JsonDocument.Parse(output);
            return json.RootElement.GetProperty("cases").Deserialize<Dictionary<string, OtherTensor>[]>(Options)!;
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Loads files by <c>torch.load(file, weights_only=True)</c>.</summary>
    public static async Task<TorchFile[]> LoadTorch(params string[] files)
    {
        await Torch.Value;
        // The distribution's Python: another one in the path would not have its PyTorch.
        var output = await ProgramRun.Output("/usr/bin/python3", [RepositoryFiles.Path("tests", "runtimes", "load-torch.py"), .. files]);
        return JsonSerializer.Deserialize<TorchFile[]>(output, Options)!;
    }

    private static Task<string> Install(string part) => ProgramRun.Output("bash", [RepositoryFiles.Path("tests", "runtimes", "install.sh"), part]);
}
