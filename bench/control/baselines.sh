#!/bin/bash
# Builds what the controllers are measured against, into the folder named by the first argument, from the baselines folder named by the second:
#   mpc_ipopt     the same problem in Ipopt (Debian's coinor-libipopt-dev, installed where it is missing and this runs as root)
#   headroom_mpc  hand-written C++
# What is already built is left alone.
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd); baselines=$(cd "$2" && pwd)
if [ ! -x "$out/headroom_mpc" ]; then
    g++ -O3 -march=native -ffast-math -std=c++17 "$baselines/headroom_mpc.cpp" -o "$out/headroom_mpc" || exit 1
fi
if ! pkg-config --exists ipopt && [ "$(id -u)" = 0 ]; then
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends coinor-libipopt-dev pkg-config; } \
        > "$out/ipopt.log" 2>&1 || echo "coinor-libipopt-dev was not installed: see $out/ipopt.log"
fi
if [ ! -x "$out/mpc_ipopt" ] && pkg-config --exists ipopt; then
    g++ -O3 -march=native -std=c++17 "$baselines/peer07_mpc_ipopt.cpp" -o "$out/mpc_ipopt" $(pkg-config --cflags --libs ipopt) || exit 1
fi
exit 0
