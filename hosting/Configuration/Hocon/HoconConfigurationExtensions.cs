using Athanor.Hosting.Configuration.Hocon;

// In the namespace of the builder, where its other extensions are.
namespace Microsoft.Extensions.Configuration;

public static class HoconConfigurationExtensions
{
    /// <summary>Adds a HOCON file. Keys are as with JSON: <c>a:b</c>, and <c>a:0</c> for an item of an array.</summary>
    /// <exception cref="HoconException">On Build: the file is wrong; the message names file and line and what would be right.</exception>
    public static IConfigurationBuilder AddHocon(this IConfigurationBuilder builder, string path, bool optional = false) =>
        builder.Add(new HoconSource(path, optional));

    private sealed class HoconSource(string path, bool optional) : IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder) => new HoconProvider(path, optional);
    }

    private sealed class HoconProvider(string path, bool optional) : ConfigurationProvider
    {
        public override void Load()
        {
            if (optional && !File.Exists(path)) return;
            Add("", HoconFile.Load(path));
        }

        private void Add(string at, HoconValue value)
        {
            switch (value)
            {
                case HoconObject { Count: > 0 } inner:
                    foreach (var (key, item) in inner.Fields) Add(at == "" ? key : ConfigurationPath.Combine(at, key), item);
                    break;
                case HoconArray { Items.Count: > 0 } array:
                    for (var i = 0; i < array.Items.Count; i++)
                        Add(ConfigurationPath.Combine(at, i.ToString(System.Globalization.CultureInfo.InvariantCulture)), array.Items[i]);
                    break;
                case HoconScalar { Kind: not HoconScalarKind.Null } scalar:
                    Data[at] = scalar.Text;
                    break;
                default:
                    if (at != "") Data[at] = value is HoconArray ? "" : null;
                    break;
            }
        }
    }
}
