using System.Globalization;
using Athanor.Bench.Protocol;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
try
{
    switch (args)
    {
        case ["reactors", .. var rest]:
            Reactors.Run(new Options(rest));
            return 0;
        case ["tanks", .. var rest]:
            Measured.Tanks(new Options(rest));
            return 0;
        case ["exchanger", .. var rest]:
            Measured.Exchanger(new Options(rest));
            return 0;
    }
}
catch (Exception e) when (e is ArgumentException or IOException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
Console.Error.WriteLine(
    """
    reactors [--seeds N] [--steps N] [--case TEXT]   the reactor protocol
    tanks [--file CSV]                               the cascaded tanks, measured
    exchanger [--file CSV.GZ]                        the heat exchanger, measured
    """);
return 1;
