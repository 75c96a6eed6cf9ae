"""The kinds of files that the programs read, with the cheapest commands that read each, for `fuzz_files.py`.

Commands run in a directory with `world` (the tiny world, never changed), `case` (a copy with one mutated file) and `out`.
"""

import hashlib
import json
import os
import shutil

import tiny_world
from fuzz_judges import (
    check_png,
    checked,
    checked_shard,
    count_predictions,
    count_records,
    finished_run,
    old_shard,
    same_configuration,
)
from tiny_world import GOLDENS, REFERENCE, evaluate_options, read, stage1_options, stage2_options, write

ONE = ["--threads", "1"]
PARTS = [
    "--vision-model",
    "world/stage0/vision/final_model",
    "--llm-path",
    "world/stage2/final_model/language_model",
    "--projector-path",
    "world/stage2/final_model/projection_layer",
]
ASK = [
    "--image-path",
    "world/phantom/one.png",
    "--question",
    "Is the heart enlarged?",
    "--max-new-tokens",
    "2",
    "--precision",
    "fp32",
    *ONE,
]


class Command:
    """One way to read a case.

    - outputs: files or directories whose content is the answer, beside standard output when `shown`.
    - shown: whether standard output is the answer; `screen` whether it is text for people, in which nothing foreign may be raw.
    - codes: exit codes of the unmutated case.
    """

    def __init__(self, program, arguments, outputs=(), shown=True, screen=True, stdin=None):
        self.program, self.arguments, self.outputs = program, arguments, list(outputs)
        self.shown, self.screen, self.stdin = shown, screen, stdin


class Kind:
    """Files of one kind.

    - source: the directory that is copied to `case`; files: what is mutated there, by the mutation of the name `family`.
    - fix: called with random, `case` and the file's name after the mutation: true when it made checksums match.
    - judge: called with the unmutated and the mutated bytes, whether checksums were made to match, and whether the answer is the
      same, for what was accepted; None when all is well, else what is wrong.
    - check: called with the directory, the file's name and the number of the command for what was accepted: computes what the
      answer must be in another way; None when it is so or nobody knows.
    """

    def __init__(self, name, source, files, family, commands, weight=2, fix=None, judge=None, check=None):
        self.name, self.source, self.family, self.commands, self.weight = name, source, family, commands, weight
        self.files = [files] if isinstance(files, str) else files
        self.fix, self.judge, self.check = fix, judge, check


