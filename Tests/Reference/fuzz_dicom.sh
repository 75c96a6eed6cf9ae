#!/usr/bin/env bash
# Mutated DICOM files through the C face: under the address and undefined-behaviour sanitizers, and twice without them with
# different garbage in fresh memory, whose checksums have to agree (a value that nothing wrote would show).
# usage: fuzz_dicom.sh [COUNT=20000] [SEED=1] [FILE...]     by default the goldens of data/dicom
# DCMTK itself is the installed library, without the sanitizers' instructions: of its errors they see those that reach
# memory functions and freed or wild blocks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
count=${1:-20000} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
files=("$@")
[ ${#files[@]} -gt 0 ] || files=("$here"/../CarinaTests/Goldens/data/dicom/*.dcm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
libraries=(-ldcmjpeg -lijg8 -lijg12 -lijg16 -ldcmdata -loflog -lofstd)
compile() { "${CXX:-g++}" -std=c++17 -O1 -g "$@" -I"$root/Sources/CDICOM/include" "$root"/Sources/CDICOM/*.cpp "$here/fuzz_dicom.cpp" "${libraries[@]}"; }
compile -fsanitize=address,undefined -fno-sanitize-recover=undefined -o "$work/sanitized"
compile -o "$work/plain"
"$work/sanitized" "$count" "$seed" "${files[@]}"
one=$(MALLOC_PERTURB_=85 "$work/plain" "$count" "$seed" "${files[@]}")
two=$(MALLOC_PERTURB_=170 "$work/plain" "$count" "$seed" "${files[@]}")
printf '%s\n' "$one" "$two"
[ "${one##*checksum }" = "${two##*checksum }" ] || { echo "fuzz_dicom: what is decoded depends on fresh memory" >&2; exit 1; }
