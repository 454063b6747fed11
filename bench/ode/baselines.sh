#!/bin/bash
# Builds what the solvers are measured against, into the folder named by the first argument:
#   headroom_ode        hand-written C++ (g++ -O3 -march=native), from the baselines folder
#   cvode, sweep_cvode  CVODE of Debian's sundials source package, rebuilt with -O3 -march=native and without logging (Debian's own binary is
#                       several times slower); the version is written to VERSION
#   python3-scipy       from Debian, into the system, where it is missing and this runs as root
# Second argument: the baselines folder. Sources come from the machine's own Debian mirror, by apt; g++, cmake and dpkg-dev are needed.
# What is already built is left alone.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd); baselines=$(cd "$2" && pwd)

if ! /usr/bin/python3 -c 'import scipy' 2>/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get -qq install -y --no-install-recommends python3-scipy > "$out/scipy.log" 2>&1 || echo "python3-scipy was not installed: see $out/scipy.log"
fi
if [ ! -x "$out/headroom_ode" ]; then
    g++ -O3 -march=native -ffp-contract=fast -std=c++17 "$baselines/headroom_ode.cpp" -o "$out/headroom_ode" -pthread
fi
[ -x "$out/cvode" ] && [ -x "$out/sweep_cvode" ] && exit 0

work="$out/sundials"; mkdir -p "$work/lists/partial"
if [ ! -e "$work/installed" ]; then
    # The source lines of the machine's own mirrors, in a list of our own: the system's is not touched.
    {
        grep -hE '^deb ' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed 's/^deb /deb-src /' || true
    } > "$work/sources.list"
    parts=/dev/null
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] || continue
        parts="$work/parts"; mkdir -p "$parts"
        sed 's/^Types:.*/Types: deb-src/' "$file" > "$parts/$(basename "$file")"
    done
    apt=(apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$parts" -o Dir::State::Lists="$work/lists")
    "${apt[@]}" update
    (cd "$work" && "${apt[@]}" -o APT::Sandbox::User=root source --download-only sundials && dpkg-source --no-check -x sundials_*.dsc source)
    cmake -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE='-O3 -march=native' \
        -DCMAKE_INSTALL_PREFIX="$work/native" -DCMAKE_INSTALL_LIBDIR=lib -DSUNDIALS_LOGGING_LEVEL=0 -DBUILD_SHARED_LIBS=OFF -DBUILD_STATIC_LIBS=ON \
        -DBUILD_ARKODE=OFF -DBUILD_CVODES=OFF -DBUILD_IDA=OFF -DBUILD_IDAS=OFF -DBUILD_KINSOL=OFF -DBUILD_FORTRAN_MODULE_INTERFACE=OFF \
        -DEXAMPLES_ENABLE_C=OFF -DEXAMPLES_ENABLE_CXX=OFF -DEXAMPLES_INSTALL=OFF > "$work/cmake.log"
    cmake --build "$work/build" --target install > "$work/build.log"
    touch "$work/installed"
fi
sed -n 's/^Version: //p' "$work"/sundials_*.dsc | head -1 > "$out/VERSION"

flags="-O3 -march=native -I$work/native/include -L$work/native/lib"
libraries="-lsundials_cvode -lsundials_nvecserial -lsundials_sunlinsoldense -lsundials_sunlinsolband -lsundials_sunmatrixdense \
    -lsundials_sunmatrixband -lsundials_sunnonlinsolfixedpoint -lsundials_generic -lm"
[ -e "$work/native/lib/libsundials_generic.a" ] || libraries=${libraries/-lsundials_generic/}
gcc $flags "$baselines/peer02_cvode.c" -o "$out/cvode" $libraries
gcc $flags "$baselines/peer03_sweep_cvode.c" -o "$out/sweep_cvode" $libraries -pthread
