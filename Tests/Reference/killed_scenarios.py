"""What the checks of killed runs and of power loss run: every program, in tiny runs of some tenths of a second.

A run lives in `run/` beside `world/`. `Scenario.commands` give, one after the other, the undisturbed result; after a kill the same
commands are given again, and `run/` must end with the same files and bytes, without what a clock writes.
"""

import hashlib
import json
import os
import re
import shutil

import tiny_world
from tiny_files import read
from tiny_world import evaluate_options, stage1_options, stage2_options

EVERY = 2


def frozen_options(shards, output):
    """A run of stage 2 of 6 steps without a part that is trained whole, in bf16."""
    options = stage2_options(shards, output, steps=6, every=EVERY, validation=False)
    left_out = {"--unfreeze-projection-layer", "--train-ve-first-epoch"}
    options = [one for one in options if one not in left_out]
    options[options.index("--precision") + 1] = "bf16"
    # The last of an option that is given twice would be refused.
    at = options.index("--gradient-accumulation-steps")
    return options[:at] + options[at + 2 :]


class Scenario:
    """Programs with their options; `every` is the promised interval in steps, `runs` the directories with checkpoints.

    `together` starts the commands at once; `ignore` are files that need not be equal; `setup` fills the directory of the run before;
    `back` is the step to which a run goes back on purpose, before its record says so.
    """

    def __init__(self, name, commands, every=None, runs=(), together=False, ignore=(), setup=None, back=None):
        self.back = back
        self.name, self.commands, self.every, self.runs, self.together, self.ignore = (
            name,
            commands,
            every,
            list(runs),
            together,
            set(ignore),
        )
        self.setup = setup or (lambda directory: None)


def scenarios(world):
    """All scenarios, for a world that was made."""
    shards = "world/phantom/shards"
    records = [
        "--json",
        "world/phantom/stage2_train.json",
        "--image-root",
        "world/phantom",
        "--image-size",
        "32",
        "--shard-size",
        "3",
        "--threads",
        "1",
    ]
    parts = [("preprocess", [*records, "--output", "run/shards", "--part", f"{part}/2"]) for part in (1, 2)]
    predictions = [
        "--predictions",
        "world/evaluation/predictions.jsonl",
        "--bootstrap",
        "20",
        "--threads",
        "1",
        "--output-dir",
        "run/scores",
    ]
    old = lambda directory: shutil.copytree(
        f"{tiny_world.REFERENCE}/version-1-shards", f"{directory}/old", dirs_exist_ok=True
    )
    upgrade = (
        [Scenario("preprocess-upgrade", [("preprocess", ["upgrade", "run/old", "--threads", "1"])], setup=old)]
        if world.upgrades()
        else []
    )
    return upgrade + [
        Scenario("preprocess", [("preprocess", [*records, "--output", "run/shards"])]),
        Scenario("preprocess-splits", [("preprocess", [*records, "--output", "run/shards", "--split-by", "patient"])]),
        Scenario("preprocess-parts", parts),
        Scenario("preprocess-parts-at-once", parts, together=True),
        Scenario(
            "preprocess-phantom",
            [
                (
                    "preprocess",
                    [
                        "phantom",
                        "--count",
                        "10",
                        "--seed",
                        "4",
                        "--image-size",
                        "32",
                        "--val-fraction",
                        "0.2",
                        "--test-fraction",
                        "0.2",
                        "--output",
                        "run/phantom",
                        "--threads",
                        "1",
                    ],
                )
            ],
        ),
        Scenario(
            "preprocess-inspect",
            [("preprocess", ["inspect", f"{shards}/stage2-val", "--output", "run/looking", "--threads", "1"])],
        ),
        Scenario(
            "train-stage0",
            [
                (
                    "train-stage0",
                    [
                        "--train-shards",
                        f"{shards}/stage1-train",
                        "--text-shards",
                        f"{shards}/stage2-val",
                        *tiny_world.SMALL_MODELS,
                        "--vision-batch-size",
                        "4",
                        "--vision-epochs",
                        "2",
                        "--language-batch-size",
                        "16",
                        "--save-every-n-steps",
                        str(EVERY),
                        "--output-dir",
                        "run/stage0",
                    ],
                )
            ],
            EVERY,
            ["run/stage0/vision", "run/stage0/language"],
        ),
        # A tower that is there already, its batches in pieces, retrieval as validation.
        Scenario(
            "train-stage0-tower",
            [
                (
                    "train-stage0",
                    [
                        *f"--train-shards {shards}/stage1-train --val-shards {shards}/stage1-val".split(),
                        *"--vision-model world/stage0/vision/final_model --batch-size 4 --chunk-size 2".split(),
                        *"--gradient-accumulation-steps 1 --num-epochs 4 --max-steps 8 --warmup-ratio 0".split(),
                        *"--freeze-layers-ratio 0 --learning-rate 1e-3 --precision fp32 --threads 1".split(),
                        *f"--save-every-n-steps {EVERY} --output-dir run/tower".split(),
                    ],
                )
            ],
            EVERY,
            ["run/tower"],
        ),
        Scenario(
            "train-stage1",
            [("train-stage1", stage1_options(f"{shards}/stage1-train", "run/stage1", steps=6, every=EVERY))],
            EVERY,
            ["run/stage1"],
        ),
        Scenario(
            "train-stage1-features",
            [
                (
                    "train-stage1",
                    [
                        *stage1_options(f"{shards}/stage1-train", "run/stage1", steps=6, every=EVERY),
                        "--cache-vision-features",
                        "run/features.h5",
                    ],
                )
            ],
            EVERY,
            ["run/stage1"],
            ignore=["run/features.h5"],
        ),
        Scenario(
            "train-stage2",
            [("train-stage2", [*stage2_options(f"{shards}/stage2-train", "run/stage2", steps=6, every=EVERY)])],
            EVERY,
            ["run/stage2"],
        ),
        # All that a run can have at once: validation with records, the best model by a metric, a page beside the log.
        Scenario(
            "train-stage2-validation",
            [
                (
                    "train-stage2",
                    [
                        *stage2_options(f"{shards}/stage2-train", "run/stage2", steps=6, every=EVERY),
                        *"--eval-every 2 --eval-samples 4 --eval-max-new-tokens 2 --best-metric image-gap".split(),
                        *"--optimizer adamw8bit --live-page".split(),
                    ],
                )
            ],
            EVERY,
            ["run/stage2"],
        ),
        Scenario(
            "train-stage2-adapters",
            [
                (
                    "train-stage2",
                    [
                        *frozen_options(f"{shards}/stage2-train", "run/stage2"),
                        *"--lora-rank 2 --lora-dropout 0.1 --lora-vision --lora-projector".split(),
                        *"--base-weights int8 --optimizer adamw8bit --gradient-accumulation-steps 2".split(),
                        *"--val-shards world/phantom/shards/stage2-val --eval-every 3 --eval-samples 4".split(),
                        *"--eval-max-new-tokens 2".split(),
                    ],
                )
            ],
            EVERY,
            ["run/stage2"],
        ),
        Scenario(
            "train-stage2-adapters-features",
            [
                (
                    "train-stage2",
                    [
                        *frozen_options(f"{shards}/stage2-train", "run/stage2"),
                        *"--gradient-accumulation-steps 1 --lora-rank 2 --vision-weights int8 --cache-vision-features run/features.h5".split(),
                        *"--val-shards world/phantom/shards/stage2-val".split(),
                    ],
                )
            ],
            EVERY,
            ["run/stage2"],
            ignore=["run/features.h5"],
        ),
        # From an earlier checkpoint of a finished run, with changed options.
        Scenario(
            "train-stage2-branch",
            [
                (
                    "train-stage2",
                    [
                        *stage2_options(f"{shards}/stage2-train", "run/stage2", steps=8, every=EVERY),
                        "--lr-schedule",
                        "constant",
                        "--resume",
                        "run/stage2/checkpoints/step-2",
                        "--resume-anyway",
                    ],
                )
            ],
            EVERY,
            ["run/stage2"],
            setup=lambda directory: shutil.copytree(f"{directory}/../world/stage2", f"{directory}/stage2"),
            back=2,
        ),
        Scenario(
            "evaluate",
            [
                (
                    "evaluate",
                    [
                        *evaluate_options(f"{shards}/stage2-test", "run/scores"),
                        "--limit",
                        "26",
                        "--arms",
                        "true,shuffled,blank",
                    ],
                )
            ],
        ),
        Scenario("evaluate-predictions", [("evaluate", predictions)]),
    ]


