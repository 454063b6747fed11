using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Actors.Twins;
using Athanor.Hosting;
using Athanor.Hosting.Work;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Hosting.Tests.Twins;

/// <summary>One unit with its numerics and without a host: commands are decided, events applied and written down, Computes done at once or
/// when a test says so.</summary>
internal sealed class UnitWorld
{
    public const string Model = """{"benchmark":"klatt-engell","inputs":["q","Qk"],"parameters":["k10"]}""";

    public const string Estimator =
        """
        {"kind":"ekf","period-s":20,"process-noise":{"A":0.0005,"B":0.0005,"T":0.005,"Tk":0.005},
         "initial-sd":{"A":0.2,"B":0.1,"T":0.5,"Tk":0.5},"estimate":{"k10":{"sd":1e11,"walk":1e8}},
         "sensors":{"T":{"noise":0.1,"low":0,"high":250},"Tk":{"noise":0.1,"low":0,"high":250},"B":{"noise":0.02,"low":0,"high":10}},
         "lag-window-s":120}
        """;

    public static readonly EntityAddress Address = EntityAddress.Of("twins", "r-101");
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly TwinDecider Decider = new();

    private readonly Dictionary<Type, IComputeHandler> _handlers = Families.ComputeHandlers.ToDictionary(static h => h.Handles);
    private readonly Queue<Effect.StartCompute> _computes = new();

    public static UnitModel FirstModel { get; } = new(1, "examples/klatt-engell.hocon", Model, Estimator, null, null);

    public static UnitSpec Spec { get; } = new(
        "R-101", TimeSpan.FromSeconds(20),
        [new UnitSensor("T", "degC", null, 0, 250), new UnitSensor("Tk", "degC", null, 0, 250), new UnitSensor("B", "mol/L", null, 0, 10)],
        [new UnitInput("q", "1/h", 5, 35, 0, 14.19), new UnitInput("Qk", "kJ/h", -9000, 0, 0, -1113.5)],
        TimeSpan.FromMinutes(2), FirstModel, ControllerMode.Advisory, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero,
        ImmutableSortedDictionary<string, double>.Empty, [],
        ImmutableSortedDictionary<string, double>.Empty.Add("A", 2.1).Add("B", 1.1).Add("T", 114).Add("Tk", 113));

    public TwinState State { get; private set; } = (TwinState)((IDecider)Decider).Initial(Address);

    public List<IEvent> Journal { get; } = [];

    public Dictionary<string, Effect.SetTimer> Timers { get; } = [];

    public DateTimeOffset Now { get; set; } = Start.AddHours(2);

    /// <summary>Whether Computes are done as they come.</summary>
    public bool Calculates { get; set; } = true;

    public FedPlant Plant { get; } = new();

    /// <summary>Takes the place of a Compute's result: null lets it throw.</summary>
    public Func<ICompute, IComputeResult?>? Instead { get; set; }

    public UnitView View => (UnitView)Decider.Answer(State, new UnitQuery());

    public static UnitWorld Created(UnitSpec? spec = null)
    {
        var world = new UnitWorld();
        Assert.IsType<Done>(world.Ask(new CreateUnit(spec ?? Spec)));
        return world;
    }

    public IReply? Ask(ICommand command, string principal = "ada")
    {
        var reply = Handle(command, principal);
        if (Calculates) Calculate();
        return reply;
    }

    public T Ask<T>(ICommand command)
        where T : IReply => Assert.IsType<T>(Ask(command));

    /// <summary>Does what waits to be calculated.</summary>
    public void Calculate()
    {
        while (_computes.TryDequeue(out var compute))
        {
            ICommand done;
            try
            {
                var result = Instead is { } instead
                    ? instead(compute.Request) ?? throw new InvalidOperationException("it was made to fail")
                    : _handlers[compute.Request.GetType()].Run([compute.Request], default)[0];
                done = new ComputeCompleted(compute.Name, result);
            }
            catch (Exception error)
            {
                done = new ComputeFailed(compute.Name, error.Message);
            }
            Handle(done, "system");
        }
    }

