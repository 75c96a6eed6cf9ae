"""What users bring, for `fuzz_kinds.py`: records, questions, images, public archives, and parts of a preprocess."""

import json
import os
import shutil

import tiny_files
from fuzz_commands import ONE, Command, Kind
from fuzz_judges import check_png, count_records
from tiny_files import read, write
from tiny_world import GOLDENS


def record_kinds(world, made):
    """Records of samples, and questions for `infer`."""
    w, kinds = world.world, []
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
            write(f"{target}/written.dcm", tiny_files.dicom(32, 32, bytes(range(256)) * 8))
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
