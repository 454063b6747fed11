"""PyTorch's side of bench/gpu.sh: the same forward and backward, eager and by torch.compile, in float32. Lines: case, way, ms (tabs)."""
import sys
import time

import torch

device = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
ODE_STEPS = 50


def synchronise():
    if device != "cpu":
        torch.cuda.synchronize()


def median(step):
    for _ in range(3):
        step()
    synchronise()
    times = []
    for _ in range(rounds):
        begun, calls = time.perf_counter(), 0
        while calls < 3 or time.perf_counter() - begun < 0.1:
            step()
            calls += 1
            if calls % 10 == 0:
                synchronise()
        synchronise()
        times.append((time.perf_counter() - begun) / calls * 1e3)
    return sorted(times)[rounds // 2]


def leaves(sizes, nets):
    torch.manual_seed(1)
    w = [(torch.rand(nets, a, b, device=device) * 2 - 1).div_(a ** 0.5).requires_grad_() for a, b in zip(sizes, sizes[1:])]
    b = [(torch.rand(nets, 1, b, device=device) * 0.1).requires_grad_() for b in sizes[1:]]
    return w, b


def ode(batch):
    w, b = leaves([4, 64, 64, 4], 1)
    w2, b2 = [x[0].detach().requires_grad_() for x in w], [x[0, 0].detach().requires_grad_() for x in b]
    x = torch.rand(batch, 4, device=device) * 2 - 1

    def field(h):
        h = torch.tanh(torch.addmm(b2[0], h, w2[0]))
        h = torch.tanh(torch.addmm(b2[1], h, w2[1]))
        return torch.addmm(b2[2], h, w2[2])

    # One step is what is compiled: all fifty unrolled take the compiler minutes.
    def one(h):
        dt = 0.02
        k1 = field(h)
        k2 = field(h + k1 * (dt / 2))
        k3 = field(h + k2 * (dt / 2))
        k4 = field(h + k3 * dt)
        return h + (k1 + (k2 + k3) * 2 + k4) * (dt / 6)

    def step(advance):
        for tensor in w2 + b2:
            tensor.grad = None
        h = x
        for _ in range(ODE_STEPS):
            h = advance(h)
        h.pow(2).mean().backward()

    return one, step


def nets(count, rows):
    w, b = leaves([2, 64, 64, 10], count)
    x = torch.rand(count, rows, 2, device=device) * 2 - 1

    def forward(h):
        h = torch.tanh(torch.baddbmm(b[0], h, w[0]))
        h = torch.tanh(torch.baddbmm(b[1], h, w[1]))
        return torch.baddbmm(b[2], h, w[2])

    def step(call):
        for tensor in w + b:
            tensor.grad = None
        call(x).pow(2).mean().backward()

    return forward, step


def measure(name, made):
    function, step = made
    print(f"{name}\teager\t{median(lambda: step(function)):.4f}", flush=True)
    # The compiler is for GPUs here: on a CPU it needs a C++ compiler of its own taste, and minutes.
    if device == "cpu" or not hasattr(torch, "compile"):
        return
    try:
        compiled = torch.compile(function)
        print(f"{name}\tcompile\t{median(lambda: step(compiled)):.4f}", flush=True)
    except Exception as error:  # a missing Triton, for instance
        print(f"torch.compile is left out of '{name}': {str(error).splitlines()[0]}", file=sys.stderr)


if device == "cpu":
    torch.set_num_threads(int(__import__("os").environ.get("OMP_NUM_THREADS", "1")))
for batch in [32] if device == "cpu" else [32, 1024, 16384]:
    measure(f"neural ODE 4-64-64-4, RK4 x {ODE_STEPS}, batch {batch}", ode(batch))
for count, rows, what in [(10, 1000, "ensemble"), (100, 100, "population")]:
    measure(f"{what}: {count} nets 2-64-64-10 x {rows} inputs", nets(count, rows))
