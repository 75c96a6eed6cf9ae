#!/bin/bash
# build.sh OUTDIR [test]: builds the emulated libcuda.so.1, libnvrtc.so.13 and libcublasLt.so.13 in OUTDIR, which
# CARINA_CUDA_LIBRARIES then names; with "test" it runs the self-test too. $CXX chooses the compiler: g++ or clang++.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?"usage: build.sh OUTDIR [test]"}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cxx=${CXX:-$(command -v g++ || command -v clang++)}
flags=(-std=c++17 -O2 -g1 -fPIC -Wall -Wextra -fvisibility=hidden -pthread)

# Templates of the C++ library stay inside: the programs that load these libraries may have others of the same names.
echo '{ global: cu*; nvrtc*; carina_emulation_*; local: *; };' > "$out/exports"

library() {
  local name=$1
  shift
  "$cxx" "${flags[@]}" -shared -Wl,--version-script,"$out/exports" -Wl,-soname,"$name" -Wl,-rpath,'$ORIGIN' \
    -o "$out/$name.new" "$@"
  mv "$out/$name.new" "$out/$name"
}

# Modules are compiled while the program runs, with the headers beside the library.
cp "$here"/*.h "$out/"
library libcuda.so.1 "$here"/driver/*.cpp -ldl &
driver=$!
library libnvrtc.so.13 -DCARINA_EMULATION_COMPILER="\"$cxx\"" "$here"/nvrtc/*.cpp -ldl &
nvrtc=$!
wait $driver
wait $nvrtc
library libcublasLt.so.13 -O3 -march=native -ffp-contract=fast "$here"/cublaslt/*.cpp -L"$out" -l:libcuda.so.1

if [ "${2:-}" = test ]; then
  "$cxx" -std=c++17 -O1 -g1 -Wall -Wextra -pthread -o "$out/self-test" "$here"/self_test/*.cpp -ldl
  tests=("$out/self-test" "$out" "$here/../../Sources/CarinaCUDA/Kernels/prelude.cuh")
  "${tests[@]}"
  CARINA_EMULATION_ORDER=backward CARINA_EMULATION_DEFERRED=1 "${tests[@]}"
  CARINA_EMULATION_PROTECT=1 "${tests[@]}"
fi
