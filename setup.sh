#!/usr/bin/env bash
# Installs the system packages that Carina links against or calls, where they are missing. Says what it will do.
set -euo pipefail

packages=(libopenblas-dev libpng-dev libjpeg-dev libhdf5-dev libdnnl-dev libdcmtk-dev libopenjp2-7-dev libcurl4-openssl-dev gnuplot-nox pkg-config)

command -v swift >/dev/null || {
  echo "setup: Swift 6.2 or later is not on the PATH; install it from https://www.swift.org/install/linux and try again." >&2
  exit 69
}
command -v dpkg-query >/dev/null || {
  echo "setup: this is not a Debian or Ubuntu system; install the equivalents of: ${packages[*]}" >&2
  exit 0
}

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null && run=(sudo) || {
    echo "setup: missing packages, and neither root nor sudo. Ask an administrator to run:" >&2
    echo "  apt-get update && apt-get install -y ${missing[*]}" >&2
    exit 69
  }
fi
as="${run[*]:+${run[*]} }"
command="${as}apt-get update && ${as}apt-get install -y --no-install-recommends ${missing[*]}"
echo "setup: installing what is missing: $command"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  echo "setup: that failed. Run it by hand: $command" >&2
  exit 69
fi
