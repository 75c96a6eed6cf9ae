"""Writes Tests/CarinaTests/Goldens/llava-adapters: adapters of PEFT over the LLaVA goldens, what PEFT computes with them, and gradients of the models without.
usage: make_llava_adapter_goldens.py   needs: torch transformers peft safetensors; after make_llava_goldens.py

CASE/adapter_config.json, adapter_model.safetensors   the adapter, by save_pretrained; both factors are random
CASE/golden.json          {"base": "llava/NAME", "peft": VERSION, "samples": [I…]}, I being a number of an answer of the base's answers.json
CASE/golden.safetensors   logits.I, [rows, vocabulary] of the prompt of answer I
gradients-NAME.safetensors    `loss`, the mean over the ids of answers 0 and 1 of llava/NAME given their prompts, and gradient.TENSOR, TENSOR as in its files
"""
import json
import pathlib
import shutil

import peft
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlavaForConditionalGeneration

from make_adapter_goldens import draw_factors
from model_twins import *

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens"
ROOT = GOLDENS / "llava-adapters"
SAMPLES = [0, 1]
# What each is called in the files, and in the memory of transformers 5.
GRADIENTS = {
    "multi_modal_projector.linear_1.weight": "model.multi_modal_projector.linear_1.weight",
    "multi_modal_projector.linear_2.bias": "model.multi_modal_projector.linear_2.bias",
    "language_model.model.layers.0.self_attn.q_proj.weight": "model.language_model.layers.0.self_attn.q_proj.weight",
    "language_model.model.layers.2.mlp.down_proj.weight": "model.language_model.layers.2.mlp.down_proj.weight",
    "language_model.model.norm.weight": "model.language_model.norm.weight",
    "vision_tower.encoder.layers.0.mlp.fc1.weight": "model.vision_tower.encoder.layers.0.mlp.fc1.weight",
    "vision_tower.embeddings.patch_embedding.weight": "model.vision_tower.embeddings.patch_embedding.weight",
}


def opened(name):
    where = GOLDENS / "llava" / name
    model = LlavaForConditionalGeneration.from_pretrained(where, attn_implementation="eager").eval()
    answers = json.loads((where / "answers.json").read_text())["answers"]
    return model, answers, load_file(where / "golden.safetensors")["pixel_values"]


def case(name, base, **config):
    model, answers, pixels = opened(base)
    torch.manual_seed(1)
    wrapped = get_peft_model(model, LoraConfig(**config))
    draw_factors(wrapped, 431)
    path = ROOT / name
    wrapped.save_pretrained(path)
    (path / "README.md").unlink(missing_ok=True)
    stored = json.loads((path / "adapter_config.json").read_text())
    if isinstance(stored.get("target_modules"), list):
        stored["target_modules"] = sorted(stored["target_modules"])
    stored["base_model_name_or_path"] = f"llava/{base}"
    (path / "adapter_config.json").write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    with torch.no_grad():
        logits = {f"logits.{i}": wrapped(input_ids=torch.tensor([answers[i]["prompt"]]), pixel_values=pixels).logits[0] for i in SAMPLES}
    write_json(path / "golden.json", {"base": f"llava/{base}", "peft": peft.__version__, "samples": SAMPLES})
    write_tensors(path / "golden.safetensors", logits)


def gradients(base):
    model, answers, pixels = opened(base)
    total, loss = sum(len(answers[i]["ids"]) for i in SAMPLES), 0.0
    for i in SAMPLES:
        prompt, ids = answers[i]["prompt"], answers[i]["ids"]
        logits = model(input_ids=torch.tensor([prompt + ids]), pixel_values=pixels).logits[0]
        loss = loss + F.cross_entropy(logits[len(prompt) - 1 : -1], torch.tensor(ids), reduction="sum") / total
    loss.backward()
    named = dict(model.named_parameters())
    tensors = {f"gradient.{name}": named[own].grad for name, own in GRADIENTS.items()}
    write_tensors(ROOT / f"gradients-{base}.safetensors", dict(tensors, loss=loss.detach().reshape(1)))
    print(base, f"loss {loss.item():.4f}")


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    case("all-linear", "full", r=4, lora_alpha=8, target_modules="all-linear")
    case("saved", "first-patch", r=2, lora_alpha=4, use_rslora=True, target_modules=["q_proj", "v_proj"], modules_to_save=["multi_modal_projector"])
    for base in ("full", "first-patch"):
        gradients(base)


if __name__ == "__main__":
    main()
