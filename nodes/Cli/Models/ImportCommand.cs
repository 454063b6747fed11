using System.Collections.Immutable;
using System.CommandLine;
using System.Security.Cryptography;
using Athanor.Actors;
using Athanor.Compute.Exchange;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models import FILE</c>: makes a version of a safetensors file. The same file again is the same version.</summary>
internal static class ImportCommand
{
    private static readonly Argument<string> From = new("file")
    {
        Description = "A safetensors file: one that 'models export' wrote, or the layers of a perceptron from elsewhere.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Model = new("--model") { Description = "The model's id (default: the file's name).", HelpName = "MODEL" };

    private static readonly Option<int> Parent = new("--parent") { Description = "The version that it goes on from (default: none).", HelpName = "N" };

    private static readonly Option<string?> Activation = new("--activation")
    {
        Description = $"For layers from elsewhere, what stands between them: {string.Join(", ", NetWeights.Activations)}.",
        HelpName = "NAME",
    };

    private static readonly Option<string?> Inputs = new("--inputs")
    {
        Description = "For layers from elsewhere, the inputs' names, with commas (default: x1,x2,...).",
        HelpName = "NAMES",
    };

    private static readonly Option<string?> Outputs = new("--outputs")
    {
        Description = "For layers from elsewhere, the outputs' names, with commas (default: y1,y2,...).",
        HelpName = "NAMES",
    };

    public static Command Create()
    {
        var import = Cli.Command(
            "import", "Registers a safetensors file as a version of a model.", "models import airfoil.safetensors",
            "models import net.safetensors --model airfoil --activation relu --inputs f,angle,chord,speed,thickness --outputs level");
        import.Arguments.Add(From);
        foreach (var option in (Option[])[Model, Parent, Activation, Inputs, Outputs, Cli.Tenant]) import.Options.Add(option);
        RemoteOptions.AddTo(import);
        import.SetAction(Run);
        return import;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var path = parsed.GetRequiredValue(From);
        var id = parsed.GetValue(Model) ?? Id(path);
        Cli.CheckNames(parsed, id);
        var file = Read(path, parsed);
        var content = file.Write();
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var model = Cli.Address(parsed, cluster, "models", id);
        var known = await cluster.Client.Query(model, new ModelQuery(), cancellation: cancellation) as ModelView;
        if (known is not null && file.Kind.Length > 0 && known.Versions.Select(static v => v.Details?.Signature?.Kind).LastOrDefault(static k => k is not null) is { } kind && kind != file.Kind)
            throw new UserException($"{model} is a {kind}, and {path} holds a {file.Kind}; --model names another");
        var hash = await cluster.Client.PutBlob(content, cancellation, model.Tenant);
        if (known is null)
            await ModelArguments.Ask(cluster.Client, model, new RegisterModel(file.Kind.Length > 0 ? file.Kind : "tensors", $"Imported from {Path.GetFileName(path)}"), cancellation);
        var signature = new ModelSignature(file.Kind, file.Inputs, file.Outputs);
        var add = new AddVersion(
            $"import:{Path.GetFileName(path)}#{hash[..12]}", parsed.GetValue(Parent), "", hash, ImmutableSortedDictionary<string, double>.Empty,
            new VersionDetails("", [], signature));
        var recorded = (VersionRecorded)await ModelArguments.Ask(cluster.Client, model, add, cancellation);
        var name = ModelArguments.NameOf(model, recorded.Version);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { model = name, version = recorded.Version, blob = hash, signature });
        else Console.Out.WriteLine($"{name} holds {file.Tensors.Count} tensors of {Path.GetFileName(path)}: {(file.Kind.Length > 0 ? $"{file.Kind} {signature}" : "no model, only tensors")}.");
        return ExitCodes.Success;
    }

    private static ModelFile Read(string path, ParseResult parsed)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserException(File.Exists(path) ? $"{path} cannot be read: {error.Message}" : $"{path}: there is no such file");
        }
        try
        {
            var file = ModelFile.Read(bytes);
            var (activation, inputs, outputs) = (parsed.GetValue(Activation), Words(parsed.GetValue(Inputs)), Words(parsed.GetValue(Outputs)));
            if (file.Kind.Length > 0)
            {
                return activation is null && inputs.Length + outputs.Length == 0
                    ? file
                    : throw new UserException($"{path} says itself what it is ({file.Kind}); --activation, --inputs and --outputs are for layers from elsewhere");
            }
            if (activation is not null) return ForeignTensors.Perceptron(file, activation, inputs, outputs);
            return inputs.Length + outputs.Length == 0
                ? file
                : throw new UserException("--inputs and --outputs are names of a perceptron's; --activation says that it is one");
        }
        catch (ExchangeException error)
        {
            throw new UserException($"{path}: {error.Message}");
        }
    }

    private static string[] Words(string? text) => text?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static string Id(string path)
    {
        var id = new string([.. Path.GetFileNameWithoutExtension(path).Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-')]);
        return id.Length > 0 ? id : "model";
    }
}
