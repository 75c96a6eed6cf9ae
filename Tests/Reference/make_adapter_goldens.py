"""Writes Tests/CarinaTests/Goldens/adapters: low-rank adapters as PEFT saves them, what PEFT computes with them, and ten optimizer steps on them.

    python Tests/Reference/make_adapter_goldens.py     (needs torch, transformers, peft, safetensors; under a minute)

CASE/adapter_config.json, adapter_model.safetensors   the adapter that a case starts from, by save_pretrained; both factors are random
CASE/golden.json         base: `training` (Gemma3ForCausalLM with siglip and projector of the goldens of that name) or `gemma3/grouped`
                         (Gemma3ForConditionalGeneration); settings; dropout_seed; steps [{batches, loss, grad_norm, learning_rate, supervised_tokens}]
                         as in make_training_goldens.py; samples whose logits are there
CASE/golden.safetensors  logits.I; gradient.KEY of the first step's loss before clipping, and final.KEY after the last, KEY as in the adapter

Dropped numbers are a function of seed, step, micro-batch, map, row and column: `mask` below is a twin of carina_drop_float, and rows are counted as the
engine packs them, the sequences of a micro-batch one after the other without their last token; the last block has only the rows that predict something.
"""
import json
import math
import pathlib
import shutil
import sys

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import Gemma3ForConditionalGeneration

import make_gemma3_goldens
import make_training_goldens
from model_twins import *

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens"
ROOT = GOLDENS / "adapters"
SETTINGS, STEPS, PER_EPOCH = dict(make_training_goldens.SETTINGS, max_grad_norm=1.0), 10, 5
M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def first_bits(seed, stream):
    """SeededGenerator(seed:stream:).next()."""
    def mix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & M64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & M64
        return z ^ (z >> 31)
    h = 0xCBF29CE484222325
    for byte in stream.encode():
        h = (h ^ byte) * 0x100000001B3 & M64
    return mix(((mix((seed + 0x9E3779B97F4A7C15) & M64) ^ mix(h)) + 0x9E3779B97F4A7C15) & M64)


def mixed(x):
    x ^= x >> 16
    x = x * 0x7FEB352D & M32
    x ^= x >> 15
    x = x * 0x846CA68B & M32
    return x ^ (x >> 16)


def mask(key, probability, rows, width):
    threshold = min(int(probability * 2**32), M32)
    result = torch.zeros(len(rows), width)
    for i, row in enumerate(rows):
        own = mixed(((key & M32) + row * 0x9E3779B9) & M32) ^ (key >> 32)
        for column in range(width):
            result[i, column] = mixed((own + column * 0x85EBCA6B) & M32) >= threshold
    return result


class Dropped(torch.nn.Module):
    """PEFT's dropout with the engine's mask; `rows` are set before each pass."""
    now = {}

    def __init__(self, name, probability, last):
        super().__init__()
        self.name, self.probability, self.last = name, probability, last

    def forward(self, x):
        n = self.now
        flat = x.reshape(-1, x.shape[-1])
        if self.name.startswith("vision_model."):
            rows = [n["vision"] + i for i in range(flat.shape[0])]
        elif self.last:
            rows = [max(0, n["read"] + t - n["first"]) for t in range(flat.shape[0])]
        else:
            rows = [n["row"] + t for t in range(flat.shape[0])]
        key = first_bits(n["seed"], f"dropout.{n['step']}.{n['batch']}.{self.name}")
        return (flat * mask(key, self.probability, rows, flat.shape[1]) / (1 - self.probability)).reshape(x.shape)


def engine_name(path):
    for old, new in [("model.language_model.", "model."), ("model.vision_tower.", "vision_model.")]:
        path = path.replace(old, new) if path.startswith(old) else path
    return path


def replace_dropout(peft_model, probability, layers):
    for path, module in peft_model.base_model.model.named_modules():
        if hasattr(module, "lora_dropout") and len(module.lora_dropout):
            name = engine_name(path)
            last = name.startswith(f"model.layers.{layers - 1}.") and not name.endswith(("k_proj", "v_proj"))
            module.lora_dropout["default"] = Dropped(name, probability, last)


