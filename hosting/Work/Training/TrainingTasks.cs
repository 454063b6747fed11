namespace Athanor.Hosting.Work.Training;

/// <summary>The kinds of training that a slot can do.</summary>
internal static class TrainingTasks
{
    public static IReadOnlyList<ITrainingTask> All { get; } =
    [
        new PerceptronTask(),
        new HybridTask(),
        new LibtorchCheckTask(),
    ];
}
