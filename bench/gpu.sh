#!/usr/bin/env bash
# Correctness and throughput on a GPU, as Markdown tables: bench/gpu.sh [--published DIR] [--rounds N] [--device cpu|cuda|cuda:N]
#   ATHANOR_LIBTORCH=DIR  a libtorch for CUDA, such as that of Python's torch package:
#                         ATHANOR_LIBTORCH=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)') bench/gpu.sh
#                         Without it the system's libtorch, on the CPU.
#   PYTHON=COMMAND        the Python whose PyTorch is measured beside ours; default python3, or none where it has no torch
#   --published DIR       takes the program from there where this machine has no .NET; made elsewhere by
#                         dotnet publish bench/gpu -c Release -r linux-x64 --self-contained -o DIR
# Needs cmake, a C++17 (libtorch 2.9 and later: C++20) compiler and, for CUDA, its headers (a toolkit, or the nvidia-* packages beside Python's torch).
# Exits 1 where a result is outside its tolerance.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
published='' rounds=5 device=''
while [ $# -gt 0 ]; do
  case $1 in
    --published) published=${2:?"--published needs a folder"}; shift 2 ;;
    --rounds) rounds=${2:?"--rounds needs a number"}; shift 2 ;;
    --device) device=${2:?"--device needs cpu, cuda or cuda:N"}; shift 2 ;;
    -h | --help) sed -n '2,12p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;;
    *) echo "gpu.sh: there is no '$1'; --published DIR, --rounds N and --device NAME are there" >&2; exit 2 ;;
  esac
done

# Python's torch says where its CMake files are, two folders below what has include/ and lib/.
libtorch=${ATHANOR_LIBTORCH:-}
libtorch=${libtorch%/}
libtorch=${libtorch%/share/cmake}
[ -z "$libtorch" ] || export ATHANOR_LIBTORCH=$libtorch

sh "$top/compute/native/build.sh"
export ATHANOR_TORCH_LIBRARY=$top/artifacts/native/libathanor_torch.so

if [ -n "$published" ]; then
  program=("$published/Athanor.Bench.Gpu")
  if [ ! -x "${program[0]}" ]; then
    echo "gpu.sh: ${program[0]} is not there; dotnet publish bench/gpu -c Release -r linux-x64 --self-contained -o $published makes it" >&2
    exit 1
  fi
elif command -v dotnet >/dev/null 2>&1; then
  dotnet build "$top/bench/gpu" -c Release -v q --nologo >/dev/null
  program=(dotnet "$top/artifacts/bin/Athanor.Bench.Gpu/release/Athanor.Bench.Gpu.dll")
else
  echo "gpu.sh: this machine has no dotnet; publish the program elsewhere and give its folder with --published DIR:" >&2
  echo "        dotnet publish bench/gpu -c Release -r linux-x64 --self-contained -o DIR" >&2
  exit 1
fi

# One thread, as a slot has by default; pools that fight would be what is measured.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=1 DOTNET_TieredPGO=0
arguments=(--rounds "$rounds")
[ -z "$device" ] || arguments+=(--device "$device")
if [ "$device" != cpu ] && command -v nvidia-smi >/dev/null 2>&1; then
  name=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1 || true)
  [ -z "$name" ] || arguments+=(--name "$name")
fi
peers=$(mktemp)
trap 'rm -f "$peers"' EXIT
python=${PYTHON:-python3}
if "$python" -c 'import torch' 2>/dev/null; then
  # Without a device given each takes a GPU where it sees one.
  "$python" "$top/bench/gpu/peers.py" "${device:-auto}" "$rounds" >"$peers"
  arguments+=(--peers "$peers")
else
  echo "PyTorch is left out: $python has no torch (PYTHON=COMMAND names another)" >&2
fi
"${program[@]}" "${arguments[@]}"
