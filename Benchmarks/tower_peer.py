"""A step of tuning a SigLIP in PyTorch and transformers, its batch in pieces whose features are kept (GradCache), and its time and memory.

usage: tower_peer.py MODEL BATCH CHUNK STEPS [TEXTS] [--train-text]     environment: DTYPE=bf16|fp32 THREADS=2
      tower_peer.py --make DIR SPIECE_MODEL      writes a random SiglipModel of ViT-L/16-384 with its text tower in bfloat16, with a tokenizer

Pixels and ids are random, of the shapes that the model takes; TEXTS are how many different ones a batch has (default: BATCH). The weights are held in DTYPE, the optimizer's state too: what is fastest there."""
import os, resource, shutil, sys, time

import torch
from transformers import SiglipConfig, SiglipModel

torch.set_num_threads(int(os.environ.get("THREADS", "2")))
torch.manual_seed(0)
if sys.argv[1] == "--make":
    target, tokenizer = sys.argv[2:4]
    large = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16)
    SiglipModel(SiglipConfig(vision_config=dict(large, image_size=384, patch_size=16), text_config=dict(large, vocab_size=32000))
                ).to(torch.bfloat16).save_pretrained(target)
    shutil.copy(tokenizer, f"{target}/spiece.model")
    sys.exit()

model_path, batch, chunk, steps = sys.argv[1], *(int(x) for x in sys.argv[2:5])
model = SiglipModel.from_pretrained(model_path, dtype={"bf16": torch.bfloat16, "fp32": torch.float32}[os.environ.get("DTYPE", "bf16")])
trains_text = "--train-text" in sys.argv
texts_of_batch = min(batch, int(sys.argv[5])) if len(sys.argv) > 5 and sys.argv[5].isdigit() else batch
model.text_model.requires_grad_(trains_text)
model.logit_scale.requires_grad_(False)
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0.01)
vision, text = model.config.vision_config, model.config.text_config
pixels = torch.randn(batch, 3, vision.image_size, vision.image_size, dtype=model.dtype)
ids = torch.randint(3, 100, (texts_of_batch, text.max_position_embeddings))
rows = (vision.image_size // vision.patch_size) ** 2
images = pixels.split(chunk)
texts = ids.split(max(chunk, chunk * rows // text.max_position_embeddings))
image_tower = lambda x: model.vision_model(pixel_values=x).pooler_output
text_tower = lambda x: model.text_model(input_ids=x).pooler_output
labels = 2 * torch.eye(batch, texts_of_batch) - 1


def step():
    with torch.no_grad():
        seen, read = (torch.cat([tower(x) for x in pieces]) for tower, pieces in ((image_tower, images), (text_tower, texts)))
    seen.requires_grad_()
    read.requires_grad_(trains_text)
    unit = lambda x: x.float() / x.float().norm(dim=-1, keepdim=True)
    logits = unit(seen) @ unit(read).T * model.logit_scale.exp() + model.logit_bias
    loss = -torch.nn.functional.logsigmoid(labels * logits).sum() / batch
    loss.backward()
    for tower, pieces, features in [(image_tower, images, seen)] + ([(text_tower, texts, read)] if trains_text else []):
        for piece, gradient in zip(pieces, features.grad.split(len(pieces[0]))):
            tower(piece).backward(gradient)
    start = time.perf_counter()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - start


seconds, changing = [], []
for _ in range(steps):
    start = time.perf_counter()
    changing.append(step())
    seconds.append(time.perf_counter() - start)
print("seconds " + " ".join(f"{x:.2f}" for x in seconds))
print("of that the optimizer " + " ".join(f"{x:.2f}" for x in changing))
print(f"peak GiB {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}")
