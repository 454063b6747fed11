using System.CommandLine;
using Athanor.Compute.Exchange;
using Athanor.Compute.Exchange.Onnx;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models export</c>: a version as a file for other programs.</summary>
internal static class ExportCommand
{
    private static readonly Argument<string> Model = ModelArguments.Model();
    private static readonly Option<int?> Version = ModelArguments.Version("Which version (default: the one in production, else the newest).");
    private static readonly Option<string?> Onnx = Target("--onnx", "ONNX, its scales inside: what ONNX Runtime and others run.");
    private static readonly Option<string?> SafeTensors = Target("--safetensors", "The weights with their names, and what the model is as metadata.");
    private static readonly Option<string?> StateDict = Target("--state-dict", "The weights as torch.load(FILE, weights_only=True) reads them.");

    private static readonly Option<OnnxGraphKind> Graph = new("--graph")
    {
        Description = "Of a model of dynamics, what --onnx writes: roll-out (states over given steps) or field (dx/dt).",
        HelpName = "roll-out|field",
        DefaultValueFactory = static _ => OnnxGraphKind.RollOut,
        CustomParser = static result => result.Tokens[0].Value switch
        {
            "roll-out" => OnnxGraphKind.RollOut,
            "field" => OnnxGraphKind.Field,
            var other => Wrong(result, $"--graph '{other}': roll-out or field would be right"),
        },
    };

    private static readonly Option<int> Substeps = new("--substeps")
    {
        Description = "Of a roll-out: Runge-Kutta steps that each given step is cut into (default: 1).",
        HelpName = "N",
        DefaultValueFactory = static _ => 1,
    };

    public static Command Create()
    {
        var export = Cli.Command(
            "export", "Writes a version of a model as a file for other programs.", "models export airfoil --onnx airfoil.onnx",
            "models export airfoil --version 2 --safetensors airfoil.safetensors --state-dict airfoil.pt");
        export.Arguments.Add(Model);
        foreach (var option in (Option[])[Version, Onnx, SafeTensors, StateDict, Graph, Substeps, Cli.Tenant]) export.Options.Add(option);
        RemoteOptions.AddTo(export);
        export.SetAction(Run);
        return export;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Model);
        Cli.CheckNames(parsed, id);
        var targets = ((Option<string?>[])[Onnx, SafeTensors, StateDict]).Where(o => parsed.GetValue(o) is not null).ToList();
        if (targets.Count == 0) throw new UserException("as what? --onnx FILE, --safetensors FILE or --state-dict FILE");
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var model = Cli.Address(parsed, cluster, "models", id);
        var view = await ModelArguments.Read(cluster.Client, model, cancellation);
        var version = ModelArguments.VersionOf(view, model, parsed.GetValue(Version));
        var name = ModelArguments.NameOf(model, version.Number);
        var files = new List<(string Path, byte[] Content)>();
        try
        {
            var file = await VersionFiles.Read(cluster.Client, model, version, cancellation);
            foreach (var target in targets)
            {
                var content = target == Onnx ? OnnxExport.Write(file, parsed.GetValue(Graph), parsed.GetValue(Substeps)) : target == StateDict ? file.StateDict() : file.Write();
                files.Add((parsed.GetValue(target)!, content));
            }
        }
        catch (ExchangeException error)
        {
            throw new UserException($"{name}: {error.Message}", ExitCodes.Failure);
        }
        foreach (var (path, content) in files) await Write(path, content, cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new { model = name, files = files.Select(static f => new { f.Path, bytes = f.Content.Length }) });
            return ExitCodes.Success;
        }
        foreach (var (path, content) in files) Console.Out.WriteLine($"{name} is written to {path} ({content.Length} bytes).");
        return ExitCodes.Success;
    }

    private static async Task Write(string path, byte[] content, CancellationToken cancellation)
    {
        try
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
            await File.WriteAllBytesAsync(path, content, cancellation);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path} cannot be written: {error.Message}", ExitCodes.Environment);
        }
    }

    private static Option<string?> Target(string name, string description) => new(name) { Description = description, HelpName = "FILE" };

    private static OnnxGraphKind Wrong(System.CommandLine.Parsing.ArgumentResult result, string problem)
    {
        result.AddError(problem);
        return default;
    }
}
