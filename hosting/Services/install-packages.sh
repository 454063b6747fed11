#!/usr/bin/env bash
# Installs Debian packages that development services need: install-packages.sh PACKAGE...
# Never creates or starts a system-wide server: the packages' own clusters and daemons are held back while they are unpacked.
# ATHANOR_NO_SETUP=1 says what is missing and exits 3. ATHANOR_INSTALL_ROOT is the root of the file system (for tests).
set -euo pipefail
root=${ATHANOR_INSTALL_ROOT:-}

missing=()
for p in "$@"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as=()
if [ "$(id -u)" -ne 0 ]; then as=(sudo); fi
if [ -n "${ATHANOR_NO_SETUP:-}" ] || { [ ${#as[@]} -gt 0 ] && ! command -v sudo >/dev/null 2>&1; }; then
  echo "missing packages: ${missing[*]}. As root: apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 3
fi

# Two starts at one time: the second one waits here and then finds everything installed.
exec 9>"${TMPDIR:-/tmp}/athanor-packages.$(id -u).lock"
flock 9

say() { echo "athanor: $*" >&2; }
run() { "${as[@]}" "$@"; }
apt() {
  run env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"
}
# Each runs as root, so the file is given on standard input.
put() { run tee "$1" >/dev/null; }

policy=$root/usr/sbin/policy-rc.d
cluster=$root/etc/postgresql-common/createcluster.conf
made_policy= kept_cluster=
restore() {
  [ -n "$made_policy" ] && run rm -f "$policy"
  if [ -n "$kept_cluster" ]; then put "$cluster" <<<"$kept_cluster"; fi
  return 0
}
trap restore EXIT

# While this file says 101, no package may start a daemon. One that the administrator has made stays as it is.
if [ ! -e "$policy" ]; then
  made_policy=1
  printf '#!/bin/sh\nexit 101\n' | put "$policy"
  run chmod 755 "$policy"
fi

log=$(mktemp)
say "installing ${missing[*]} ..."
fail() {
  tail -n 5 "$log" >&2
  say "installing failed; the whole log is in $log. By hand: apt-get install -y --no-install-recommends ${missing[*]}"
  exit 3
}
apt update >"$log" 2>&1 || fail
case " ${missing[*]} " in
  *" postgresql"*)
    # Debian's PostgreSQL makes a cluster of its own unless postgresql-common, installed first, is told not to.
    apt install -y --no-install-recommends postgresql-common >>"$log" 2>&1 || fail
    if [ -e "$cluster" ]; then
      kept_cluster=$(cat "$cluster")
      sed -E 's/^[# ]*create_main_cluster.*$/create_main_cluster = false/' <<<"$kept_cluster" \
        | { cat; grep -qE '^[# ]*create_main_cluster' <<<"$kept_cluster" || echo 'create_main_cluster = false'; } | put "$cluster"
    fi
    ;;
esac
apt install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || fail
rm -f "$log"
