#!/bin/sh
# Builds libathanor_torch.so into artifacts/native, or does nothing when it is up to date.
# ATHANOR_LIBTORCH=DIR takes the libtorch unpacked in DIR; without it, the system's (Debian and Ubuntu: libtorch-dev).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/artifacts/native
libtorch=${ATHANOR_LIBTORCH:-}
header=${libtorch:-/usr}/include/ATen/ATen.h

if [ ! -e "$header" ]; then
  if [ -n "$libtorch" ]; then
    echo "ATHANOR_LIBTORCH=$libtorch has no include/ATen/ATen.h; it must be the folder of an unpacked libtorch" >&2
  else
    echo "libtorch is missing: install libtorch-dev, libopenblas0-pthread, libgloo-dev, cmake and g++, or set ATHANOR_LIBTORCH=DIR" >&2
  fi
  exit 1
fi
for tool in cmake c++ sha256sum; do
  command -v $tool > /dev/null || { echo "$tool is missing: install cmake, g++ and coreutils" >&2; exit 1; }
done

# What the library is made of: its sources and the libtorch that it is linked with.
stamp=$({ cat "$here"/*.cpp "$here"/*.h "$here"/CMakeLists.txt "$here"/build.sh; echo "$libtorch"; c++ -dumpfullversion; \
  ls -lL "${libtorch:-/usr/lib}"/lib/libtorch_cpu.so /usr/lib/*/libtorch_cpu.so 2> /dev/null || true; } | sha256sum)
if [ -e "$out/libathanor_torch.so" ] && [ "$(cat "$out/stamp" 2> /dev/null)" = "$stamp" ]; then exit 0; fi

mkdir -p "$out"
build=$out/build
# Another libtorch needs another build: what CMake found of the old one would stay.
rm -rf "$build" "$out/stamp"
echo "Building libathanor_torch.so (once; a minute or two)"
if ! { cmake -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release -DATHANOR_LIBTORCH="$libtorch" \
  && cmake --build "$build" --parallel "$(nproc)"; } > "$out/build.log" 2>&1; then
  tail -n 30 "$out/build.log" >&2
  echo "libathanor_torch.so could not be built; the whole log is $out/build.log" >&2
  exit 1
fi
mv -f "$build/libathanor_torch.so" "$out/libathanor_torch.so"
rm -rf "$build"
echo "$stamp" > "$out/stamp"
