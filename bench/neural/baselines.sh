#!/bin/bash
# Builds what the networks are measured against, into the folder named by the first argument, from the baselines folder named by the second:
#   node_torch, mlp_torch   libtorch C++ (Debian's libtorch-dev)
#   headroom_node           hand-written C++ with AVX-512 (g++ -O3 -march=native -ffast-math); only on machines that have it
#   sgemm                   OpenBLAS's matrix product: the machine's limit that a library reaches
# What is already built is left alone; what cannot be built is left out and said.
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd); baselines=$(cd "$2" && pwd); code=0
torch="-I/usr/include/torch/csrc/api/include -ltorch -ltorch_cpu -lc10"
build() { # name, source, flags...
    local name=$1 source=$2; shift 2
    [ -x "$out/$name" ] && return
    g++ "$baselines/$source" -o "$out/$name.new" -std=c++17 "$@" > "$out/$name.log" 2>&1 && mv "$out/$name.new" "$out/$name" && return
    echo "$name was not built: see $out/$name.log"; code=1
}
build headroom_node headroom_node.cpp -O3 -march=native -ffast-math -pthread
build sgemm peer05_sgemm.cpp -O3 -march=native -ffast-math -l:libopenblas.so.0 -pthread
build node_torch peer06_node_torch.cpp -O2 -march=native $torch
build mlp_torch peer05_mlp_torch.cpp -O2 -march=native $torch
exit $code
