"""Opens a joined directory of Carina's (final_model of a joined run, or `infer export --as gemma3` or `--as llava`) with transformers' AutoModelForImageTextToText and
AutoProcessor alone, and compares it with what Carina said of the same questions.

usage: check_joined_model.py MODEL SHARD_DIRECTORY PREDICTIONS.jsonl [COUNT=64] [fp32|bf16] [PARTS]
PREDICTIONS comes from `evaluate --likelihood --checkpoint MODEL --precision fp32` (or bf16). Compared in fp32: the negative log likelihood of each reference (to 1e-4
relative, of 0.1 where it is smaller) and the greedy answer up to Carina's length (equal). In bf16 the likelihoods, to 2e-2.
PARTS is the final_model that a LLaVA was exported from: its logits over the same prompts and references, from Gemma3ForCausalLM, SiglipVisionModel and the projector put
together here, are compared with the LLaVA's to 1e-4. needs: torch transformers h5py numpy pillow safetensors
"""
import glob, json, sys

import h5py, numpy as np, torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor, Gemma3ForCausalLM, SiglipVisionModel

path, shards, predictions = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 64
bf16 = sys.argv[5:6] == ["bf16"]
parts = sys.argv[6] if len(sys.argv) > 6 else None
manifest = json.load(open(f"{path}/carina.json"))
model, loading = AutoModelForImageTextToText.from_pretrained(
    path, dtype=torch.bfloat16 if bf16 else torch.float32, attn_implementation="eager", output_loading_info=True)
model.eval()
wrong = {key: value for key, value in loading.items() if value}
kind = {"gemma3": "Gemma3ForConditionalGeneration", "llava": "LlavaForConditionalGeneration"}[manifest["layout"]]
assert type(model).__name__ == kind and not wrong, wrong
processor = AutoProcessor.from_pretrained(path)
style = manifest["prompt_style"] if manifest["layout"] == "llava" else "gemma3"
assert style != "seed", "an answer of the layout seed begins with <bos>, which is not compared here"
end = processor.tokenizer.convert_tokens_to_ids("<eos>" if style == "plain" else "<end_of_turn>")

images = {}
for file in sorted(glob.glob(f"{shards}/*.h5")):
    with h5py.File(file) as shard:
        pixels, names = shard["images/pixels"][:], np.split(shard["samples/id/bytes"][:], shard["samples/id/offsets"][1:-1])
        for name, row in zip(names, np.atleast_1d(shard["samples/image"][:])):
            images[bytes(name).decode()] = Image.fromarray(pixels[row]).convert("RGB")


class Parts:
    """The model in parts: the rows of the projector take the place of the image's ids."""

    def __init__(self, path):
        def part(name):
            reference = json.load(open(f"{path}/carina.json"))["parts"][name].get("reference")
            return reference["path"] if reference else f"{path}/{name}"
        self.lm = Gemma3ForCausalLM.from_pretrained(part("language_model"), dtype=torch.float32, attn_implementation="eager").eval()
        self.vision = SiglipVisionModel.from_pretrained(part("vision_encoder"), dtype=torch.float32, attn_implementation="eager").eval()
        self.projector = load_file(f"{part('projection_layer')}/model.safetensors")

    def logits(self, ids, pixels, image_token):
        p, features = self.projector, self.vision(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
        if manifest["drop_first_patch"]: features = features[:, 1:]
        hidden = torch.nn.functional.gelu(features @ p["model.0.weight"].T + p["model.0.bias"])
        rows = hidden @ p["model.2.weight"].T + p["model.2.bias"]
        is_image = ids == image_token
        embedded = self.lm.get_input_embeddings()(ids.masked_fill(is_image, 0))
        embedded[is_image] = rows.flatten(0, 1)
        return self.lm(inputs_embeds=embedded, use_cache=False).logits[0]


parts = Parts(parts) if parts else None
worst, worst_logit, largest, different = 0.0, 0.0, 0.0, 0
lines = [json.loads(line) for line in open(predictions)][:count]
with torch.no_grad():
    for line in lines:
        content = [{"type": "image", "image": images[line["id"]]}, {"type": "text", "text": line["question"]}]
        turns = [{"role": "system", "content": [{"type": "text", "text": manifest["system"]}]}] if manifest.get("system") else []
        prompt = processor.apply_chat_template(
            turns + [{"role": "user", "content": content}], tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt")
        reference = line.get("reference") or line["references"][0]
        reference = reference.strip() if style == "gemma3" else reference
        answer = torch.tensor([processor.tokenizer(reference, add_special_tokens=False).input_ids + [end]])
        whole = {"input_ids": torch.cat([prompt["input_ids"], answer], 1), "pixel_values": prompt["pixel_values"]}
        if "token_type_ids" in prompt and manifest["layout"] == "gemma3":
            whole["token_type_ids"] = torch.cat([prompt["token_type_ids"], torch.zeros_like(answer)], 1)
        prompt = {key: prompt[key] for key in list(whole) + ["attention_mask"] if key in prompt}
        everything = model(**whole).logits[0].float()
        logits = everything[prompt["input_ids"].shape[1] - 1 : -1]
        nll = torch.nn.functional.cross_entropy(logits, answer[0], reduction="sum").item()
        worst = max(worst, abs(nll - line["nll"]) / max(abs(nll), 0.1))
        if parts:
            own = parts.logits(whole["input_ids"], whole["pixel_values"], model.config.image_token_id)
            worst_logit = max(worst_logit, (own - everything[:, : own.shape[1]]).abs().max().item())
            largest = max(largest, own.abs().max().item())
        if not bf16:
            made = len(processor.tokenizer(line["prediction"], add_special_tokens=False).input_ids)
            out = model.generate(**prompt, do_sample=False, max_new_tokens=made + 1)[0, prompt["input_ids"].shape[1]:]
            text = processor.tokenizer.decode(out, skip_special_tokens=True)
            different += not text.startswith(line["prediction"])
print(f"{kind}, {len(lines)} questions in the layout {manifest['prompt_style']}: largest relative difference of likelihoods {worst:.2e}, {different} different answers")
if parts: print(f"logits of the parts: up to {largest:.1f}, largest difference {worst_logit:.2e}")
sys.exit(0 if worst < (2e-2 if bf16 else 1e-4) and different == 0 and worst_logit < 1e-4 else 1)