def draw_factors(model, seed):
    g = generator(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if "lora_" in name:
                p.copy_(torch.randn(p.shape, generator=g) * (0.7 / p.shape[1]**0.5))
            elif "modules_to_save" in name:
                p.add_(torch.randn(p.shape, generator=g) * 0.1)


def key_of(name):
    return name.replace(".default", "")


class Causal:
    base, seed = "training", 7

    def __init__(self):
        self.models, (self.data, self.pixels) = make_training_goldens.build(), make_training_goldens.draw_data()
        self.model, self.samples = self.models["language_model"], self.data["joined"]
        stored = load_file(GOLDENS / "training" / "language_model" / "model.safetensors")
        assert torch.equal(stored["model.norm.weight"], self.model.model.norm.weight)
        self.order, self.layers = make_training_goldens.draw_order(20), 3

    def rows(self, sample):
        return len(sample["ids"]) + 9 - 1

    def read(self, sample):
        return len(sample["ids"]) - sample["supervised"].index(1)

    def nll(self, sample):
        return make_training_goldens.sample_nll(self.models, sample, self.pixels)[0]

    def logits(self, sample):
        patches = self.models["projector"](features(self.models["siglip"].vision_model, self.pixels[sample["image"]][None]))[0]
        lm = self.model
        return lm(inputs_embeds=splice(lm, sample["ids"], sample["image_at"], patches), use_cache=False).logits[0]

    def tokens(self, sample):
        return sum(sample["supervised"])

    def images(self, sample):
        return 0


class Joined:
    base, seed = "gemma3/grouped", 7

    def __init__(self):
        where = GOLDENS / self.base
        self.model = Gemma3ForConditionalGeneration.from_pretrained(where, attn_implementation="eager").eval()
        self.samples = json.loads((where / "golden.json").read_text())["samples"]
        self.pixels = load_file(where / "golden.safetensors")["pixel_values"]
        self.order, self.layers = [[[s % 3], [(s + 1) % 3, (s + 2) % 3]] for s in range(STEPS)], self.model.config.text_config.num_hidden_layers

    def ids(self, sample):
        return make_gemma3_goldens.ids_of(sample, self.model.config.image_token_id, self.model.config.mm_tokens_per_image)[0]

    def rows(self, sample):
        return self.ids(sample).shape[1] - 1

    def read(self, sample):
        return len(sample["supervised"]) - sample["supervised"].index(1)

    def logits(self, sample):
        return make_gemma3_goldens.run(self.model, sample, self.pixels)

    def nll(self, sample):
        logits, ids = self.logits(sample), self.ids(sample)[0]
        start = len(ids) - len(sample["supervised"])
        wanted = [start + i for i, w in enumerate(sample["supervised"]) if w]
        return F.cross_entropy(logits[[w - 1 for w in wanted]], ids[wanted], reduction="sum")

    def tokens(self, sample):
        return sum(sample["supervised"])

    def images(self, sample):
        return len(sample["images"]) * (self.model.config.vision_config.image_size // self.model.config.vision_config.patch_size)**2


def write(case, world, wrapped, facts, tensors):
    for name in ("adapter_config.json", "golden.json"):
        path = case / name
        if path.exists():
            config = json.loads(path.read_text())
            if isinstance(config.get("target_modules"), list):
                config["target_modules"] = sorted(config["target_modules"])
            config["base_model_name_or_path"] = world.base
            path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    (case / "README.md").unlink(missing_ok=True)
    write_json(case / "golden.json", facts)
    write_tensors(case / "golden.safetensors", tensors)


def case(name, world, steps=True, adapter_name="default", **config):
    """One adapter: logits of two samples; with `steps` the gradient of the first step and ten steps as well."""
    probability = config.get("lora_dropout", 0.0)
    torch.manual_seed(1)
    wrapped = get_peft_model(world.model, LoraConfig(**config), adapter_name=adapter_name)
    draw_factors(wrapped, 311)
    path = ROOT / name
    wrapped.save_pretrained(path)
    inner = path if adapter_name == "default" else path / adapter_name
    wrapped.eval()
    samples = [0, 2]
    facts = {"base": world.base, "peft": peft.__version__, "samples": samples}
    with torch.no_grad():
        tensors = {f"logits.{i}": world.logits(world.samples[i]) for i in samples}
    if steps:
        if probability:
            replace_dropout(wrapped, probability, world.layers)
        named = [(key_of(n), p) for n, p in wrapped.named_parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW([p for _, p in named], lr=SETTINGS["peak_learning_rate"], betas=tuple(SETTINGS["betas"]),
                                      eps=SETTINGS["epsilon"], weight_decay=SETTINGS["weight_decay"])
        schedule = transformers.get_cosine_schedule_with_warmup(optimizer, math.ceil(SETTINGS["warmup_ratio"] * STEPS), STEPS)
        facts.update(settings=SETTINGS, dropout_seed=world.seed, steps=[])
        for step in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            total = sum(world.tokens(world.samples[i]) for batch in world.order[step] for i in batch)
            loss = 0.0
            for number, batch in enumerate(world.order[step]):
                row = read = vision = 0
                for i in batch:
                    sample = world.samples[i]
                    Dropped.now = {"seed": world.seed, "step": step, "batch": number, "row": row, "read": read, "vision": vision,
                                   "first": world.rows(sample) - world.read(sample)}
                    nll = world.nll(sample)
                    (nll / total).backward()
                    loss += nll.item() / total
                    row, read, vision = row + world.rows(sample), read + world.read(sample), vision + world.images(sample)
            if step == 0:
                tensors.update({f"gradient.{n}": p.grad.clone() for n, p in named})
            norm = torch.nn.utils.clip_grad_norm_([p for _, p in named], SETTINGS["max_grad_norm"])
            facts["steps"].append({"epoch": step // PER_EPOCH, "batches": world.order[step], "loss": loss, "grad_norm": float(norm),
                                   "learning_rate": schedule.get_last_lr()[0], "supervised_tokens": total})
            optimizer.step()
            schedule.step()
        tensors.update({f"final.{n}": p for n, p in named})
        print(f"{name:22s} loss {facts['steps'][0]['loss']:.4f} -> {facts['steps'][-1]['loss']:.4f}, {len(named)} factors")
    write(inner, world, wrapped, facts, tensors)
    if inner != path:
        (path / "README.md").unlink(missing_ok=True)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    qv, decoder = ["q_proj", "v_proj"], r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
    case("causal-rank-1", Causal(), r=1, lora_alpha=2, target_modules=qv)
    case("causal-rank-4", Causal(), r=4, lora_alpha=8, target_modules="all-linear")
    case("causal-rank-16-dropout", Causal(), r=16, lora_alpha=16, lora_dropout=0.1, use_rslora=True, target_modules="all-linear")
    case("joined-rank-1", Joined(), r=1, lora_alpha=2, use_rslora=True, target_modules=qv)
    case("joined-rank-4", Joined(), r=4, lora_alpha=8, target_modules=decoder)
    case("joined-rank-16-dropout", Joined(), r=16, lora_alpha=8, lora_dropout=0.1, target_modules="all-linear")
    case("opened-saved", Joined(), steps=False, r=2, lora_alpha=4, target_modules=qv,
         modules_to_save=["lm_head", "embed_tokens", "multi_modal_projector"])
    case("opened-embedding", Causal(), steps=False, r=2, lora_alpha=4, target_modules=qv, modules_to_save=["embed_tokens"])
    case("opened-patterns", Joined(), steps=False, adapter_name="chest", r=2, lora_alpha=4, target_modules=qv + ["down_proj"],
         rank_pattern={r"layers\.1\.self_attn\.q_proj": 3, "mlp.down_proj": 1}, alpha_pattern={"language_model.layers.0.self_attn.v_proj": 9, "down_proj": 5})


if __name__ == "__main__":
    main()
