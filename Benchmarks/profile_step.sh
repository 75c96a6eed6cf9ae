#!/usr/bin/env bash
# Where the processor's time of a step goes, by perf: matrix products together, then what else takes most.
# usage: profile_step.sh MODELS [WORK] [SKIP_SECONDS]
set -euo pipefail
models=$1 work=${2:-stage2} skip=${3:-15}
data=$(mktemp)
trap 'rm -f "$data" "$data.old"' EXIT
perf record -q -e cpu-clock -F 400 -D $((skip * 1000)) -o "$data" .build/release/bench steps --models "$models" --work "$work" --repeats 3
# Generated code without a name is oneDNN's.
perf report -i "$data" --no-children --sort sym --stdio 2>/dev/null | awk '
  /^#/ || !NF { next }
  { share = $1 + 0; name = $0; sub(/^ *[0-9.]+% */, "", name); sub(/ *$/, "", name); sub(/^\[[.k]\] /, "", name)
    if (name ~ /^0x|carina_tile_product|carina_few_rows|gemm/) products += share; else if (++shown <= 12) line[shown] = sprintf("%5.1f%%  %s", share, name) }
  END { printf "%5.1f%%  matrix products\n", products; for (i = 1; i <= shown && i <= 12; i++) print line[i] }'
