#!/usr/bin/env bash
# Forecast beside measured peak (VmHWM, as the programs print them) of stages 1 and 2, on the small models of a reproduced run: precision, batch, what trains, checkpointing.
# usage: BIN=.build/release RUN=results/reproduce STEPS=60 bash Benchmarks/memory_forecast.sh [TRAINING_OPTIONS…]     exit 1 where one is off by more than 15%.
# VISION, LLM and PROJECTOR name other models of the same shards, for example larger ones.
set -euo pipefail
BIN=${BIN:-.build/release} RUN=${RUN:-results/reproduce} STEPS=${STEPS:-60}
VISION=${VISION:-$RUN/stage0/vision/final_model} LLM=${LLM:-$RUN/stage0/language/final_model} PROJECTOR=${PROJECTOR:-$RUN/stage1/final_model/projection_layer}
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
worst=0
measure() {
  local stage=$1 own=()
  shift
  [ "$stage" = 2 ] && own=(--stage1-projector-path "$PROJECTOR")
  rm -rf "$scratch/run"
  "$BIN/train-stage$stage" --train-shards "$RUN/data/shards/stage$stage-train" --vision-model "$VISION" --llm "$LLM" \
    --output-dir "$scratch/run" --max-steps "$STEPS" "${own[@]}" "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  local line
  line=$(grep -a '^memory: ' "$scratch/log")
  awk -v name="stage$stage $*" -v line="$line" 'BEGIN {
    factor["KiB"] = 1 / 1024; factor["MiB"] = 1; factor["GiB"] = 1024
    gsub(/[(),]/, " ", line); n = split(line, word, " ")
    for (i = 2; i <= n; i++) if (word[i] in factor) value[++found] = word[i - 1] * factor[word[i]]
    off = 100 * (value[2] / value[1] - 1)
    printf "%-62s peak %8.1f MiB  forecast %8.1f MiB  %+5.1f%%  buffers %8.1f, forecast %8.1f\n", name, value[1], value[2], off, value[3], value[4]
    exit off > 15 || off < -15 }' || worst=1
}
for batch in 1 4 32; do
  for precision in fp32 bf16; do
    measure 1 --batch-size $batch --precision $precision "$@"
    measure 2 --batch-size $batch --precision $precision "$@"
  done
done
for batch in 1 32; do measure 2 --batch-size $batch --precision bf16 --gradient-checkpointing "$@"; done
measure 2 --batch-size 32 --precision fp32 --unfreeze-projection-layer --train-ve-first-epoch "$@"
exit $worst