def match_manifest(random, case, name):
    """In half of the cases the manifest gets the digest and the size of the mutated shard."""
    if random.random() < 0.5:
        return False
    data = read(f"{case}/{name}")
    with open(f"{case}/manifest.json") as file:
        manifest = json.load(file)
    for shard in manifest["shards"]:
        if shard["file"] == name:
            shard["sha256"], shard["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
    write(f"{case}/manifest.json", json.dumps(manifest, indent=2))
    return True


def build(world):
    """All kinds; what they need is made in the world."""
    w = world.world
    shutil.copy(world.image(), f"{w}/phantom/one.png")
    shards, kinds = f"{w}/phantom/shards", []

    def shard_commands(stage):
        train = (
            stage1_options("case", "out", steps=1, every=1)
            if stage == 1
            else stage2_options("case", "out", steps=1, every=1, validation=False)
        )
        return [
            Command("preprocess", ["inspect", "case", *ONE]),
            Command("preprocess", ["inspect", "case", "--output", "out", *ONE], ["out/contact-sheet.png"]),
            Command("preprocess", ["verify", "case", *ONE]),
            Command("preprocess", ["audit", "case", "world/phantom/shards/stage2-test", *ONE]),
            Command(
                "evaluate",
                evaluate_options("case", "out") + ["--limit", "2", "--bootstrap", "0", "--likelihood"],
                ["out/metrics.json", "out/predictions.jsonl"],
                shown=False,
            ),
            Command(f"train-stage{stage}", train, ["out/final_model/projection_layer/model.safetensors"], shown=False),
        ]

    old = f"{w}/version-1-shards"
    shutil.copytree(f"{REFERENCE}/version-1-shards", old)
    newest = f"{shards}/stage2-val"
    with open(f"{newest}/manifest.json") as file:
        version = json.load(file)["version"]
    shard = tiny_world.shard_files(newest)[0]
    kinds.append(
        Kind(
            "shard",
            newest,
            shard,
            "hdf5",
            shard_commands(2),
            12,
            match_manifest,
            old_shard if version == 1 else checked_shard,
        )
    )
    kinds.append(
        Kind(
            "shard-captions",
            f"{shards}/stage1-val",
            shard,
            "hdf5",
            shard_commands(1),
            4,
            match_manifest,
            old_shard if version == 1 else checked_shard,
        )
    )
    upgrade = [Command("preprocess", ["upgrade", "case", *ONE], ["case"], shown=False)] if world.upgrades() else []
    kinds.append(
        Kind(
            "shard-version-1",
            old,
            tiny_world.shard_files(old)[0],
            "hdf5",
            shard_commands(2) + upgrade,
            12,
            match_manifest,
            old_shard,
        )
    )
    foreign = f"{GOLDENS}/data/foreign-shards"
    if os.path.exists(foreign):
        kinds.append(
            Kind(
                "shard-foreign",
                foreign,
                tiny_world.shard_files(foreign),
                "hdf5",
                [
                    Command("preprocess", ["inspect", "case", *ONE]),
                    Command("preprocess", ["inspect", "case", "--output", "out", *ONE], ["out/contact-sheet.png"]),
                ],
                4,
                match_manifest,
                old_shard,
            )
        )
    pairs = several_images(world)
    kinds.append(
        Kind(
            "shard-several",
            pairs,
            tiny_world.shard_files(pairs),
            "hdf5",
            shard_commands(2),
            12,
            match_manifest,
            checked_shard,
        )
    )
    kinds.append(Kind("manifest", newest, "manifest.json", "json", shard_commands(2), 6))
    looked = f"{w}/remarked"
    shutil.copytree(newest, looked)
    write(
        f"{looked}/remarks.jsonl",
        '{"path": "images/a.png", "suspected_inversion": 9.5, "orientation": null}\n'
        '{"path": "images/b.png", "suspected_inversion": null, "orientation": 6}\n',
    )
    write(f"{looked}/rejected.jsonl", '{"path": "images/c.png", "reason": "no pixels", "samples": ["1", "2"]}\n')
    kinds.append(
        Kind(
            "remarks",
            looked,
            ["remarks.jsonl", "rejected.jsonl"],
            "jsonl",
            [Command("preprocess", ["inspect", "case", "--output", "out", *ONE], ["out/contact-sheet.png"])],
            2,
        )
    )

    stage2, stage0 = f"{w}/stage2/final_model", f"{w}/stage0"
    answer = lambda **parts: Command("infer", [*[parts.get(part, part) for part in PARTS], *ASK], screen=False)
    language = answer(**{"world/stage2/final_model/language_model": "case"})
    vision = answer(**{"world/stage0/vision/final_model": "case"})
    projector = answer(**{"world/stage2/final_model/projection_layer": "case"})
    tokenize = Command(
        "infer",
        ["tokenize", "--llm-path", "case", *ONE],
        screen=False,
        stdin='"Is the heart enlarged?"\n"No acute finding.\\n\\u00e9\\ud83d\\ude00 12,345  x"\n"<start_of_turn>user"\n',
    )
    kinds.append(
        Kind("weights-language", f"{stage2}/language_model", "model.safetensors", "safetensors", [language], 5)
    )
    kinds.append(
        Kind("weights-vision", f"{stage0}/vision/final_model", "model.safetensors", "safetensors", [vision], 4)
    )
    kinds.append(
        Kind("weights-projector", f"{stage2}/projection_layer", "model.safetensors", "safetensors", [projector], 4)
    )
    saved = f"{w}/saved"
    os.makedirs(saved)
    tiny_world.write_torch_archive(f"{stage2}/projection_layer/model.safetensors", f"{saved}/projector_best.bin")
    kinds.append(Kind("weights-torch", saved, "projector_best.bin", "torch", [projector], 6))
    parted = f"{w}/parted"
    shutil.copytree(f"{stage2}/language_model", parted)
    tiny_world.split_safetensors(parted)
    kinds.append(Kind("weights-index", parted, "model.safetensors.index.json", "json", [language], 4))
    kinds.append(Kind("config-language", f"{stage2}/language_model", "config.json", "json", [language], 5))
    kinds.append(Kind("config-vision", f"{stage0}/vision/final_model", "config.json", "json", [vision], 4))
    kinds.append(Kind("config-images", f"{stage0}/vision/final_model", "preprocessor_config.json", "json", [vision], 3))
    kinds.append(
        Kind("config-projector", f"{stage2}/projection_layer", "projector_config.json", "json", [projector], 3)
    )
    kinds.append(Kind("config-generation", f"{stage2}/language_model", "generation_config.json", "json", [language], 3))
    kinds.append(
        Kind(
            "carina", stage2, "carina.json", "json", [Command("infer", ["--checkpoint", "case", *ASK], screen=False)], 5
        )
    )
    kinds.append(
        Kind(
            "carina-weights",
            stage2,
            [f"{part}/model.safetensors" for part in ["language_model", "projection_layer", "vision_encoder"]],
            "safetensors",
            [Command("infer", ["--checkpoint", "case", *ASK], screen=False)],
            3,
        )
    )
    kinds.append(Kind("tokenizer", f"{stage0}/language/final_model", "tokenizer.json", "json", [tokenize], 5))
    kinds.append(
        Kind(
            "tokenizer-config",
            f"{stage0}/language/final_model",
            ["tokenizer_config.json", "special_tokens_map.json"],
            "json",
            [tokenize, language],
            3,
        )
    )
    for name in ["bpe-gemma", "bpe-variants"]:
        if os.path.exists(f"{GOLDENS}/text/{name}"):
            kinds.append(
                Kind(
                    f"tokenizer-{name}",
                    golden_tokenizer(world, name, "tokenizer.json"),
                    "tokenizer.json",
                    "json",
                    [tokenize],
                    2,
                )
            )
    for name in ["spm-bpe", "spm-bpe-prefixed", "spm-unigram", "spm-unigram-bytes"]:
        if os.path.exists(f"{GOLDENS}/text/{name}"):
            kinds.append(
                Kind(
                    f"sentencepiece-{name}",
                    golden_tokenizer(world, name, "tokenizer.model"),
                    "tokenizer.model",
                    "protobuf",
                    [tokenize],
                    2,
                )
            )

    stopped = f"{w}/stopped"
    shutil.copytree(f"{w}/stage2", stopped)
    shutil.rmtree(f"{stopped}/final_model")
    record = json.loads(read(f"{stopped}/run.json"))
    record["finished"] = False
    record.pop("digest")
    record["digest"] = hashlib.sha256(json.dumps(record, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    write(f"{stopped}/run.json", json.dumps(record))
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
    kinds += interrupted_evaluation(world)

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

    records = f"{w}/records"
    with open(f"{w}/phantom/stage2_val.json") as file:
        rows = json.load(file)[:6]
    with open(f"{w}/phantom/stage1_val.json") as file:
        captions = json.load(file)[:4]
    write(f"{records}/stage2.json", json.dumps(rows, indent=1))
    write(f"{records}/stage2.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(f"{records}/stage1.json", json.dumps(captions))
    with open(f"{w}/phantom/pairs.json") as file:
        write(f"{records}/several.json", json.dumps(json.load(file)[:6], indent=1))
    write(
        f"{records}/questions.jsonl",
        "".join(
            json.dumps({"image": image, "question": row["problem"], "id": str(n)}) + "\n"
            for n, row in enumerate(rows[:3])
            for image in (row["image"], [row["image"], rows[0]["image"]])
        ),
    )
    made = ["out"]

    def preprocess(*arguments, image_root="world/phantom"):
        return Command(
            "preprocess",
            [
                *arguments,
                "--image-root",
                image_root,
                "--image-size",
                "32",
                "--output",
                "out",
                "--max-rejected",
                "1",
                *ONE,
            ],
            made,
        )

    for name, family in [("stage2.json", "json"), ("stage2.jsonl", "jsonl"), ("stage1.json", "json"), ("several.json", "json")]:
        kinds.append(
            Kind(
                f"records-{name}",
                records,
                name,
                family,
                [
                    preprocess("--json", f"case/{name}"),
                    preprocess("--json", f"case/{name}", "--split-by", "patient", "--split", "train"),
                ],
                3,
                check=count_records,
            )
        )
    kinds.append(
        Kind(
            "questions",
            records,
            "questions.jsonl",
            "jsonl",
            [
                Command(
                    "infer",
                    [
                        "--checkpoint",
                        "world/stage2/final_model",
                        "--input",
                        "case/questions.jsonl",
                        "--image-root",
                        "world/phantom",
                        "--max-new-tokens",
                        "1",
                        "--precision",
                        "fp32",
                        *ONE,
                    ],
                    screen=False,
                )
            ],
            4,
        )
    )
    kinds += unfinished_preprocess(world)
    kinds += validated_run(world)
    kinds += tower_kinds(world)
    kinds += llava_kinds(world)

    kinds += image_kinds(world, made)
    kinds += archive_kinds(world, made)
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


def seal(path, change):
    """Changes a JSON file and makes its digest anew."""
    document = json.loads(read(path))
    change(document)
    document.pop("digest")
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    write(path, json.dumps(document))


def tower_kinds(world):
    """A pretrained SigLIP that stage 0 tunes."""
    command = Command(
        "train-stage0",
        [
            *"--train-shards world/phantom/shards/stage1-val --vision-model case --batch-size 4 --chunk-size 2".split(),
            *"--gradient-accumulation-steps 1 --num-epochs 1 --max-steps 1 --warmup-ratio 0 --freeze-layers-ratio 0".split(),
            *"--no-freeze-text-encoder --learning-rate 1e-3 --precision fp32 --threads 1 --output-dir out".split(),
        ],
        ["out/final_model/model.safetensors", "out/final_model/config.json"],
        shown=False,
    )
    source = f"{world.world}/stage0/vision/final_model"
    files = {
        "config": (["config.json"], "json", 4),
        "images": (["preprocessor_config.json"], "json", 2),
        "weights": (["model.safetensors"], "safetensors", 4),
        "tokenizer": (["tokenizer.json", "tokenizer_config.json"], "json", 4),
    }
    return [
        Kind(f"tower-{name}", source, [file for file in names if os.path.exists(f"{source}/{file}")], family, [command], weight)
        for name, (names, family, weight) in files.items()
    ]


def llava_kinds(world):
    """Directories of transformers' `LlavaForConditionalGeneration`, asked a question."""
    kinds = []
    commands = [Command("infer", ["--checkpoint", "case", *ASK], screen=False)]
    files = {
        "config": (["config.json"], "json", 8),
        "processor": (["processor_config.json", "preprocessor_config.json", "generation_config.json"], "json", 4),
        "weights": (["model.safetensors"], "safetensors", 4),
        "tokenizer": (["tokenizer.json"], "json", 2),
    }
    for golden in ["full", "first-patch"]:
        source = f"{world.world}/llava-{golden}"
        shutil.copytree(f"{GOLDENS}/llava/{golden}", source)
        for name in ("answers.json", "golden.safetensors", "image.png"):
            os.remove(f"{source}/{name}")
        for name, (names, family, weight) in files.items():
            found = [file for file in names if os.path.exists(f"{source}/{file}")]
            kinds.append(Kind(f"llava-{golden}-{name}", source, found, family, commands, weight))
    return kinds


def several_images(world):
    """Shards of version 3: each question but the first shows its image and the one before it too."""
    w = world.world
    with open(f"{w}/phantom/stage2_val.json") as file:
        rows = json.load(file)
    for row, before in zip(rows[1:], [dict(row) for row in rows]):
        row["image"] = [row["image"], before["image"]]
        row["patient"] = rows[0].get("patient", "one")
    rows[0]["patient"] = rows[1]["patient"]
    write(f"{w}/phantom/pairs.json", json.dumps(rows))
    world.program(
        "preprocess",
        [
            "--json",
            "world/phantom/pairs.json",
            "--image-root",
            "world/phantom",
            "--image-size",
            "32",
            "--shard-size",
            "3",
            "--output",
            "world/pairs",
            *ONE,
        ],
    )
    return f"{w}/pairs"


def golden_tokenizer(world, name, file_name):
    target = f"{world.world}/tokenizer-{name}"
    write(f"{target}/{file_name}", read(f"{GOLDENS}/text/{name}/{file_name}"))
    return target


def interrupted_evaluation(world):
    """What a killed evaluation leaves: made by stopping one after its first answers."""
    import signal
    import subprocess
    import time

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


def unfinished_preprocess(world):
    """One part of two: what the other goes on from."""
    options = [
        "--json",
        "world/phantom/stage2_test.json",
        "--image-root",
        "world/phantom",
        "--image-size",
        "32",
        "--shard-size",
        "2",
        "--threads",
        "1",
    ]
    target = f"{world.world}/parts"
    os.makedirs(target)
    world.program("preprocess", [*options, "--output", "world/parts/shards", "--part", "1/2"])
    command = [Command("preprocess", [*options, "--output", "case/shards", "--part", "2/2"], ["case/shards"])]
    progress = "shards.partial/progress"
    files = sorted(os.listdir(f"{target}/{progress}"))
    made = [
        f"shards.partial/shards/{name}"
        for name in sorted(os.listdir(f"{target}/shards.partial/shards"))
        if name.endswith(".h5")
    ]
    kinds = [
        Kind("progress", target, [f"{progress}/{name}" for name in files if name.endswith(".json")], "json", command, 3)
    ]
    if made:
        kinds.append(Kind("progress-shard", target, made, "hdf5", command, 2))
    return kinds


def image_kinds(world, made):
    kinds, samples = [], f"{GOLDENS}/data"
    formats = {
        "png": [world.image()]
        + [f"{samples}/images/{n}" for n in sorted(os.listdir(f"{samples}/images")) if n.endswith(".png")],
        "jpeg": [f"{samples}/images/{n}" for n in sorted(os.listdir(f"{samples}/images")) if n.endswith(".jpg")],
        "dicom": [f"{samples}/dicom/{n}" for n in sorted(os.listdir(f"{samples}/dicom")) if n.endswith(".dcm")],
    }
    for name, paths in formats.items():
        target = f"{world.world}/images-{name}"
        files = []
        for path in paths:
            write(f"{target}/{os.path.basename(path)}", read(path))
            files.append(os.path.basename(path))
        if name == "dicom":
            write(f"{target}/written.dcm", tiny_world.dicom(32, 32, bytes(range(256)) * 8))
            files = ["written.dcm"] * 8 + files
        if name == "png":
            files = [files[0]] * 12 + files
        shutil.copy(world.image(), f"{target}/good.png")
        for file in set(files):
            write(
                f"{target}/{file}.json",
                json.dumps(
                    [
                        {"image": "good.png", "problem": "a?", "normal_caption": "b"},
                        {"image": file, "problem": "c?", "normal_caption": "d"},
                    ]
                ),
            )
        windows = ["--window", "voi"] if name == "dicom" else ["--window", "full"]
        commands = [
            Command(
                "preprocess",
                [
                    "--json",
                    "case/FILE.json",
                    "--image-root",
                    "case",
                    "--image-size",
                    "32",
                    "--output",
                    "out",
                    "--max-rejected",
                    "1",
                    *windows,
                    *ONE,
                ],
                made,
            ),
            Command(
                "preprocess",
                [
                    "--json",
                    "case/FILE.json",
                    "--image-root",
                    "case",
                    "--image-size",
                    "16",
                    "--output",
                    "out",
                    "--max-rejected",
                    "1",
                    "--fast-decode",
                    "--window",
                    "minmax",
                    "--aspect",
                    "pad",
                    *ONE,
                ],
                made,
            ),
            Command(
                "infer",
                [
                    "--checkpoint",
                    "world/stage2/final_model",
                    "--image-path",
                    "case/FILE",
                    "--question",
                    "a?",
                    "--max-new-tokens",
                    "1",
                    *windows,
                    "--precision",
                    "fp32",
                    *ONE,
                ],
                screen=False,
            ),
        ]
        kinds.append(
            Kind(
                name,
                target,
                files,
                name,
                commands,
                6 if name == "dicom" else 5,
                check=check_png if name == "png" else None,
            )
        )
    return kinds


def archive_kinds(world, made):
    world.make_archives()
    layouts = {
        "chexpert": ("case", ["train.csv"], "table"),
        "nih-cxr14": ("case", ["Data_Entry_2017.csv", "train_val_list.txt", "test_list.txt"], "table"),
        "mimic-cxr-jpg": ("case", ["mimic-cxr-2.0.0-metadata.csv", "mimic-cxr-2.0.0-chexpert.csv"], "table"),
        "vindr-cxr": ("case", ["image_labels_train.csv"], "table"),
        "padchest": ("case", ["PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"], "table"),
        "vqa-rad": ("case/public.json", ["public.json"], "json"),
        "llava": ("case/conversations.json", ["conversations.json"], "json"),
        "slake": ("case", ["train.json"], "json"),
        "open-i": ("case", ["1.xml"], "xml"),
    }
    extra = {
        "nih-cxr14": ["--split", "train_val"],
        "llava": ["--split", "train"],
        "padchest": ["--split", "train", "--window", "minmax"],
        "open-i": ["--split", "train"],
        "chexpert": ["--split", "train"],
        "mimic-cxr-jpg": ["--split", "train"],
        "vindr-cxr": ["--split", "train"],
        "vqa-rad": ["--split", "train"],
        "slake": ["--split", "train"],
    }
    kinds = []
    for name, (table, files, family) in layouts.items():
        root = "case/imgs" if name == "slake" else "case"
        source = f"{world.world}/archives/{name}"
        base = [
            "--format",
            name,
            "--json",
            table,
            "--image-root",
            root,
            "--image-size",
            "32",
            "--output",
            "out",
            "--max-rejected",
            "1",
            *ONE,
        ]
        kinds.append(
            Kind(f"archive-{name}", source, files, family, [Command("preprocess", [*base, *extra[name]], made)], 2)
        )
        if name == "mimic-cxr-jpg":
            kinds.append(
                Kind(
                    "archive-gzip",
                    source,
                    ["mimic-cxr-2.0.0-split.csv.gz"],
                    "bytes",
                    [Command("preprocess", [*base, *extra[name]], made)],
                    2,
                )
            )
            kinds.append(
                Kind(
                    "archive-report",
                    source,
                    ["files/p10/p10000032/s50000001.txt"],
                    "table",
                    [Command("preprocess", [*base, *extra[name]], made)],
                    1,
                )
            )
        if name == "chexpert" and os.path.exists(f"{source}/templates.json"):
            kinds.append(
                Kind(
                    "templates",
                    source,
                    ["templates.json"],
                    "json",
                    [Command("preprocess", [*base, *extra[name], "--templates", "case/templates.json"], made)],
                    3,
                )
            )
    return kinds
