#!/usr/bin/env bash
# Mutated JPEG files through --fast-decode (n/8 of the size, n from 1 to 8): under the address and undefined-behaviour sanitizers, and twice
# without them with different garbage in fresh memory, whose checksums have to agree.
# usage: fuzz_jpeg.sh [COUNT=20000] [SEED=1] [FILE...]     by default the goldens of data/images
# The JPEG library itself is the installed one, without the sanitizers' instructions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
codecs=$here/../../Sources/CImageCodecs
count=${1:-20000} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
files=("$@")
[ ${#files[@]} -gt 0 ] || files=("$here"/../CarinaTests/Goldens/data/images/*.jpg)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() {
  local out=$1 source
  shift
  for source in "$codecs"/*.c; do "${CC:-gcc}" -O1 -g "$@" -I"$codecs/include" -c "$source" -o "$out-$(basename "$source" .c).o"; done
  "${CXX:-g++}" -std=c++17 -O1 -g "$@" -I"$codecs/include" "$here/fuzz_jpeg.cpp" "$out"-*.o -lpng -ljpeg -lz -lm -o "$out"
}
compile "$work/sanitized" -fsanitize=address,undefined -fno-sanitize-recover=undefined
compile "$work/plain"
# What the sanitizer keeps of freed memory is its own.
FUZZ_MIB=4096 ASAN_OPTIONS=quarantine_size_mb=16 "$work/sanitized" "$count" "$seed" "${files[@]}"
one=$(MALLOC_PERTURB_=85 "$work/plain" "$count" "$seed" "${files[@]}")
two=$(MALLOC_PERTURB_=170 "$work/plain" "$count" "$seed" "${files[@]}")
printf '%s\n' "$one" "$two"
[ "${one##*checksum }" = "${two##*checksum }" ] || { echo "fuzz_jpeg: what is decoded depends on fresh memory" >&2; exit 1; }
