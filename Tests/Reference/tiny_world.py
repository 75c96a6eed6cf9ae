"""A world of tiny files that the programs of a directory make in a second or two: what the fuzzer and the checks of killed runs read.

Everything in it is made by the programs themselves, with fixed seeds; `TinyWorld.make` says what lies where.
"""

import os
import subprocess
import time

import tiny_archives
from tiny_files import read

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
        tiny_archives.make_archives(f"{self.world}/archives", read(self.image()))

    def image(self):
        """The path of the phantom's first image."""
        images = sorted(os.listdir(f"{self.world}/phantom/images"))
        return f"{self.world}/phantom/images/{images[0]}"


def shard_files(directory):
    """The shards of a directory, by name."""
    return sorted(name for name in os.listdir(directory) if name.endswith(".h5"))
