#!/usr/bin/env bash
# Whether the memory of a run grows: resident bytes (VmRSS) of stage 2 over STEPS optimizer steps, read a few times a second, on the small models of a reproduced run; the largest of
# the first epoch beside the largest of all that comes after it.
# usage: BIN=.build/release RUN=results/reproduce STEPS=3000 BATCH=8 bash Benchmarks/memory_growth.sh [TRAINING_OPTIONS…]     exit 1 where it grew by 1% or more.
# SHARDS names other shards to train on; an epoch of them has to be shorter than the run. The default pipeline: BATCH=32 SHARDS=DATA/shards/stage2-train STEPS=3000.
# Beside it the same of anonymous memory alone (RssAnon): pages of mapped files come and go as the system likes.
set -euo pipefail
BIN=${BIN:-.build/release} RUN=${RUN:-results/reproduce} STEPS=${STEPS:-3000} BATCH=${BATCH:-8}
SHARDS=${SHARDS:-$RUN/data/shards/stage2-test}
scratch=$(mktemp -d) && trap 'kill "$training" 2>/dev/null || true; rm -rf "$scratch"' EXIT
"$BIN/train-stage2" --train-shards "$SHARDS" --vision-model "$RUN/stage0/vision/final_model" --llm "$RUN/stage0/language/final_model" \
  --stage1-projector-path "$RUN/stage1/final_model/projection_layer" --unfreeze-projection-layer --train-ve-first-epoch --batch-size "$BATCH" \
  --gradient-accumulation-steps 1 --learning-rate 1e-3 --num-epochs 1000 --max-steps "$STEPS" --precision fp32 --save-every never \
  --output-dir "$scratch/run" "$@" >"$scratch/log" 2>&1 &
training=$!
while kill -0 "$training" 2>/dev/null; do
  resident=$(awk '/^VmRSS/ { all = $2 } /^RssAnon/ { own = $2 } END { if (all) print all, own }' "/proc/$training/status" 2>/dev/null || true)
  step=$(tail -n 1 "$scratch/run/train_log.jsonl" 2>/dev/null | grep -o '"step": *[0-9]*' | grep -o '[0-9]*' || true)
  [ -n "$resident" ] && [ -n "$step" ] && echo "$step $resident" >>"$scratch/samples"
  sleep 0.3
done
wait "$training" || { cat "$scratch/log"; exit 1; }
epoch=$(grep -c '"epoch": *0,' "$scratch/run/train_log.jsonl")
awk -v epoch="$epoch" -v steps="$STEPS" '
  $1 <= epoch && $2 > first { first = $2 }
  $1 <= epoch && $3 > own { own = $3 }
  $1 > epoch && $1 < steps && $3 > ownLater { ownLater = $3 }
  $1 > epoch && $1 < steps && $2 > later { later = $2; at = $1 }
  $1 > steps / 2 && $1 < steps { sum += $2; n++ }
  END {
    if (!first || !later) { print "the run is too short: an epoch has " epoch " steps"; exit 1 }
    grown = 100 * (later / first - 1)
    printf "%d steps, %d an epoch: at most %.1f MiB resident in the first epoch, %.1f MiB after it (at step %d): %+.2f%%; mean of the second half %.1f MiB\n",
      steps, epoch, first / 1024, later / 1024, at, grown, sum / n / 1024
    printf "anonymous: at most %.1f MiB in the first epoch, %.1f MiB after it: %+.2f%%\n", own / 1024, ownLater / 1024, 100 * (ownLater / own - 1)
    exit grown >= 1
  }' "$scratch/samples"
