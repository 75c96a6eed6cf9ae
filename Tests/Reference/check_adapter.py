"""Opens an adapter that train-stage2 wrote with PEFT over its base, and compares what both say of the same questions.

usage: check_adapter.py FINAL_MODEL SHARD_DIRECTORY PREDICTIONS.jsonl [COUNT=32]
PREDICTIONS comes from `evaluate --checkpoint FINAL_MODEL --likelihood --precision fp32`. The base is found by carina.json: two parts, in which an adapter of the
vision encoder and one of the projector lie beside that of the language model, a joined Gemma 3 or a LLaVA. Compared is the negative log likelihood of each reference, to 1e-4
relative (of 0.1 where it is smaller); that of the base alone is printed for comparison. needs: torch transformers peft h5py numpy
"""
import glob, json, os, sys, warnings
import h5py, numpy as np, torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoTokenizer, Gemma3ForCausalLM, Gemma3ForConditionalGeneration, LlavaForConditionalGeneration, SiglipVisionModel

warnings.filterwarnings("error", message=".*missing adapter keys.*")
final, shards, predictions = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 32
manifest = json.load(open(f"{final}/carina.json"))
adapter = f"{final}/adapter"


def part(name):
    entry = manifest["parts"][name]
    return entry["reference"]["path"] if entry.get("reference") else f"{final}/{name}"


def opened(model, path):
    if not os.path.exists(f"{path}/adapter_config.json"):
        return model
    before = {k: v.clone() for k, v in model.state_dict().items()}
    wrapped = PeftModel.from_pretrained(model, path).eval()
    names = {k.replace(".default", "") for k in wrapped.state_dict() if "lora_" in k}
    stored = set(load_file(f"{path}/adapter_model.safetensors"))
    left = {k for k in names - stored}
    assert not left and stored <= names | {k.replace(".modules_to_save.default", "").replace(".default", "") for k in wrapped.state_dict()}, (left, stored - names)
    for module in wrapped.modules():
        if hasattr(module, "lora_B") and len(module.lora_B):
            assert module.lora_B["default"].weight.abs().max() > 0, "an adapter that PEFT made and the file does not have"
    return wrapped


def ids(text):
    return tokenizer(text, add_special_tokens=False).input_ids


pixels = {}
for path in sorted(glob.glob(f"{shards}/*.h5")):
    with h5py.File(path) as shard:
        rows, images = shard["samples/image"][:], shard["images/pixels"][:]
        names = np.split(shard["samples/id/bytes"][:], shard["samples/id/offsets"][1:-1])
        for identifier, row in zip((bytes(name).decode() for name in names), rows):
            pixels[identifier] = images[row]
tokenizer = AutoTokenizer.from_pretrained(final)
kind = json.load(open(f"{part('language_model')}/config.json")).get("model_type")
is_joined = kind in ("gemma3", "llava")

if is_joined:
    joined = Gemma3ForConditionalGeneration if kind == "gemma3" else LlavaForConditionalGeneration
    model = joined.from_pretrained(part("language_model"), dtype=torch.float32, attn_implementation="eager").eval()
    config = model.config
    parts = [model]
    wrapped = [opened(model, adapter)]
else:
    language = Gemma3ForCausalLM.from_pretrained(part("language_model"), dtype=torch.float32).eval()
    vision = SiglipVisionModel.from_pretrained(part("vision_encoder"), dtype=torch.float32).eval()
    weights = load_file(f"{part('projection_layer')}/model.safetensors")

    class Projector(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = torch.nn.Sequential(torch.nn.Linear(*reversed(weights["model.0.weight"].shape)), torch.nn.GELU(),
                                             torch.nn.Linear(*reversed(weights["model.2.weight"].shape)))

        def forward(self, x):
            return self.model(x)

    projector = Projector()
    projector.load_state_dict(weights)
    parts = [language, vision, projector]
    wrapped = [opened(language, adapter), opened(vision, f"{adapter}/vision_encoder"), opened(projector, f"{adapter}/projection_layer")]


def loss(line):
    image = torch.tensor(pixels[line["id"]].astype(np.float32)) / 255
    image = ((image - 0.5) / 0.5)[None, None].expand(1, 3, -1, -1)
    bos = [tokenizer.convert_tokens_to_ids("<bos>")]
    before = bos + ids("<start_of_turn>user\n")
    middle = ids(line["question"].strip() + "<end_of_turn>\n<start_of_turn>model\n")
    answer = ids(line.get("reference") or line["references"][0]) + ids("<end_of_turn>")
    if is_joined:
        tower = config.vision_config
        patches = (tower.image_size // tower.patch_size) ** 2
        n = config.mm_tokens_per_image if kind == "gemma3" else patches - (config.vision_feature_select_strategy == "default")
        all_ids = before + [config.image_token_id] * n + middle + answer
        kinds = [0] * len(before) + [1] * n + [0] * (len(middle) + len(answer))
        more = {"token_type_ids": torch.tensor([kinds])} if kind == "gemma3" else {}
        logits = parts[0](input_ids=torch.tensor([all_ids]), pixel_values=image, **more).logits[0]
        logits = logits[-len(answer) - 1:-1]
    else:
        rows = parts[2](parts[1](pixel_values=image).last_hidden_state)
        embed = parts[0].get_input_embeddings()
        full = torch.cat([embed(torch.tensor([before])), rows, embed(torch.tensor([middle + answer]))], 1)
        logits = parts[0](inputs_embeds=full).logits[0][-len(answer) - 1:-1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum").item()


worst, moved = 0.0, 0.0
lines = [json.loads(line) for line in open(predictions)][:count]
with torch.no_grad():
    for line in lines:
        value = loss(line)
        worst = max(worst, abs(value - line["nll"]) / max(abs(value), 0.1))
    for model in wrapped:
        if isinstance(model, PeftModel):
            model.unload()
    for line in lines:
        moved = max(moved, abs(loss(line) - line["nll"]) / max(abs(line["nll"]), 0.1))
print(f"{len(lines)} references: worst difference {worst:.1e}; without the adapter {moved:.1e}")
sys.exit(0 if worst < 1e-4 and moved > 1e-3 else 1)
