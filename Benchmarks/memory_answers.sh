#!/usr/bin/env bash
# Forecast beside measured peak of evaluate (VmHWM, as it prints it) and of one question to infer (the kernel's, of the process): fp32 and bf16, matrices in 8 bits, batches.
# usage: BIN=.build/release RUN=results/reproduce LIMIT=48 BATCHES="1 16" PRECISIONS="fp32 bf16" bash Benchmarks/memory_answers.sh [OPTIONS…]     exit 1 where one is off by more than 15%.
# MODEL (options that name a model: "--checkpoint DIR" or the parts), SHARDS and IMAGE take the place of the reproduced run's.
set -euo pipefail
BIN=${BIN:-.build/release} RUN=${RUN:-results/reproduce} LIMIT=${LIMIT:-48} BATCHES=${BATCHES:-1 16} PRECISIONS=${PRECISIONS:-fp32 bf16}
MODEL=${MODEL:---checkpoint $RUN/stage2/final_model} SHARDS=${SHARDS:-$RUN/data/shards/stage2-test}
IMAGE=${IMAGE:-$(find "$RUN/data/images" -name '*.png' 2>/dev/null | sort | head -n 1 || true)}
read -ra model <<<"$MODEL"
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
worst=0
row() {
  awk -v name="$1" -v peak="$2" -v forecast="$3" 'BEGIN {
    off = 100 * (forecast / peak - 1)
    printf "%-66s peak %8.1f MiB  forecast %8.1f MiB  %+5.1f%%\n", name, peak, forecast, off
    exit off > 15 || off < -15 }' || worst=1
}
# The first two sizes of a line, in MiB.
sizes() {
  awk '{ factor["KiB"] = 1 / 1024; factor["MiB"] = 1; factor["GiB"] = 1024
    gsub(/[(),:]/, " "); n = split($0, word, " ")
    for (i = 2; i <= n && found < 2; i++) if (word[i] in factor) { found++; printf "%s ", word[i - 1] * factor[word[i]] } } END { print "" }'
}
evaluated() {
  rm -rf "$scratch/out"
  "$BIN/evaluate" "${model[@]}" --shards "$SHARDS" --output-dir "$scratch/out" --limit "$LIMIT" --bootstrap 0 "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  read -r peak forecast < <(grep -a '^memory: ' "$scratch/log" | sizes)
  row "evaluate $*" "$peak" "$forecast"
}
asked() {
  python3 - "$scratch/log" "$BIN/infer" "${model[@]}" --image-path "$IMAGE" --question "Is the heart enlarged?" "$@" >"$scratch/peak" <<'PEAK' || { cat "$scratch/log"; exit 1; }
import os, subprocess, sys
with open(sys.argv[1], "wb") as log:
    process = subprocess.Popen(sys.argv[2:], stdout=log, stderr=log)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
PEAK
  read -r forecast _ < <(grep -a '^  memory ' "$scratch/log" | sizes)
  row "infer $*" "$(cat "$scratch/peak")" "$forecast"
}
for precision in $PRECISIONS; do
  stores=("")
  [ "$precision" = bf16 ] && stores=("" "--weights int8" "--vision-weights int8" "--weights int8 --vision-weights int8")
  for store in "${stores[@]}"; do
    read -ra rounded <<<"$store"
    [ -n "$IMAGE" ] && asked --precision "$precision" "${rounded[@]}" "$@"
    for batch in $BATCHES; do evaluated --precision "$precision" --batch-size "$batch" "${rounded[@]}" "$@"; done
  done
done
exit $worst
