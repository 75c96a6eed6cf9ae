"""Opens what `train-stage0 --vision-model` wrote (final_model) with transformers' SiglipModel, AutoTokenizer and AutoImageProcessor alone, and compares it with what the
run said of it in train_log.jsonl: loss and recall at 1, 5 and 10, both ways, on the held-out images after the last step.

usage: check_tower.py RUN VALIDATION_SHARDS [STARTING_MODEL]
RUN has run.json, train_log.jsonl and final_model; its precision was fp32, the numbers of the model it started from too (a tensor keeps its type, and rounding what was trained
moves the loss by more than what is allowed here), and its last line has a validation_loss. Compared: the loss (to 1e-5 relative), every recall (equal),
that no weight is missing, left over or not finite, and with STARTING_MODEL that configuration and tokenizer are the same and which weights differ. needs: torch transformers
sentencepiece h5py numpy pillow
"""
import glob, json, sys

import h5py, numpy as np, torch
from PIL import Image
from safetensors import safe_open
from transformers import AutoImageProcessor, AutoTokenizer, SiglipModel

run, shards = sys.argv[1:3]
path = f"{run}/final_model"
settings = json.load(open(f"{run}/run.json"))["configuration"]
last = [json.loads(line) for line in open(f"{run}/train_log.jsonl")][-1]
model, loading = SiglipModel.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
model.eval()
wrong = {key: value for key, value in loading.items() if value}
with safe_open(f"{path}/model.safetensors", "pt") as file:
    types = {file.get_slice(name).get_dtype() for name in file.keys()}
if types != {"F32"}:
    sys.exit(f"{path} holds {', '.join(sorted(types))}: the loss was logged before the weights were rounded; start from a model in fp32")
assert not wrong and all(torch.isfinite(p).all() for p in model.parameters()), wrong
tokenizer, processor = AutoTokenizer.from_pretrained(path), AutoImageProcessor.from_pretrained(path)

images, captions = [], []
for file in sorted(glob.glob(f"{shards}/*.h5")):
    with h5py.File(file) as shard:
        texts = np.split(shard["samples/answer/bytes"][:], shard["samples/answer/offsets"][1:-1])
        pixels = shard["images/pixels"][:]
        for row, text in zip(np.atleast_1d(shard["samples/image"][:]), texts):
            images.append(Image.fromarray(pixels[row]).convert("RGB"))
            captions.append(bytes(text).decode())
# Texts of which the tower reads the same ids are one text.
rows = [tuple(row) for row in tokenizer(captions, padding="max_length", max_length=settings["text"]["ids"], truncation=True).input_ids]
distinct = list(dict.fromkeys(rows))
describes = [distinct.index(row) for row in rows]
ids = torch.tensor(distinct)
with torch.no_grad():
    seen = torch.cat([model.vision_model(pixel_values=processor(images[i:i + 16], return_tensors="pt").pixel_values).pooler_output for i in range(0, len(images), 16)])
    read = model.text_model(input_ids=ids).pooler_output
    seen, read = (x / x.norm(dim=-1, keepdim=True) for x in (seen, read))
    scores = seen @ read.T
    logits = scores * model.logit_scale.exp() + model.logit_bias
positive = torch.zeros_like(scores, dtype=torch.bool)
positive[range(len(images)), describes] = True

size, total = settings["settings"]["batch_size"], 0.0
for first in range(0, len(images), size):
    rows = slice(first, first + size)
    texts = sorted(set(describes[rows]))
    signs = 2.0 * positive[rows][:, texts] - 1
    total -= torch.nn.functional.logsigmoid(signs * logits[rows][:, texts]).sum().item()
loss = total / len(images)


def recalls(scores, positive):
    best = scores.masked_fill(~positive, -torch.inf).amax(1, keepdim=True)
    ranks = ((scores >= best) & ~positive).sum(1)
    return [(ranks < depth).float().mean().item() for depth in (1, 5, 10)]


found = dict(zip((f"image_to_text_recall_at_{d}" for d in (1, 5, 10)), recalls(scores, positive)))
found.update(zip((f"text_to_image_recall_at_{d}" for d in (1, 5, 10)), recalls(scores.T, positive.T)))
away = abs(loss - last["validation_loss"]) / loss
worst = max(abs(value - last[name]) for name, value in found.items())
print(f"{len(images)} images, {len(distinct)} different texts: loss {loss:.7f} here, {last['validation_loss']:.7f} there ({away:.1e} relative); "
      f"recalls differ by at most {worst:.1e}: " + " ".join(f"{value:.3f}" for value in found.values()))
good = away < 1e-5 and worst < 1e-6
if len(sys.argv) > 3:
    start = SiglipModel.from_pretrained(sys.argv[3], dtype=torch.float32)
    before, after = start.state_dict(), model.state_dict()
    changed = [name for name in after if not torch.equal(before[name], after[name])]
    same = start.config.to_dict() == model.config.to_dict() | {"_name_or_path": start.config.to_dict().get("_name_or_path")}
    texts = AutoTokenizer.from_pretrained(sys.argv[3])(captions).input_ids == tokenizer(captions).input_ids
    frozen = [name for name in changed if name.startswith("text_model.")] if not settings["trains"]["text_encoder"] else []
    print(f"{len(changed)} of {len(after)} tensors differ from the start, {len(frozen)} of them frozen; configuration {'equal' if same else 'DIFFERS'}, ids {'equal' if texts else 'DIFFER'}")
    good = good and changed and not frozen and same and texts
sys.exit(0 if good else 1)
