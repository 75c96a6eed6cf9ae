#!/usr/bin/env bash
# What a frozen base in 8 bits costs on a reproduced model. Trains stage 1, and stage 2 by LoRA over the reproduced stage 1 model, over a full base and over a base in 8 bits,
# with equal seeds and orders; compares the loss curves, scores all three arms, and scores the reproduced model with its vision encoder in 8 bits.
# usage: BIN=.build/release RUN=results/reproduce OUT=results/int8-scores SEEDS="1 2 3" bash Benchmarks/scores_over_int8.sh
# exit 1 where LoRA misses an expectation of results/expected.json, the mean over the seeds of a score over the base in 8 bits differs by more than one point, or one with the vision encoder in 8 bits by more than half a point.
# SEEDS are those of the training by LoRA: scores of one base differ by up to two points between them, which is printed beside, so one seed says little. What OUT/SEED has is not made again.
set -euo pipefail
BIN=${BIN:-.build/release} RUN=${RUN:-results/reproduce} OUT=${OUT:-results/int8-scores}
SHARDS=${SHARDS:-$RUN/data/shards} EXPECTED=${EXPECTED:-results/expected.json} RANK=${RANK:-16} RATE=${RATE:-4e-3} SEEDS=${SEEDS:-1 2 3}
backbones=(--vision-model "$RUN/stage0/vision/final_model" --llm "$RUN/stage0/language/final_model")
note() { echo "$(date +%T) $*" >&2; }
logged() { # LOG COMMAND…: what it says goes to the log, whose end is shown where it fails
  local log=$1
  shift
  "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
}

train() { # SEED FOLDER
  local seed=$1 out=$2 base
  mkdir -p "$out"
  for base in full int8; do
    if [ ! -e "$OUT/stage1-$base/final_model/carina.json" ]; then
      note "stage 1 over a base that is $base"
      logged "$OUT/stage1-$base.log" "$BIN/train-stage1" --train-shards "$SHARDS/stage1-train" "${backbones[@]}" --projector-hidden 384 --batch-size 32 --gradient-accumulation-steps 1 --learning-rate 2e-3 \
        --warmup-ratio 0.05 --num-epochs 2 --precision bf16 --base-weights "$base" --seed "$seed" --output-dir "$OUT/stage1-$base"
    fi
    if [ ! -e "$out/lora-$base/final_model/carina.json" ]; then
      note "stage 2 by LoRA over a base that is $base, seed $seed"
      logged "$out/lora-$base.log" "$BIN/train-stage2" --train-shards "$SHARDS/stage2-train" "${backbones[@]}" --stage1-projector-path "$RUN/stage1/final_model/projection_layer" --unfreeze-projection-layer \
        --train-ve-first-epoch --lora-rank "$RANK" --lora-alpha $((2 * RANK)) --lora-lr "$RATE" --batch-size 32 --gradient-accumulation-steps 1 --learning-rate 1e-3 --num-epochs 3 \
        --precision bf16 --base-weights "$base" --seed "$seed" --output-dir "$out/lora-$base"
    fi
  done
}

score() { # FOLDER CHECKPOINT OPTION…
  local folder=$1 checkpoint=$2
  shift 2
  [ -e "$folder/metrics.json" ] && return
  note "scores: $folder"
  logged "$folder.log" "$BIN/evaluate" --checkpoint "$checkpoint" --shards "$SHARDS/stage2-test" --output-dir "$folder" --arms true,shuffled,blank --batch-size 64 "$@"
}

mkdir -p "$OUT"
for seed in $SEEDS; do
  out=$OUT/$seed
  train "$seed" "$out"
  score "$out/scores-lora-full" "$out/lora-full/final_model" --precision bf16 --expected "$EXPECTED"
  score "$out/scores-lora-int8" "$out/lora-int8/final_model" --precision bf16 --expected "$EXPECTED"
  score "$out/scores-lora-int8-in-bytes" "$out/lora-int8/final_model" --precision bf16 --weights int8 --expected "$EXPECTED"
done
score "$OUT/scores-reproduced-full" "$RUN/stage2/final_model" --precision bf16
score "$OUT/scores-reproduced-vision-int8" "$RUN/stage2/final_model" --precision bf16 --vision-weights int8

python3 - "$OUT" $SEEDS <<'PYTHON'
import json, sys

out, *seeds = sys.argv[1:]
failed = False


def losses(run):
    with open(f"{out}/{run}/train_log.jsonl") as file:
        return [line["loss"] for line in map(json.loads, file) if "loss" in line]


def points(name):
    with open(f"{out}/{name}/metrics.json") as file:
        scores = json.load(file)
    parts = {"": scores["metrics"], "REPORT ": scores["by_answer_type"].get("REPORT", {})}
    return {part + name: score["value"] * (1 if name == "sacrebleu" or "range:0-100" in scores["signatures"][name] else 100)
            for part, metrics in parts.items() for name, score in metrics.items()}


def mean(values):
    return sum(values) / len(values)


def curves(name, full, int8):
    apart = [abs(b - a) / a for a, b in zip(full, int8)]
    tenth = len(full) // 10
    print(f"{name}: {len(full)} steps, mean loss {mean(full):.5f} and in bytes {mean(int8):.5f}; last tenth {mean(full[-tenth:]):.5f} and {mean(int8[-tenth:]):.5f}; "
          f"a step differs by {100 * mean(apart):.2f}% on average, {100 * max(apart):.2f}% at most")


curves("stage1", losses("stage1-full"), losses("stage1-int8"))
for seed in seeds:
    curves(f"lora, seed {seed}", losses(f"{seed}/lora-full"), losses(f"{seed}/lora-int8"))
for base, other, limit in [("lora-full", "lora-int8", 1.0), ("lora-full", "lora-int8-in-bytes", 1.0), ("reproduced-full", "reproduced-vision-int8", 0.5)]:
    folders = [f"{seed}/scores-" for seed in seeds] if base == "lora-full" else ["scores-"]
    before, after = ([points(folder + name) for folder in folders] for name in (base, other))
    print(f"{other} beside {base}, points; mean of {len(folders)}, in brackets the largest difference between two of {base}:")
    for name in before[0]:
        a, b = ([scores[name] for scores in side] for side in (before, after))
        over = abs(mean(b) - mean(a)) > limit
        failed = failed or over
        print(f"  {name:30} {mean(a):7.2f} {mean(b):7.2f} {mean(b) - mean(a):+6.2f} ({max(a) - min(a):.2f}){'   over the limit' if over else ''}")
sys.exit(failed)
PYTHON
