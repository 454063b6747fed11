using Athanor.Compute.Fitting;
using Athanor.Hosting.Fits;
using Athanor.Hosting.Petab;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Models;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Hosting.Tests.Fits;

public sealed class FitFileTests
{
    private const string Decay = """
        fit {
          name = decay
          equations { y = "-k * y" }
          parameters {
            k { lower = 1e-3, upper = 10, scale = log }
            a { value = 2, lower = 0, upper = 10, local = true }
          }
          experiments = [
            { name = one, data = one.csv, start { y = a }, columns { y = y } }
            { name = two, data = two.csv, start { y = a }, columns { y = y } }
          ]
        }
        """;

    private static readonly Dictionary<string, string> Files = new()
    {
        ["decay.hocon"] = Decay,
        ["one.csv"] = "t,y\n0,2.01\n1,1.47\n2,1.11\n4,0.6\n",
        ["two.csv"] = "t,y\n0,4.9\n1,3.75\n3,\n4,1.49\n",
    };

    [Fact]
    public void The_example_of_alpha_pinene_is_fitted_to_the_published_sum_of_squares()
    {
        var problem = FitTexts.Read(RepositoryFiles.Path("examples", "alpha-pinene.hocon")).Build();
        Assert.Equal(40, problem.Measurements);
        Assert.Equal(19.872167, 2 * new FitSearch(problem).From([6e-5, 3e-5, 2e-5, 3e-4, 4e-5]).Value, 1e-6);
    }

    [Fact]
    public void The_example_of_methanol_is_fitted_to_the_published_sum_of_squares_with_p5_on_its_bound()
    {
        var problem = FitTexts.Read(RepositoryFiles.Path("examples", "methanol.hocon")).Build();
        var fit = new FitSearch(problem).From([1.5, 2, 2, 2, 0.1]);
        Assert.Equal(9.02229e-3, 2 * fit.Value, 5e-9);
        Assert.Equal([0, 0, 0, 0, -1], fit.AtBound);
    }

    [Fact]
    public void A_local_parameter_is_each_experiment_s_own_and_an_empty_cell_was_not_measured()
    {
        var problem = FitText.Build("decay.hocon", Files);
        Assert.Equal(["k", "a@one", "a@two"], problem.Parameters.Select(p => p.Name));
        Assert.Equal(7, problem.Measurements);
        var fit = new FitSearch(problem).From([1, 1, 1]);
        Assert.Equal(0.3, fit.Theta[0], 0.02);
        Assert.Equal(2.0, fit.Theta[1], 0.05);
        Assert.Equal(5.0, fit.Theta[2], 0.1);
    }

    [Fact]
    public void A_network_of_reactions_is_fitted_beside_its_own_sections()
    {
        const string Text = """
            kinetics { units { concentration = mol/L, time = min }, species { A { initial = 2 }, B {} }, parameters { k = "1 1/min" }, reactions { r = "A -> B ; k = k" } }
            balance { kind = batch, temperature = "300 K", end = 5 }
            fit {
              name = reactions
              parameters { k { lower = 1e-3, upper = 10, scale = log } }
              experiments = [ { name = one, data = one.csv, columns { A = y } } ]
            }
            """;
        var problem = FitText.Build("r.hocon", new Dictionary<string, string>(Files) { ["r.hocon"] = Text });
        Assert.Equal(0.3, new FitSearch(problem).From(problem.Nominal).Theta[0], 0.02);
    }

