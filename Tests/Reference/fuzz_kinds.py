"""The kinds of files that the programs read, with the cheapest commands that read each, for `fuzz_files.py`."""

import shutil

from fuzz_input_kinds import archive_kinds, image_kinds, record_kinds, unfinished_preprocess
from fuzz_model_kinds import llava_kinds, model_kinds, tower_kinds
from fuzz_run_kinds import feature_kinds, interrupted_evaluation, prediction_kinds, run_kinds, validated_run
from fuzz_shard_kinds import shard_kinds


def build(world):
    """All kinds; what they need is made in the world. A seed's mutants follow from their order."""
    shutil.copy(world.image(), f"{world.world}/phantom/one.png")
    made = ["out"]
    return [
        *shard_kinds(world),
        *model_kinds(world),
        *run_kinds(world),
        *prediction_kinds(world),
        *interrupted_evaluation(world),
        *feature_kinds(world),
        *record_kinds(world, made),
        *unfinished_preprocess(world),
        *validated_run(world),
        *tower_kinds(world),
        *llava_kinds(world),
        *image_kinds(world, made),
        *archive_kinds(world, made),
    ]
