"""Opens a Gemma3ForConditionalGeneration directory of Carina's (final_model of a joined run, or `infer export`) with transformers' AutoModelForImageTextToText and
AutoProcessor alone, and compares it with what Carina said of the same questions.

usage: check_joined_model.py MODEL SHARD_DIRECTORY PREDICTIONS.jsonl [COUNT=64] [fp32|bf16]
PREDICTIONS comes from `evaluate --likelihood --checkpoint MODEL --precision fp32` (or bf16). Compared in fp32: the negative log likelihood of each reference (to 1e-4
relative, of 0.1 where it is smaller) and the greedy answer up to Carina's length (equal). In bf16 the likelihoods, to 2e-2. needs: torch transformers h5py numpy pillow
"""
import glob, json, sys

import h5py, numpy as np, torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

path, shards, predictions = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 64
bf16 = sys.argv[5:] == ["bf16"]
manifest = json.load(open(f"{path}/carina.json"))
model, loading = AutoModelForImageTextToText.from_pretrained(
    path, dtype=torch.bfloat16 if bf16 else torch.float32, attn_implementation="eager", output_loading_info=True)
model.eval()
wrong = {key: value for key, value in loading.items() if value}
assert type(model).__name__ == "Gemma3ForConditionalGeneration" and not wrong, wrong
processor = AutoProcessor.from_pretrained(path)
end = processor.tokenizer.convert_tokens_to_ids("<end_of_turn>")

images = {}
for file in sorted(glob.glob(f"{shards}/*.h5")):
    with h5py.File(file) as shard:
        pixels, names = shard["images/pixels"][:], np.split(shard["samples/id/bytes"][:], shard["samples/id/offsets"][1:-1])
        for name, row in zip(names, np.atleast_1d(shard["samples/image"][:])):
            images[bytes(name).decode()] = Image.fromarray(pixels[row]).convert("RGB")

worst, different, shown = 0.0, 0, manifest["prompt_style"]
lines = [json.loads(line) for line in open(predictions)][:count]
with torch.no_grad():
    for line in lines:
        content = [{"type": "image", "image": images[line["id"]]}, {"type": "text", "text": line["question"]}]
        turns = [{"role": "system", "content": [{"type": "text", "text": manifest["system"]}]}] if manifest.get("system") else []
        prompt = processor.apply_chat_template(
            turns + [{"role": "user", "content": content}], tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt")
        reference = (line.get("reference") or line["references"][0]).strip()
        answer = torch.tensor([processor.tokenizer(reference, add_special_tokens=False).input_ids + [end]])
        kinds = torch.cat([prompt["token_type_ids"], torch.zeros_like(answer)], 1)
        whole = {"input_ids": torch.cat([prompt["input_ids"], answer], 1), "token_type_ids": kinds, "pixel_values": prompt["pixel_values"]}
        logits = model(**whole).logits[0, prompt["input_ids"].shape[1] - 1 : -1].float()
        nll = torch.nn.functional.cross_entropy(logits, answer[0], reduction="sum").item()
        worst = max(worst, abs(nll - line["nll"]) / max(abs(nll), 0.1))
        if not bf16:
            made = len(processor.tokenizer(line["prediction"], add_special_tokens=False).input_ids)
            out = model.generate(**prompt, do_sample=False, max_new_tokens=made + 1)[0, prompt["input_ids"].shape[1]:]
            text = processor.tokenizer.decode(out, skip_special_tokens=True)
            different += not text.startswith(line["prediction"])
print(f"{len(lines)} questions in the layout {shown}: largest relative difference of likelihoods {worst:.2e}, {different} different answers")
sys.exit(0 if worst < (2e-2 if bf16 else 1e-4) and different == 0 else 1)