CLOCK = re.compile(rb'"(seconds|data_wait_ms)": ?[0-9.eE+-]+')


def tree(directory, ignore=()):
    """The files below a directory with digests of their content, without what a clock or a process number writes."""
    found = {}
    for folder, folders, names in os.walk(directory):
        base = os.path.relpath(folder, os.path.dirname(directory))
        if not folders and not names:
            found[base + "/"] = "empty"
        for name in names:
            path = f"{base}/{name}"
            if path in ignore:
                continue
            data = read(os.path.join(folder, name))
            if name == "run.json":
                record = json.loads(data)
                record.pop("environment", None)
                record.pop("digest", None)
                data = json.dumps(record).encode()
            elif name == "state.json":
                # Times in the log have more or fewer digits.
                record = json.loads(data)
                record["progress"].pop("log_bytes", None)
                record.pop("digest", None)
                data = json.dumps(record).encode()
            elif name.endswith(".jsonl"):
                data = CLOCK.sub(b"", data)
            elif name.endswith(".html"):
                data = b""
            found[path] = hashlib.sha256(data).hexdigest()
    return found


def whole_checkpoint(path):
    """Whether all files of a checkpoint are there and have content."""
    names = [f"{path}/{name}" for name in ("state.json", "trained.safetensors", "optimizer.safetensors")]
    return all(os.path.exists(name) and os.path.getsize(name) for name in names)


def logged_steps(directory):
    """The steps of whole lines of the log of a run."""
    path = os.path.join(directory, "train_log.jsonl")
    if not os.path.exists(path):
        return 0
    steps = [0]
    for line in read(path).split(b"\n")[:-1]:
        try:
            steps.append(json.loads(line).get("step", 0))
        except ValueError:
            break
    return steps[-1]


def log_until(directory, step):
    """The lines of the log of a run up to a step, as they are."""
    path = os.path.join(directory, "train_log.jsonl")
    lines = read(path).split(b"\n") if os.path.exists(path) else []
    return lines[:step]


def newest_checkpoint(directory):
    """The step of the newest checkpoint under its final name."""
    folder = os.path.join(directory, "checkpoints")
    steps = [
        int(name[5:])
        for name in (os.listdir(folder) if os.path.isdir(folder) else [])
        if re.fullmatch(r"step-\d+", name)
    ]
    return max(steps, default=0)
