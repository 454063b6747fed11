using Athanor.Compute.Tensors;
using Athanor.Compute.Torch;

namespace Compute.Tests.Torch;

public class TensorTests
{
    [TorchFact]
    public void Values_come_and_go_with_shape_type_and_device()
    {
        using var scope = new TensorScope();
        var matrix = Tensor.From([1f, 2f, 3f, 4f, 5f, 6f], [2, 3]);
        Assert.Equal((DType.Float32, "cpu"), (matrix.DType, matrix.Device));
        Assert.True(matrix.Shape.AsSpan().SequenceEqual([2L, 3L]));
        Assert.Equal([1f, 4f, 2f, 5f, 3f, 6f], matrix.T().ToFloats());
        Assert.Equal([4f, 5f, 6f, 1f, 2f, 3f], matrix.Rows(Tensor.From([1L, 0L], [2])).ToFloats());
        var scalar = Tensor.From([0.1], []);
        Assert.Empty(scalar.Shape);
        Assert.Equal(0.1, scalar.Item());
        Assert.Empty(Tensor.From(ReadOnlySpan<double>.Empty, [0, 4]).ToDoubles());
        Assert.Throws<InvalidOperationException>(() => scalar.ToFloats());
        Assert.Throws<ArgumentException>(() => Tensor.From([1f], [2]));
    }

    [TorchFact]
    public void Arithmetic_is_PyTorchs()
    {
        using var scope = new TensorScope();
        var a = Tensor.From([1.0, -2.0, 3.0, -4.0], [2, 2]);
        var b = Tensor.From([10.0, 20.0], [2]);
        Assert.Equal([11.0, 18.0, 13.0, 16.0], (a + b).ToDoubles());
        Assert.Equal([-9.0, -22.0, -7.0, -24.0], (a - b).ToDoubles());
        Assert.Equal([10.0, -40.0, 30.0, -80.0], (a * b).ToDoubles());
        Assert.Equal([2.0, -4.0, 6.0, -8.0], (a * 2).ToDoubles());
        Assert.Equal([-5.0, 6.0, -9.0, 10.0], a.MatMul(a).ToDoubles());
        Assert.Equal([1.0, 4.0, 9.0, 16.0], a.Pow(2).ToDoubles());
        Assert.Equal([1.0, 0.0, 3.0, 0.0], a.ReLU().ToDoubles());
        Assert.Equal(Math.Tanh(1), a.Tanh().ToDoubles()[0], 15);
        Assert.Equal((-0.5, -2.0), (a.Mean().Item(), a.Sum().Item()));
        Assert.Equal([1.0, -2.0, 3.0, -4.0], a.Reshape(4).ToDoubles());
    }

    [TorchFact]
    public void Gradients_are_those_of_the_formula()
    {
        using var scope = new TensorScope();
        var x = Tensor.From([0.3, -0.7, 1.1], [3]);
        x.RequiresGrad = true;
        Assert.Null(x.Grad);
        // L = mean(tanh(x)^2); dL/dx = 2/3 tanh(x) (1 - tanh(x)^2)
        x.Tanh().Pow(2).Mean().Backward();
        var expected = x.ToDoubles().Select(static v => 2.0 / 3.0 * Math.Tanh(v) * (1 - (Math.Tanh(v) * Math.Tanh(v)))).ToArray();
        Assert.All(expected.Zip(x.Grad!.ToDoubles()), static pair => Assert.Equal(pair.First, pair.Second, 14));
        using (TorchRuntime.NoGrad()) Assert.False((x * 2).RequiresGrad);
        Assert.True((x * 2).RequiresGrad);
        Assert.False(x.Detach().RequiresGrad);
    }

    [TorchFact]
    public void What_libtorch_refuses_is_an_exception_with_its_words()
    {
        using var scope = new TensorScope();
        var a = Tensor.From([1f, 2f], [1, 2]);
        var error = Assert.Throws<TorchException>(() => a.MatMul(a));
        Assert.Contains("shapes cannot be multiplied (1x2 and 1x2)", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("frame #", error.Message, StringComparison.Ordinal);
        Assert.Throws<TorchException>(() => a.Backward());
        Assert.Throws<TorchException>(() => a.To("nowhere"));
        Assert.Equal([2f, 4f], (a * 2).ToFloats());
    }

    [TorchFact]
    public void A_seed_gives_the_same_weights_and_a_state_dict_carries_them()
    {
        using var scope = new TensorScope();
        TorchRuntime.ManualSeed(5);
        var first = new Sequential(new Linear(3, 4), new Tanh(), new Linear(4, 1));
        TorchRuntime.ManualSeed(5);
        var second = new Sequential(new Linear(3, 4), new Tanh(), new Linear(4, 1));
        var third = new Sequential(new Linear(3, 4), new ReLU(), new Linear(4, 1));
        var bytes = first.StateDict().Write();
        Assert.Equal(bytes, second.StateDict().Write());
        Assert.NotEqual(bytes, third.StateDict().Write());
        Assert.Equal(["0.bias", "0.weight", "2.bias", "2.weight"], first.StateDict().Tensors.Keys);
        third.LoadStateDict(SafeTensors.Read(bytes));
        Assert.Equal(bytes, third.StateDict().Write());
        var bound = 1 / MathF.Sqrt(3);
        Assert.All(first.Parameters()[0].ToFloats(), weight => Assert.InRange(weight, -bound, bound));

        var other = new Sequential(new Linear(3, 5), new Tanh(), new Linear(5, 1));
        Assert.Contains("'0.weight' has the shape (4, 3) and must have (5, 3)",
            Assert.Throws<ArgumentException>(() => other.LoadStateDict(first.StateDict())).Message, StringComparison.Ordinal);
        Assert.Contains("that this module does not have",
            Assert.Throws<ArgumentException>(() => new Linear(3, 4).LoadStateDict(first.StateDict())).Message, StringComparison.Ordinal);
    }

    [TorchFact]
    public void Threads_can_be_set()
    {
        var before = TorchRuntime.NumThreads;
        TorchRuntime.NumThreads = 1;
        Assert.Equal(1, TorchRuntime.NumThreads);
        TorchRuntime.NumThreads = before;
    }

    [TorchFact]
    public void A_scope_frees_what_was_made_in_it()
    {
        var outside = Tensor.From([1f], [1]);
        Tensor inside;
        using (new TensorScope()) inside = outside * 2;
        Assert.Throws<ObjectDisposedException>(() => inside.ToFloats());
        Assert.Equal([1f], outside.ToFloats());
        outside.Dispose();
    }
}