    /// <summary>Lets a timer fire whose time has come.</summary>
    public void Fire(string name)
    {
        Assert.True(Timers.Remove(name, out var timer), $"no timer {name} is set");
        if (timer.Due > Now) Now = timer.Due;
        Handle(timer.Command, "system");
        if (Calculates) Calculate();
    }

    /// <summary>Another owner reads the journal, and asks for what the state awaits.</summary>
    public void Recover()
    {
        var state = ((IDecider)Decider).Initial(Address);
        foreach (var @event in Journal) state = Decider.Apply((TwinState)state, (IEvent)Copy(@event));
        Assert.Equal(Families.Messages.Encode(State), Families.Messages.Encode(state));
        State = (TwinState)state;
        _computes.Clear();
        foreach (var compute in ((IDecider)Decider).Awaiting(State)) _computes.Enqueue(compute);
        if (Calculates) Calculate();
    }

    /// <summary>The same, from a snapshot.</summary>
    public void RecoverFromSnapshot()
    {
        State = (TwinState)Copy(State);
        _computes.Clear();
        foreach (var compute in ((IDecider)Decider).Awaiting(State)) _computes.Enqueue(compute);
        if (Calculates) Calculate();
    }

    /// <summary>The journal's events as they are written.</summary>
    public List<string> Written() => [.. Journal.Select(static e => Convert.ToHexString(Families.Messages.Encode(e)))];

    public T? LastOf<T>() => Journal.OfType<T>().LastOrDefault();

    private static IMessage Copy(IMessage message)
    {
        var kind = Families.Messages.KindOf(message);
        return Families.Messages.Decode(kind, 1, Families.Messages.Encode(message));
    }

    private IReply? Handle(ICommand command, string principal)
    {
        var effects = Decider.Decide(State, command, new DecisionContext(Address, Now, Journal.Count + 1, null, principal));
        IReply? reply = null;
        foreach (var effect in effects)
        {
            switch (effect)
            {
                case Effect.Persist { Event: var @event }:
                    Journal.Add(@event);
                    State = Decider.Apply(State, @event);
                    break;
                case Effect.Reply { Message: var message }:
                    reply = message;
                    break;
                case Effect.SetTimer set:
                    Timers[set.Name] = set;
                    break;
                case Effect.CancelTimer cancel:
                    Timers.Remove(cancel.Name);
                    break;
                case Effect.StartCompute compute:
                    _computes.Enqueue(compute);
                    break;
            }
        }
        var awaited = ((IDecider)Decider).Awaiting(State).Select(static c => c.Name).Order().ToList();
        Assert.Equal(awaited, _computes.Select(static c => c.Name).Order());
        return reply;
    }
}

/// <summary>The reactor that a unit is fed from: the model itself with noise.</summary>
internal sealed class FedPlant(int seed = 1)
{
    private readonly Athanor.Compute.Plants.PlantModel _model = Athanor.Compute.Plants.PlantModels.Create(UnitWorld.Model);
    private readonly Random _random = new(seed);
    private double[] _x = [2.14, 1.09, 114.2, 112.9];

    public double[] Inputs { get; } = [14.19, -1113.5];

    public double[] State => _x;

    public int Step { get; private set; }

    public Observe Next()
    {
        var next = new double[4];
        _model.Advance(_x, Inputs, _model.NominalParameters, 20, next);
        _x = next;
        var time = UnitWorld.Start.AddSeconds(20 * Step++);
        return new Observe(
            [
                new Sample("T", time, 0, Math.Round(_x[2] + Noise(0.1), 2)), new Sample("Tk", time, 0, Math.Round(_x[3] + Noise(0.1), 2)),
                new Sample("B", time, 0, Math.Round(_x[1] + Noise(0.02), 3)), new Sample("q", time, 0, Inputs[0]),
                new Sample("Qk", time, 0, Inputs[1]),
            ]);
    }

    private double Noise(double sd)
    {
        var sum = 0.0;
        for (var i = 0; i < 12; i++) sum += _random.NextDouble();
        return sd * (sum - 6.0);
    }
}
