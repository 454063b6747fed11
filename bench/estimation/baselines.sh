#!/bin/bash
# Builds what a filter's step is measured against, into the folder named by the first argument, from the baselines folder named by the second:
#   headroom_ekf   hand-written C++ with AVX-512 (g++ -O3 -march=native -ffp-contract=fast); only on machines that have it
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd); baselines=$(cd "$2" && pwd)
[ -x "$out/headroom_ekf" ] && exit 0
g++ "$baselines/headroom_ekf.cpp" -o "$out/headroom_ekf.new" -std=c++17 -O3 -march=native -ffp-contract=fast > "$out/headroom_ekf.log" 2>&1 \
    && mv "$out/headroom_ekf.new" "$out/headroom_ekf" && exit 0
echo "headroom_ekf was not built: see $out/headroom_ekf.log"; exit 1