    [Theory]
    [InlineData("\"-k * y\"", "\"-k * z\"", "there is no 'z'")]
    [InlineData("scale = log", "scale = lgo", "must be one of lin, log, log10")]
    [InlineData("lower = 1e-3", "lower = -1", "must be positive")]
    [InlineData("columns { y = y } }", "columns { q = y } }", "neither a state nor in fit.observables")]
    [InlineData("columns { y = y } }", "columns { y = x } }", "no column 'x'")]
    [InlineData("upper = 10, scale", "uper = 10, scale", "upper is missing")]
    [InlineData("name = decay", "name = decay, nme = 1", "fit.nme is not known")]
    public void A_mistake_is_named_with_its_key(string good, string bad, string message)
    {
        var files = new Dictionary<string, string>(Files) { ["decay.hocon"] = Decay.Replace(good, bad, StringComparison.Ordinal) };
        var error = Assert.Throws<FitException>(() => FitText.Build("decay.hocon", files));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Starts_cut_into_parts_or_begun_again_from_a_checkpoint_have_the_bits_of_those_that_are_not()
    {
        var source = new FitTexts("hocon", "decay.hocon", Files).Source;
        var whole = Run(source, 0, 6, new Context(5));
        var first = Run(source, 0, 2, new Context(5));
        var rest = Run(source, 2, 4, new Context(5));
        Assert.Equal<IEnumerable<double>>(whole.Values, first.Values.Concat(rest.Values));
        Assert.Equal(whole.Theta, (first.Value <= rest.Value ? first : rest).Theta);
        var dying = new Context(5);
        Run(source, 0, 6, dying);
        var again = new Context(5) { Checkpoint = new WorkCheckpoint(3, "saved"), Saved = dying.Kept[3] };
        Assert.Equal<IEnumerable<double>>(whole.Values, Run(source, 0, 6, again).Values);
        Assert.Equal([4, 5], again.Kept.Keys);
    }

    [Theory]
    [InlineData("<listOfEvents><event id='dose'/></listOfEvents>", "the event 'dose' is not supported")]
    [InlineData("<listOfRules><algebraicRule/></listOfRules>", "the algebraicRule '' is not supported")]
    [InlineData("<listOfReactions><reaction id='r1'/></listOfReactions>", "the reaction 'r1' has no kinetic law")]
    [InlineData(
        "<listOfReactions><reaction id='r1'><kineticLaw><math><apply><sin/><ci>c</ci></apply></math></kineticLaw></reaction></listOfReactions>",
        "reaction 'r1': the function <sin> is not supported")]
    [InlineData(
        "<listOfReactions><reaction id='r1'><kineticLaw><math><ci>k9</ci></math></kineticLaw></reaction></listOfReactions>",
        "reaction 'r1': there is no 'k9'")]
    public void What_SBML_may_hold_and_is_not_supported_is_refused_with_the_component_s_name(string part, string message)
    {
        var text = $"<sbml><model><listOfCompartments><compartment id='c' size='1'/></listOfCompartments>{part}</model></sbml>";
        Assert.Contains(message, Assert.Throws<PetabException>(() => SbmlModel.Parse("m.xml", text)).Message, StringComparison.Ordinal);
    }

    private static FitModelWorkResult Run(FitSource source, int first, int count, Context context) =>
        (FitModelWorkResult)new FitModelHandler().Run(new FitModelWork(source, 6, first, count), context);

    private sealed class Context(ulong seed) : IWorkContext
    {
        private readonly FitTexts _texts = new("hocon", "decay.hocon", Files);

        public ulong Seed => seed;

        public CancellationToken Cancellation => default;

        public WorkCheckpoint? Checkpoint { get; init; }

        public byte[] Saved { get; init; } = [];

        public SortedDictionary<long, byte[]> Kept { get; } = [];

        public ReadOnlyMemory<byte> GetBlob(string hash) => hash == "saved"
            ? Saved : System.Text.Encoding.UTF8.GetBytes(Files[_texts.Source.Files.First(f => f.Hash == hash).Name]);

        public string PutBlob(ReadOnlyMemory<byte> content) => throw new NotSupportedException("this work puts no blobs");

        public void Report(double done, string note) => Assert.InRange(done, 0.0, 1.0);

        public void SaveCheckpoint(long step, ReadOnlyMemory<byte> content) => Kept[step] = content.ToArray();
    }
}
