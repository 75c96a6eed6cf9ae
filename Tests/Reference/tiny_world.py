"""A world of tiny files that the programs of a directory make in a second or two: what the fuzzer and the checks of killed runs read.

Everything in it is made by the programs themselves, with fixed seeds; `TinyWorld.make` says what lies where.
"""

import gzip
import json
import math
import os
import shutil
import struct
import subprocess
import time
import zipfile
import zlib

REFERENCE = os.path.dirname(os.path.abspath(__file__))
GOLDENS = os.path.join(os.path.dirname(REFERENCE), "CarinaTests", "Goldens")

# The programs' own setting of libgomp: without it a process of few milliseconds spends them spinning.
ENVIRONMENT = dict(os.environ, GOMP_SPINCOUNT="1000", SWIFT_BACKTRACE="enable=no", LC_ALL="C.UTF-8")

SMALL_MODELS = (
    "--vocabulary-size 400 --patch-size 16 --vision-width 16 --vision-layers 1 --vision-heads 2 --text-layers 1 "
    "--decoder-width 16 --decoder-layers 1 --decoder-heads 2 --key-value-heads 1 --vision-epochs 2 --language-epochs 2 "
    "--threads 1"
).split()


class WorldError(Exception):
    """A program did not make what the world needs."""


def run(binaries, name, arguments, cwd, accept=(0,)):
    """Runs a program to its end; its standard output."""
    done = subprocess.run(
        [os.path.join(binaries, name), *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if done.returncode not in accept:
        raise WorldError(
            f"{name} {' '.join(arguments)}\nended with {done.returncode}: {done.stderr.decode(errors='replace')[-800:]}"
        )
    return done.stdout.decode(errors="replace")


def device_options(name, arguments, device):
    """The option that names the device, for the programs that compute."""
    computes = device and name != "preprocess" and "--predictions" not in arguments and "--help" not in arguments
    return ["--device", device] if computes else []


def models(prefix="world/"):
    """The options that name the two backbones."""
    return ["--vision-model", f"{prefix}stage0/vision/final_model", "--llm", f"{prefix}stage0/language/final_model"]


def stage1_options(shards, output, prefix="world/", steps=4, every=2):
    """A run of stage 1 of a few steps."""
    return [
        "--train-shards",
        shards,
        *models(prefix),
        "--projector-hidden",
        "16",
        "--batch-size",
        "2",
        "--gradient-accumulation-steps",
        "1",
        "--num-epochs",
        "1",
        "--max-steps",
        str(steps),
        "--warmup-ratio",
        "0",
        "--save-every-n-steps",
        str(every),
        "--precision",
        "fp32",
        "--threads",
        "1",
        "--learning-rate",
        "1e-3",
        "--output-dir",
        output,
    ]


def stage2_options(shards, output, prefix="world/", steps=4, every=2, validation=True):
    """A run of stage 2 of a few steps that trains everything."""
    return [
        "--train-shards",
        shards,
        *(["--val-shards", f"{prefix}phantom/shards/stage2-val"] if validation else []),
        *models(prefix),
        "--stage1-projector-path",
        f"{prefix}stage1/final_model/projection_layer",
        "--unfreeze-projection-layer",
        "--train-ve-first-epoch",
        "--batch-size",
        "2",
        "--gradient-accumulation-steps",
        "1",
        "--num-epochs",
        "1",
        "--max-steps",
        str(steps),
        "--warmup-ratio",
        "0",
        "--save-every-n-steps",
        str(every),
        "--precision",
        "fp32",
        "--threads",
        "1",
        "--learning-rate",
        "1e-3",
        "--output-dir",
        output,
    ]


def evaluate_options(shards, output, prefix="world/"):
    """An evaluation of the finished stage 2."""
    return [
        "--checkpoint",
        f"{prefix}stage2/final_model",
        "--shards",
        shards,
        "--max-new-tokens",
        "2",
        "--batch-size",
        "2",
        "--precision",
        "fp32",
        "--threads",
        "1",
        "--bootstrap",
        "20",
        "--output-dir",
        output,
    ]


def dicom(rows, columns, pixels, extra=()):
    """An uncompressed DICOM file (explicit, little-endian) of 12 bits; `extra` are (tag, VR, value) of the data set."""

    def element(group, number, vr, value):
        if isinstance(value, str):
            value = (
                value.encode() + b"\0" * (len(value) % 2) if vr == "UI" else (value + " " * (len(value) % 2)).encode()
            )
        elif isinstance(value, int):
            value = struct.pack("<H", value)
        long = vr in ("OB", "OW", "SQ", "UN", "UT")
        head = struct.pack("<HH", group, number) + vr.encode()
        return head + (struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))) + value

    meta = (
        element(2, 1, "OB", b"\0\1")
        + element(2, 2, "UI", "1.2.840.10008.5.1.4.1.1.1")
        + element(2, 3, "UI", "2.25.1")
        + element(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    )
    body = [
        (0x08, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.1"),
        (0x08, 0x18, "UI", "2.25.1"),
        (0x08, 0x60, "CS", "DX"),
        (0x10, 0x10, "PN", "Nobody"),
        (0x28, 0x02, "US", 1),
        (0x28, 0x04, "CS", "MONOCHROME2"),
        (0x28, 0x10, "US", rows),
        (0x28, 0x11, "US", columns),
        (0x28, 0x100, "US", 16),
        (0x28, 0x101, "US", 12),
        (0x28, 0x102, "US", 11),
        (0x28, 0x103, "US", 0),
        (0x28, 0x1050, "DS", "2048"),
        (0x28, 0x1051, "DS", "4096"),
        (0x28, 0x1052, "DS", "0"),
        (0x28, 0x1053, "DS", "1"),
        *extra,
        (0x7FE0, 0x10, "OW", pixels),
    ]
    return (
        b"\0" * 128
        + b"DICM"
        + element(2, 0, "UL", struct.pack("<I", len(meta)))
        + meta
        + b"".join(element(*one) for one in sorted(body, key=lambda one: one[:2]))
    )


def png(width, height, rows):
    """A grey PNG of 8 bits; `rows` are bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + row for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def split_safetensors(directory):
    """Divides `model.safetensors` into two files and their index, as large checkpoints lie."""
    with open(f"{directory}/model.safetensors", "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    weight_map, total = {}, 0
    for number, part in enumerate([names[: len(names) // 2], names[len(names) // 2 :]]):
        file_name, offset, head, body = f"model-0000{number + 1}-of-00002.safetensors", 0, {}, b""
        for name in part:
            start, end = header[name]["data_offsets"]
            head[name] = dict(header[name], data_offsets=[offset, offset + end - start])
            body += data[8 + length + start : 8 + length + end]
            offset += end - start
            weight_map[name] = file_name
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 8)
        write(f"{directory}/{file_name}", struct.pack("<Q", len(text)) + text + body)
        total += offset
    os.remove(f"{directory}/model.safetensors")
    write(
        f"{directory}/model.safetensors.index.json",
        json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=1),
    )


def write(path, content):
    """Writes a text or bytes, making the directories."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class TinyWorld:
    """The directory of the tiny world and how it is made."""

    def __init__(self, binaries, directory, device=None):
        self.device = device
        self.binaries = os.path.abspath(binaries)
        self.directory = os.path.abspath(directory)
        self.world = os.path.join(self.directory, "world")

    def make(self):
        """Makes `world/` with `phantom/` (images, records, shards), `stage0`, `stage1`, `stage2`, `evaluation/`.

        Commands run in the directory above, so that paths are `world/…` there and in every directory with such a link.
        """
        os.makedirs(self.directory, exist_ok=True)
        start = time.monotonic()
        self.program(
            "preprocess",
            [
                "phantom",
                "--count",
                "20",
                "--seed",
                "3",
                "--image-size",
                "32",
                "--val-fraction",
                "0.2",
                "--test-fraction",
                "0.2",
                "--reports",
                "--output",
                "world/phantom",
                "--threads",
                "1",
            ],
        )
        self.program(
            "train-stage0",
            [
                "--train-shards",
                "world/phantom/shards/stage1-train",
                "--text-shards",
                "world/phantom/shards/stage2-train",
                *SMALL_MODELS,
                "--output-dir",
                "world/stage0",
            ],
        )
        self.program("train-stage1", stage1_options("world/phantom/shards/stage1-train", "world/stage1"))
        self.program("train-stage2", stage2_options("world/phantom/shards/stage2-train", "world/stage2"))
        self.program(
            "evaluate", evaluate_options("world/phantom/shards/stage2-test", "world/evaluation") + ["--limit", "6"]
        )
        self.seconds = time.monotonic() - start
        return self

    def program(self, name, arguments, accept=(0,)):
        return run(self.binaries, name, [*arguments, *device_options(name, arguments, self.device)], self.directory, accept)

    def upgrades(self):
        """Whether `preprocess upgrade` is there."""
        return "\n  upgrade " in self.program("preprocess", ["--help"])

    def make_archives(self):
        """Small imitations of the published layouts, in `archives/NAME`; all images are one of the phantom's."""
        image = read(self.image())
        root = f"{self.world}/archives"
        findings = ",".join(
            [
                "No Finding",
                "Enlarged Cardiomediastinum",
                "Cardiomegaly",
                "Lung Opacity",
                "Lung Lesion",
                "Edema",
                "Consolidation",
                "Pneumonia",
                "Atelectasis",
                "Pneumothorax",
                "Pleural Effusion",
                "Pleural Other",
                "Fracture",
                "Support Devices",
            ]
        )
        write(
            f"{root}/chexpert/train.csv",
            f"Path,Sex,Age,Frontal/Lateral,AP/PA,{findings}\n"
            "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0\n"
            "CheXpert-v1.0-small/train/patient00002/study1/view1_frontal.jpg,Female,87,Frontal,PA,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n"
            "CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg,Female,87,Lateral,,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n",
        )
        for name in [
            "patient00001/study1/view1_frontal",
            "patient00002/study1/view1_frontal",
            "patient00002/study1/view2_lateral",
        ]:
            write(f"{root}/chexpert/train/{name}.jpg", image)
        write(
            f"{root}/nih-cxr14/Data_Entry_2017.csv",
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\r\n"
            "00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2682,2749,0.143,0.143,\r\n"
            "00000002_000.png,No Finding,0,2,081Y,M,AP,2500,2048,0.171,0.171,\r\n"
            "00000002_001.png,Pleural_Thickening,1,2,081Y,M,AP,2500,2048,0.171,0.171\r\n",
        )
        write(f"{root}/nih-cxr14/train_val_list.txt", "00000001_000.png\n00000002_000.png\n")
        write(f"{root}/nih-cxr14/test_list.txt", "00000002_001.png")
        for name in ["00000001_000", "00000002_000", "00000002_001"]:
            write(f"{root}/nih-cxr14/images_001/images/{name}.png", image)
        write(
            f"{root}/mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv",
            "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns\n"
            'bbb-2,10000032,50000001,"CHEST (PA, LAT)",PA,10,10\naaa-1,10000032,50000001,"CHEST",PA,10,10\n'
            "ccc-3,10000764,50000002,CHEST,,10,10\n",
        )
        write(
            f"{root}/mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz",
            gzip.compress(
                b"dicom_id,study_id,subject_id,split\nbbb-2,50000001,10000032,train\naaa-1,50000001,10000032,train\n"
                b"ccc-3,50000002,10000764,train\n",
                mtime=0,
            ),
        )
        write(
            f"{root}/mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv",
            "subject_id,study_id,Atelectasis,Edema,No Finding\n10000032,50000001,1.0,-1.0,\n10000764,50000002,,,1.0\n",
        )
        write(
            f"{root}/mimic-cxr-jpg/files/p10/p10000032/s50000001.txt",
            "                                 FINAL REPORT\n INDICATION:  ___F with cough\n \n FINDINGS: \n \n"
            " There is atelectasis at 1.5 cm.  Seen by Dr. ___.  No effusion.\n \n IMPRESSION:  Atelectasis.\n",
        )
        for name in ["p10000032/s50000001/bbb-2", "p10000032/s50000001/aaa-1", "p10000764/s50000002/ccc-3"]:
            write(f"{root}/mimic-cxr-jpg/files/p10/{name}.jpg", image)
        write(
            f"{root}/vindr-cxr/image_labels_train.csv",
            "image_id,rad_id,Cardiomegaly,Nodule/Mass,Other diseases,No finding\n"
            "x1,R1,1,0,0,0\nx1,R2,1,1,0,0\nx1,R3,0,0,0,1\nx2,R1,0,0,0,1\nx2,R2,0,0,0,1\nx2,R3,0,0,0,1\n",
        )
        for name in ["x1", "x2"]:
            write(f"{root}/vindr-cxr/train/{name}.png", image)
        write(
            f"{root}/padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
            ",ImageID,ImageDir,StudyID,PatientID,ViewPosition_DICOM,Projection,Report,Labels\n"
            "0,a.png,0,s1,p1,POSTEROANTERIOR,PA,\"sin, alteracion\",\"['cardiomegaly', ' pleural effusion', 'unchanged']\"\n"
            "1,b.png,0,s1,p1,LATERAL,L,x,['normal']\n2,c.png,1,s2,p2,,EXCLUDE,x,['normal']\n"
            '3,d.png,1,s3,p2,,AP_horizontal,x,"[""hodgkin\'s disease"", \'cardiomegaly\', \'cardiomegaly\']"\n',
        )
        for name in ["0/a", "0/b", "1/c", "1/d"]:
            write(f"{root}/padchest/{name}.png", image)
        write(
            f"{root}/vqa-rad/public.json",
            json.dumps(
                [
                    {
                        "qid": "0",
                        "phrase_type": "freeform",
                        "image_name": "synpic1.jpg",
                        "image_organ": "CHEST",
                        "question": "Normal? ",
                        "answer": "Yes",
                        "answer_type": "CLOSED ",
                        "question_type": "PRES",
                    },
                    {
                        "qid": 1,
                        "phrase_type": "test_para",
                        "image_name": "synpic2.jpg",
                        "image_organ": "CHEST",
                        "question": "Rib?",
                        "answer": 5,
                        "answer_type": "OPEN",
                        "question_type": "COUNT",
                    },
                ],
                indent=1,
            ),
        )
        write(
            f"{root}/llava/conversations.json",
            json.dumps(
                [
                    {
                        "id": "a",
                        "image": "synpic1.jpg",
                        "conversations": [
                            {"from": "human", "value": "<image>\nWhat is it?"},
                            {"from": "gpt", "value": "A chest."},
                            {"from": "human", "value": "Sick?"},
                            {"from": "gpt", "value": "No."},
                        ],
                    },
                    {"id": "b", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
                    {
                        "image": "synpic2.jpg",
                        "conversations": [
                            {"from": "human", "value": "What is it?\n<image>"},
                            {"from": "gpt", "value": "x"},
                        ],
                    },
                ],
                indent=1,
            ),
        )
        for name in ["vqa-rad", "llava"]:
            for image_name in ["synpic1.jpg", "synpic2.jpg"]:
                write(f"{root}/{name}/{image_name}", image)
        write(
            f"{root}/slake/train.json",
            json.dumps(
                [
                    {
                        "img_id": n,
                        "img_name": f"xmlab{n}/source.jpg",
                        "question": f"Q{n}?",
                        "answer": "Yes",
                        "q_lang": "en",
                        "location": "Lung",
                        "modality": "X-Ray",
                        "answer_type": "CLOSED",
                        "base_type": "vqa",
                        "content_type": "Position",
                        "triple": ["vhead", "_", "_"],
                        "qid": n,
                    }
                    for n in (1, 2)
                ],
                indent=1,
            ),
        )
        for n in (1, 2):
            write(f"{root}/slake/imgs/xmlab{n}/source.jpg", image)
        write(
            f"{root}/open-i/1.xml",
            '<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR1"/><MedlineCitation><Article>'
            '<Abstract><AbstractText Label="FINDINGS">The heart is large. XXXX.</AbstractText>'
            '<AbstractText Label="IMPRESSION">1. Cardiomegaly &amp; more.</AbstractText></Abstract></Article></MedlineCitation>'
            '<MeSH><major>Cardiomegaly</major></MeSH><parentImage id="CXR1_IM-1"><figureId>F1</figureId><caption>PA</caption>'
            '</parentImage><parentImage id="CXR1_IM-2"/></eCitation>',
        )
        for n in (1, 2):
            write(f"{root}/open-i/CXR1_IM-{n}.png", image)
        templates = os.path.join(
            os.path.dirname(REFERENCE), "..", "Sources", "CarinaData", "Archives", "label-templates.json"
        )
        if os.path.exists(templates):
            shutil.copy(templates, f"{root}/chexpert/templates.json")

    def image(self):
        """The path of the phantom's first image."""
        images = sorted(os.listdir(f"{self.world}/phantom/images"))
        return f"{self.world}/phantom/images/{images[0]}"


def shard_files(directory):
    """The shards of a directory, by name."""
    return sorted(name for name in os.listdir(directory) if name.endswith(".h5"))


def write_torch_archive(source, target):
    """The tensors of a safetensors file in F32 as `torch.save` writes a state_dict, without torch."""
    data = read(source)
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def tuple_of(numbers):
        return b"(" + b"".join(b"J" + struct.pack("<i", number) for number in numbers) + b"t"

    body, storages = b"\x80\x02}q\x00(", []
    for number, (name, entry) in enumerate(header.items()):
        assert entry["dtype"] == "F32"
        shape, steps = entry["shape"], []
        for axis in range(len(shape)):
            steps.append(math.prod(shape[axis + 1 :]))
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(number)) + text("cpu")
        storage += b"J" + struct.pack("<i", math.prod(shape)) + b"tQ"
        body += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + tuple_of(shape) + tuple_of(steps)
        body += b"\x89ccollections\nOrderedDict\n)RtR"
        start, end = entry["data_offsets"]
        storages.append(data[8 + length + start : 8 + length + end])
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("projector/data.pkl"), body + b"u.")
        archive.writestr(zipfile.ZipInfo("projector/byteorder"), b"little")
        for number, storage in enumerate(storages):
            archive.writestr(zipfile.ZipInfo(f"projector/data/{number}"), storage)
        archive.writestr(zipfile.ZipInfo("projector/version"), b"3\n")
