namespace Athanor.Compute.Twins;

/// <summary>What a training holds between steps; all of it is in a checkpoint.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Balances">The fitted balance of each fold, then that of all rows, shape (folds + 1, parameters) as rows.</param>
/// <param name="Members">The roll-out fit of each fold, then that of all rows.</param>
/// <param name="BalanceRmseK">Cross-validated free-run error of the plain balance, K.</param>
/// <param name="BestRmseK">The least cross-validated error so far, K.</param>
/// <param name="BestStep">The step of that.</param>
/// <param name="Best">Theta of the fit on all rows at that step.</param>
public sealed record HybridState(
    int Step, double[][] Balances, RollOutState[] Members, double BalanceRmseK, double BestRmseK, int BestStep, double[] Best);

/// <summary>
/// Fits the energy balance, then trains the hybrid, on the first rows of a record alone. The number of steps is chosen by three-fold
/// cross-validation inside these rows (two folds look ahead, one looks back): each fold's hybrid starts from the balance fitted to
/// its own training rows and is scored by free runs on rows that it has not seen; a fourth fit on all rows is trained beside them, and
/// kept as it was at the step with the least pooled error. Nothing of the record after these rows is looked at.
/// </summary>
public sealed class HybridTrainer
{
    private readonly HeaterRecord _record;
    private readonly HybridSettings _settings;
    private readonly (FreeRunPlan Train, FreeRunPlan Validation)[] _folds;
    private readonly FreeRunPlan _all;

    /// <param name="record">Exactly the rows to fit; at least 600.</param>
    public HybridTrainer(HeaterRecord record, HybridSettings settings)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(settings);
        if (record.Rows < 600) throw new ArgumentException($"{record.Rows} rows are too few to train on; at least 600 would be right");
        if (settings.RefreshEvery < 1)
            throw new ArgumentException($"gains are refreshed every {settings.RefreshEvery} steps; 1 or more would be right");
        _record = record;
        _settings = settings;
        // A twelfth of the rows is a run, a sixtieth lies between starts; the filter settles before the first.
        var every = record.Rows / 60;
        var length = 5 * every;
        FreeRunPlan Plan(int from, int to) => new(from * every, to * every, every, length);
        _folds = [(Plan(3, 45), Plan(45, 60)), (Plan(3, 30), Plan(30, 45)), (Plan(20, 60), Plan(3, 20))];
        _all = Plan(3, 60);
    }

    /// <summary>Fits the balances and makes the state before the first step.</summary>
    /// <param name="start">Where the fits of the balance start; its noise is kept.</param>
    public HybridState Initial(HeaterParameters start, ulong seed)
    {
        var balances = new double[_folds.Length + 1][];
        var members = new RollOutState[balances.Length];
        for (var i = 0; i < balances.Length; i++)
        {
            var balance = BalanceFit.Fit(start, _record, PlanOf(i));
            balances[i] = balance.ToArray();
            members[i] = new RollOutFit(balance, _record, PlanOf(i), _settings).Initial(seed);
        }
        var rmse = Pooled(i => HeaterModel.Balance(HeaterParameters.From(balances[i])));
        return new HybridState(0, balances, members, rmse, rmse, 0, members[^1].Theta);
    }

    /// <summary>Trains on.</summary>
    /// <param name="report">Is told after each step: the state and the error on all rows before the step, K.</param>
    public HybridState Run(HybridState state, int steps, Action<HybridState, double> report, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(report);
        var fits = new RollOutFit[state.Members.Length];
        for (var i = 0; i < fits.Length; i++)
            fits[i] = new RollOutFit(HeaterParameters.From(state.Balances[i]), _record, PlanOf(i), _settings);
        for (var n = 0; n < steps; n++)
        {
            cancellation.ThrowIfCancellationRequested();
            var members = new RollOutState[fits.Length];
            var error = 0.0;
            for (var i = 0; i < fits.Length; i++) (members[i], error) = fits[i].Step(state.Members[i], state.Step);
            state = state with { Step = state.Step + 1, Members = members };
            if (state.Step % _settings.RefreshEvery == 0) state = Judge(state, fits);
            report(state, error);
        }
        return state;
    }

    /// <summary>The balance fitted to all rows.</summary>
    public static HeaterModel BalanceOf(HybridState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return HeaterModel.Balance(HeaterParameters.From(state.Balances[^1]));
    }

    /// <summary>The hybrid of the best step, fitted to all rows.</summary>
    public HeaterModel HybridOf(HybridState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new RollOutFit(HeaterParameters.From(state.Balances[^1]), _record, _all, _settings).Model(state.Best);
    }

    private FreeRunPlan PlanOf(int member) => member < _folds.Length ? _folds[member].Train : _all;

    private HybridState Judge(HybridState state, RollOutFit[] fits)
    {
        var rmse = Pooled(i => fits[i].Model(state.Members[i].Theta));
        return rmse < state.BestRmseK
            ? state with { BestRmseK = rmse, BestStep = state.Step, Best = state.Members[^1].Theta }
            : state;
    }

    /// <summary>Root mean square over all validation rows of all folds.</summary>
    private double Pooled(Func<int, HeaterModel> model)
    {
        var (sum, rows) = (0.0, 0L);
        for (var i = 0; i < _folds.Length; i++)
        {
            FreeRunScore score;
            try
            {
                score = FreeRunScore.Of(model(i), _record, _folds[i].Validation);
            }
            catch (ArithmeticException)
            {
                return double.PositiveInfinity;
            }
            foreach (var run in score.Runs) sum += run.SumOfSquares;
            rows += (long)_folds[i].Validation.Runs * _folds[i].Validation.Length;
        }
        return Math.Sqrt(sum / rows);
    }
}
