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
        case ["tep", .. var rest]:
            Tep.Run(new Options(rest));
            return 0;
        case ["skab", .. var rest]:
            Skab.Run(new Options(rest));
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
    tep [--data FOLDER]                              fault detection on the Tennessee Eastman files
    skab [--data FOLDER]                             fault detection on the SKAB runs, measured
    """);
return 1;
