"""Shards and what lies beside them, for `fuzz_kinds.py`."""

import hashlib
import json
import os
import shutil

import tiny_world
from fuzz_commands import ONE, Command, Kind
from fuzz_judges import checked_shard, old_shard
from tiny_files import read, write
from tiny_world import GOLDENS, REFERENCE, evaluate_options, stage1_options, stage2_options


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


def shard_commands(stage):
    """The programs that read shards, those of captions for stage 1, of questions for stage 2."""
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


def shard_kinds(world):
    """Shards of every format, their manifest and what `preprocess` noted beside them."""
    w = world.world
    shards, kinds = f"{w}/phantom/shards", []
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
    return kinds
