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

/// <summary>A model to run, and what it is given by name.</summary>
internal sealed record OnnxRun(byte[] Model, Dictionary<string, OtherTensor> Inputs);

/// <summary>The runtimes that exported models are for, installed by <c>tests/runtimes/install.sh</c> when they are first needed: ONNX Runtime
/// under Node, PyTorch of the distribution.</summary>
internal static class OtherRuntimes
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);

    private static readonly Lazy<Task> Onnx = new(() => Install("onnx")), Torch = new(() => Install("torch"));

    /// <summary>Runs models by ONNX Runtime, one after another in one process.</summary>
    /// <returns>By run, the outputs by name.</returns>
    public static async Task<IReadOnlyList<Dictionary<string, OtherTensor>>> RunOnnx(params OnnxRun[] runs)
    {
        await Onnx.Value;
        var folder = Directory.CreateTempSubdirectory("athanor-onnx-").FullName;
        try
        {
            var paths = runs.Select((_, i) => Path.Combine(folder, $"{i}.onnx")).ToArray();
            for (var i = 0; i < runs.Length; i++) await File.WriteAllBytesAsync(paths[i], runs[i].Model);
            var request = new { runs = runs.Zip(paths, static (run, path) => new { model = path, inputs = run.Inputs }) };
            var output = await ProgramRun.Output(
                "node", [RepositoryFiles.Path("tests", "runtimes", "run-onnx.js")], JsonSerializer.Serialize(request, Options));
            return JsonSerializer.Deserialize<Dictionary<string, OtherTensor>[]>(output, Options)!;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
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
