using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// A HOCON file of a reaction network and the balance it stands in: <c>kinetics { species, parameters, definitions, tables, reactions }</c>
/// and <c>balance { kind, temperature, ... }</c>. docs/guides/kinetics.md has every key. Whatever is wrong, in the file, in a reaction's
/// text, in a unit or in a balance of elements, is one <see cref="HoconException"/> that begins with file and line and names the key.
/// </summary>
public sealed class SpecificationFile
{
    private readonly KineticsSection _kinetics;
    private readonly BalanceSection? _balance;

    private SpecificationFile(string path, HoconObject root)
    {
        Path = path;
        Root = root;
        if (root.At("kinetics") is not HoconObject kinetics)
            throw SpecificationReader.Error(root.Origin, "kinetics", "the file has no section kinetics { species { ... } reactions { ... } }");
        _kinetics = new KineticsSection(kinetics, System.IO.Path.GetFileNameWithoutExtension(path));
        _balance = root.At("balance") switch
        {
            null => null,
            HoconObject balance => new BalanceSection(balance),
            var other => throw SpecificationReader.Error(other.Origin, "balance", "it must be an object { ... }"),
        };
    }

    public string Path { get; }

    /// <summary>The whole file, for those who read other sections of it.</summary>
    public HoconObject Root { get; }

    public KineticsText Kinetics => _kinetics.Text;

    /// <summary>Null where the file has none.</summary>
    public BalanceText? Balance => _balance?.Text;

    /// <exception cref="HoconException">The file is wrong.</exception>
    public static SpecificationFile Load(string path) => new(path, HoconFile.Load(path));

    /// <param name="name">What error messages call the text.</param>
    public static SpecificationFile Parse(string name, string text) => new(name, HoconFile.Parse(name, text));

    /// <param name="root">A file that was read.</param>
    internal static SpecificationFile Of(string path, HoconObject root) => new(path, root);

    /// <summary>Whether a file has the section that this reads.</summary>
    public static bool IsKinetics(HoconObject root) => root.At("kinetics") is HoconObject;

    /// <summary>The checked network.</summary>
    /// <exception cref="HoconException">It is wrong; the message has file, line and key.</exception>
    public KineticNetwork Network()
    {
        try
        {
            return KineticNetwork.Of(Kinetics);
        }
        catch (KineticsException error)
        {
            throw new HoconException(_kinetics.Find(error.Key), error.Message, error);
        }
    }

    /// <summary>The network in its balance, as a problem that can be solved.</summary>
    /// <exception cref="HoconException">It is wrong, or there is no balance.</exception>
    public KineticModel Model(CodeForm form = CodeForm.Auto)
    {
        var network = Network();
        if (_balance is null)
        {
            throw SpecificationReader.Error(
                Root.Origin, "balance", "the file has no section balance { kind = batch, temperature = \"300 K\" }, so nothing says what it reacts in");
        }
        try
        {
            return network.Balance(_balance.Text, form);
        }
        catch (KineticsException error)
        {
            throw new HoconException(_balance.Find(error.Key), error.Message, error);
        }
    }
}
