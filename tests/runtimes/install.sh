#!/usr/bin/env bash
# Installs what the tests run exported models with: install.sh onnx | torch ...
#   onnx   ONNX Runtime for Node into artifacts/runtimes (its CPU library comes with the package; nothing is fetched for CUDA)
#   torch  PyTorch of the distribution for the distribution's Python
# ATHANOR_NO_SETUP=1 says what is missing and exits 3. Does nothing where everything is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
packages() { bash "$root/hosting/Services/install-packages.sh" "$@"; }

onnx() {
  local to=$root/artifacts/runtimes stamp
  stamp=$(sha256sum <"$here/package-lock.json")
  [ "$(cat "$to/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || packages nodejs npm
  mkdir -p "$to"
  # Two test programs at one time: the second one waits here and then finds it installed.
  exec 9>"$to/.lock"
  flock 9
  [ "$(cat "$to/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
  if [ -n "${ATHANOR_NO_SETUP:-}" ]; then
    echo "ONNX Runtime is missing. Without ATHANOR_NO_SETUP, tests/runtimes/install.sh onnx fetches it" >&2
    exit 3
  fi
  echo "athanor: installing ONNX Runtime for the tests ..." >&2
  cp "$here/package.json" "$here/package-lock.json" "$to/"
  if ! ONNXRUNTIME_NODE_INSTALL=skip ONNXRUNTIME_NODE_INSTALL_CUDA=skip \
    npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund >"$to/install.log" 2>&1; then
    tail -n 5 "$to/install.log" >&2
    echo "athanor: installing failed; the whole log is $to/install.log" >&2
    exit 3
  fi
  echo "$stamp" >"$to/.stamp"
}

for part in "$@"; do
  case $part in
    onnx) onnx ;;
    torch) /usr/bin/python3 -c 'import torch' 2>/dev/null || packages python3-torch ;;
    *) echo "install.sh: '$part' is neither onnx nor torch" >&2; exit 2 ;;
  esac
done
