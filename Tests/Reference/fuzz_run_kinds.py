"""What runs leave behind, for `fuzz_kinds.py`: stopped and finished training, kept features, evaluations, predictions."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import tiny_world
from fuzz_commands import ONE, Command, Kind
from fuzz_judges import checked, count_predictions, finished_run, same_configuration
from tiny_files import read, write
from tiny_world import evaluate_options, stage1_options, stage2_options


def seal(path, change):
    """Changes a JSON file and makes its digest anew."""
    document = json.loads(read(path))
    change(document)
    document.pop("digest")
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    write(path, json.dumps(document))


def run_kinds(world):
    """A run of stage 2 that was stopped, and one that has ended."""
    w, kinds = world.world, []
    stopped = f"{w}/stopped"
    shutil.copytree(f"{w}/stage2", stopped)
    shutil.rmtree(f"{stopped}/final_model")
    seal(f"{stopped}/run.json", lambda record: record.update(finished=False))
    resume = [
        Command(
            "train-stage2",
            stage2_options("world/phantom/shards/stage2-train", "case"),
            [
                f"case/final_model/{part}/model.safetensors"
                for part in ["language_model", "projection_layer", "vision_encoder"]
            ],
            shown=False,
        )
    ]
    newest_step = max(os.listdir(f"{stopped}/checkpoints"), key=lambda name: int(name.rsplit("-", 1)[-1]))
    step = f"checkpoints/{newest_step}"
    kinds.append(Kind("state", stopped, f"{step}/state.json", "json", resume, 8, None, checked))
    kinds.append(
        Kind(
            "checkpoint-weights",
            stopped,
            [f"{step}/trained.safetensors", f"{step}/optimizer.safetensors"],
            "safetensors",
            resume,
            5,
            None,
            checked,
        )
    )
    kinds.append(Kind("run", stopped, "run.json", "json", resume, 4, None, same_configuration))
    kinds.append(Kind("train-log", stopped, "train_log.jsonl", "jsonl", resume, 4, None, checked))
    finished = f"{w}/stage2"
    again = [
        Command("train-stage2", resume[0].arguments, [*resume[0].outputs, "case/final_model/carina.json"], shown=False)
    ]
    kinds.append(Kind("run-finished", finished, "run.json", "json", again, 2, None, same_configuration))
    kinds.append(Kind("final-model", finished, "final_model/carina.json", "json", again, 2, None, finished_run))
    kinds.append(
        Kind(
            "final-weights",
            finished,
            [name[5:] for name in resume[0].outputs],
            "safetensors",
            again,
            2,
            None,
            finished_run,
        )
    )
    return kinds


def validated_run(world):
    """A run that was stopped with answers of its validations, and one that was stopped in the loss on held-out data."""
    w, shards = world.world, "world/phantom/shards/stage2-train"
    more = "--eval-every 2 --eval-samples 3 --eval-max-new-tokens 2 --tensorboard".split()
    weights = [
        f"case/final_model/{part}/model.safetensors" for part in ["language_model", "projection_layer", "vision_encoder"]
    ]
    kinds = []
    for name, extra in [("validation", more), ("unlogged", [])]:
        target = f"{w}/stopped-{name}"
        world.program("train-stage2", [*stage2_options(shards, f"world/stopped-{name}"), *extra])
        shutil.rmtree(f"{target}/final_model")
        shutil.rmtree(f"{target}/tensorboard", ignore_errors=True)
        seal(f"{target}/run.json", lambda record: record.update(finished=False) or record.pop("final_model"))
        command = Command("train-stage2", [*stage2_options(shards, "case"), *extra], weights, shown=False)
        if extra:
            kinds.append(Kind(name, target, "validation.jsonl", "jsonl", [command], 4, None, checked))
            continue
        step = max(os.listdir(f"{target}/checkpoints"), key=lambda name: int(name.rsplit("-", 1)[-1]))
        lines = read(f"{target}/train_log.jsonl").splitlines(keepends=True)
        last = json.loads(lines[-1])
        if "validation_loss" not in last:
            continue
        last.pop("validation_loss")

        def unlog(state):
            progress = state["progress"]
            progress["log_lines"] -= 1
            progress["log_bytes"] -= len(lines[-1])
            progress["unlogged_step"] = json.dumps(last)
            progress["extra"] = {}

        seal(f"{target}/checkpoints/{step}/state.json", unlog)
        kinds.append(Kind("state-unlogged", target, f"checkpoints/{step}/state.json", "json", [command], 4, None, checked))
    return kinds


def prediction_kinds(world):
    """Predictions that are scored, with what is expected of them and the curves beside them."""
    w, kinds = world.world, []
    predictions = f"{w}/scored"
    os.makedirs(predictions)
    shutil.copy(f"{w}/evaluation/predictions.jsonl", predictions)
    write(
        f"{predictions}/expected.json",
        json.dumps(
            {
                "metrics": {"closed-accuracy": {"minimum": 0.0, "maximum": 1.0}},
                "by_answer_type": {"CLOSED": {"bleu-coco-4": {"value": 0.0, "tolerance": 1.0}}},
                "arms": {},
            },
            indent=1,
        ),
    )
    shutil.copy(f"{w}/stage2/train_log.jsonl", predictions)
    shutil.copy(f"{w}/stage2/run.json", predictions)
    score = ["--predictions", "case/predictions.jsonl", "--bootstrap", "10", *ONE, "--output-dir", "out"]
    scored = ["out/metrics.json"]
    kinds.append(
        Kind(
            "predictions",
            predictions,
            "predictions.jsonl",
            "jsonl",
            [Command("evaluate", score, scored, shown=False)],
            6,
            check=count_predictions,
        )
    )
    kinds.append(
        Kind(
            "expected",
            predictions,
            "expected.json",
            "json",
            [Command("evaluate", score + ["--expected", "case/expected.json"], scored, shown=False)],
            4,
        )
    )
    kinds.append(
        Kind(
            "loss-curve",
            predictions,
            ["train_log.jsonl"],
            "jsonl",
            [Command("evaluate", score + ["--train-logs", "a=case/train_log.jsonl"], scored, shown=False)],
            3,
        )
    )
    kinds.append(
        Kind(
            "loss-record",
            predictions,
            ["run.json"],
            "json",
            [Command("evaluate", score + ["--train-logs", "a=case/train_log.jsonl"], scored, shown=False)],
            2,
        )
    )
    return kinds


def interrupted_evaluation(world):
    """What a killed evaluation leaves: made by stopping one after its first answers."""
    options = evaluate_options("world/phantom/shards/stage2-test", "world/stopped-evaluation") + [
        "--max-new-tokens",
        "40",
        "--batch-size",
        "1",
    ]
    folder = f"{world.world}/stopped-evaluation/evaluation.partial"
    for _ in range(20):
        shutil.rmtree(f"{world.world}/stopped-evaluation", ignore_errors=True)
        process = subprocess.Popen(
            [f"{world.binaries}/evaluate", *options],
            cwd=world.directory,
            env=tiny_world.ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            answers = [
                name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.endswith(".jsonl")
            ]
            if any(os.path.getsize(f"{folder}/{name}") for name in answers):
                process.send_signal(signal.SIGKILL)
                process.wait()
            else:
                time.sleep(0.0005)
        if os.path.isdir(folder):
            break
    else:
        return []
    command = [
        Command(
            "evaluate",
            [option.replace("world/stopped-evaluation", "case") for option in options],
            ["case/metrics.json", "case/predictions.jsonl"],
            shown=False,
        )
    ]
    kinds = []
    for name in sorted(os.listdir(folder)):
        if name.endswith((".json", ".jsonl")):
            kinds.append(
                Kind(
                    f"evaluation-{name}",
                    f"{world.world}/stopped-evaluation",
                    f"evaluation.partial/{name}",
                    "jsonl" if name.endswith("l") else "json",
                    command,
                    2,
                )
            )
    return kinds


def feature_kinds(world):
    """Vision features that a run has kept."""
    w, kinds = world.world, []
    features = f"{w}/features"
    os.makedirs(features)
    train = stage1_options("world/phantom/shards/stage1-val", "out", steps=2, every=2) + [
        "--cache-vision-features",
        "case/vision-features.h5",
    ]
    world.program(
        "train-stage1",
        [
            *stage1_options("world/phantom/shards/stage1-val", "world/features-run", steps=2, every=2),
            "--cache-vision-features",
            "world/features/vision-features.h5",
        ],
    )
    kinds.append(
        Kind(
            "features",
            features,
            "vision-features.h5",
            "hdf5",
            [Command("train-stage1", train, ["out/final_model/projection_layer/model.safetensors"], shown=False)],
            6,
            None,
            checked,
        )
    )
    return kinds
