#!/usr/bin/env bash
# Mutated DICOM files through the C face: under the address and undefined-behaviour sanitizers, and twice without them with
# different garbage in fresh memory, whose checksums have to agree (a value that nothing wrote would show).
# usage: fuzz_dicom.sh [COUNT=20000] [SEED=1] [FILE...]     by default the goldens of data/dicom
# JPEG 2000 and JPEG-LS alone: fuzz_dicom.sh 20000 1 ../CarinaTests/Goldens/data/dicom/*{j2k,jls}*.dcm
# DCMTK, OpenJPEG and zlib are the installed libraries, without the sanitizers' instructions: of their errors they see those
# that reach memory functions (memcpy, free) and the ends of the process, not a plain read or write beside a block.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
count=${1:-20000} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
files=("$@")
[ ${#files[@]} -gt 0 ] || files=("$here"/../CarinaTests/Goldens/data/dicom/*.dcm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
libraries=(-ldcmjpeg -lijg8 -lijg12 -lijg16 -ldcmjpls -ldcmtkcharls -lopenjp2 -lz -ldcmdata -loflog -lofstd)
compile() { "${CXX:-g++}" -std=c++17 -O1 -g "$@" -I"$root/Sources/CDICOM/include" $(pkg-config --cflags libopenjp2) "$root"/Sources/CDICOM/*.cpp "$here/fuzz_dicom.cpp" "${libraries[@]}"; }
compile -fsanitize=address,undefined -fno-sanitize-recover=undefined -o "$work/sanitized"
compile -o "$work/plain"
"$work/sanitized" "$count" "$seed" "${files[@]}"
one=$(MALLOC_PERTURB_=85 "$work/plain" "$count" "$seed" "${files[@]}")
two=$(MALLOC_PERTURB_=170 "$work/plain" "$count" "$seed" "${files[@]}")
printf '%s\n' "$one" "$two"
[ "${one##*checksum }" = "${two##*checksum }" ] || { echo "fuzz_dicom: what is decoded depends on fresh memory" >&2; exit 1; }
