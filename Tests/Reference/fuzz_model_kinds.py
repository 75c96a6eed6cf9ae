"""Models and their tokenizers as they lie on disk, for `fuzz_kinds.py`: Carina's own, the pretrained tower of stage 0, LLaVA's."""

import os
import shutil

import tiny_files
from fuzz_commands import ASK, ONE, Command, Kind
from tiny_files import read, write
from tiny_world import GOLDENS

PARTS = [
    "--vision-model",
    "world/stage0/vision/final_model",
    "--llm-path",
    "world/stage2/final_model/language_model",
    "--projector-path",
    "world/stage2/final_model/projection_layer",
]


def model_kinds(world):
    """The weights, configurations and tokenizers that answer a question."""
    w, kinds = world.world, []
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
    tiny_files.write_torch_archive(f"{stage2}/projection_layer/model.safetensors", f"{saved}/projector_best.bin")
    kinds.append(Kind("weights-torch", saved, "projector_best.bin", "torch", [projector], 6))
    parted = f"{w}/parted"
    shutil.copytree(f"{stage2}/language_model", parted)
    tiny_files.split_safetensors(parted)
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
    return kinds


def golden_tokenizer(world, name, file_name):
    target = f"{world.world}/tokenizer-{name}"
    write(f"{target}/{file_name}", read(f"{GOLDENS}/text/{name}/{file_name}"))
    return target


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
