#!/usr/bin/env bash
# What a frozen base in 8 bits costs on a reproduced model. Trains stage 1, and stage 2 by LoRA over the reproduced stage 1 model, over a full base and over a base in 8 bits,
# with equal seeds and orders; compares the loss curves, scores all three arms, and scores the reproduced model with its vision encoder in 8 bits.
# usage: BIN=.build/release RUN=results/reproduce OUT=results/int8-scores bash Benchmarks/scores_over_int8.sh
# exit 1 where LoRA misses an expectation of results/expected.json, a score over the base in 8 bits differs by more than one point, or one with the vision encoder in 8 bits by more than half a point.
# What OUT has is not made again. SEED is that of the training runs.
set -euo pipefail
BIN=${BIN:-.build/release} RUN=${RUN:-results/reproduce} OUT=${OUT:-results/int8-scores}
SHARDS=${SHARDS:-$RUN/data/shards} EXPECTED=${EXPECTED:-results/expected.json} RANK=${RANK:-16} RATE=${RATE:-4e-3} SEED=${SEED:-1}
backbones=(--vision-model "$RUN/stage0/vision/final_model" --llm "$RUN/stage0/language/final_model")
mkdir -p "$OUT"
note() { echo "$(date +%T) $*" >&2; }
logged() { # LOG COMMAND…: what it says goes to the log, whose end is shown where it fails
  local log=$1
  shift
  "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
}

for base in full int8; do
  if [ ! -e "$OUT/stage1-$base/final_model/carina.json" ]; then
    note "stage 1 over a base that is $base"
    logged "$OUT/stage1-$base.log" "$BIN/train-stage1" --train-shards "$SHARDS/stage1-train" "${backbones[@]}" --projector-hidden 384 --batch-size 32 --gradient-accumulation-steps 1 --learning-rate 2e-3 \
      --warmup-ratio 0.05 --num-epochs 2 --precision bf16 --base-weights "$base" --seed "$SEED" --output-dir "$OUT/stage1-$base"
  fi
  if [ ! -e "$OUT/lora-$base/final_model/carina.json" ]; then
    note "stage 2 by LoRA over a base that is $base"
    logged "$OUT/lora-$base.log" "$BIN/train-stage2" --train-shards "$SHARDS/stage2-train" "${backbones[@]}" --stage1-projector-path "$RUN/stage1/final_model/projection_layer" --unfreeze-projection-layer \
      --train-ve-first-epoch --lora-rank "$RANK" --lora-alpha $((2 * RANK)) --lora-lr "$RATE" --batch-size 32 --gradient-accumulation-steps 1 --learning-rate 1e-3 --num-epochs 3 \
      --precision bf16 --base-weights "$base" --seed "$SEED" --output-dir "$OUT/lora-$base"
  fi
done

score() { # NAME CHECKPOINT OPTION…
  local name=$1 checkpoint=$2
  shift 2
  [ -e "$OUT/scores-$name/metrics.json" ] && return
  note "scores: $name"
  logged "$OUT/scores-$name.log" "$BIN/evaluate" --checkpoint "$checkpoint" --shards "$SHARDS/stage2-test" --output-dir "$OUT/scores-$name" --arms true,shuffled,blank --batch-size 64 "$@"
}
score lora-full "$OUT/lora-full/final_model" --precision bf16 --expected "$EXPECTED"
score lora-int8 "$OUT/lora-int8/final_model" --precision bf16 --expected "$EXPECTED"
score lora-int8-in-bytes "$OUT/lora-int8/final_model" --precision bf16 --weights int8 --expected "$EXPECTED"
score reproduced-full "$RUN/stage2/final_model" --precision bf16
score reproduced-vision-int8 "$RUN/stage2/final_model" --precision bf16 --vision-weights int8

python3 - "$OUT" <<'PYTHON'
import json, sys

out = sys.argv[1]
failed = False


def losses(run):
    with open(f"{out}/{run}/train_log.jsonl") as file:
        return [line["loss"] for line in map(json.loads, file) if "loss" in line]


def points(scores):
    parts = {"": scores["metrics"], "REPORT ": scores["by_answer_type"].get("REPORT", {})}
    return {part + name: score["value"] * (1 if name == "sacrebleu" or "range:0-100" in scores["signatures"][name] else 100)
            for part, metrics in parts.items() for name, score in metrics.items()}


def scores(name):
    with open(f"{out}/scores-{name}/metrics.json") as file:
        return json.load(file)


for stage in ["stage1", "lora"]:
    full, int8 = losses(f"{stage}-full"), losses(f"{stage}-int8")
    apart = [abs(b - a) / a for a, b in zip(full, int8)]
    tenth = len(full) // 10
    print(f"{stage}: {len(full)} steps, mean loss {sum(full) / len(full):.5f} and in bytes {sum(int8) / len(int8):.5f}; last tenth {sum(full[-tenth:]) / tenth:.5f} and {sum(int8[-tenth:]) / tenth:.5f}; "
          f"a step differs by {100 * sum(apart) / len(apart):.2f}% on average, {100 * max(apart):.2f}% at most")
for base, other, limit in [("lora-full", "lora-int8", 1.0), ("lora-full", "lora-int8-in-bytes", 1.0), ("reproduced-full", "reproduced-vision-int8", 0.5)]:
    before, after = points(scores(base)), points(scores(other))
    print(f"{other} beside {base}, points:")
    for name, value in before.items():
        over = abs(after[name] - value) > limit
        failed = failed or over
        print(f"  {name:30} {value:7.2f} {after[name]:7.2f} {after[name] - value:+6.2f}{'   over the limit' if over else ''}")
sys.exit(failed)
PYTHON
