"""Makes a MedSigLIP-448 of the true shapes with random weights, and compares kept vision features with transformers'.

    python check_full_size_tower.py make OUT           (1.8 GB; needs torch, transformers)
    python check_full_size_tower.py compare MODEL SHARDS FEATURES.h5      (needs h5py and numpy too)

FEATURES.h5 is what `evaluate --cache-vision-features` or `train-stage1 --cache-vision-features` kept of SHARDS with MODEL.
Weights are stored in bfloat16 and drawn so that no layer dies away: positions as large as patches, norms near one.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
from transformers import SiglipConfig, SiglipModel, SiglipVisionModel


def make(out):
    torch.manual_seed(448)
    shared = dict(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16)
    config = SiglipConfig(
        vision_config=dict(shared, image_size=448, patch_size=14),
        text_config=dict(shared, vocab_size=32000, max_position_embeddings=64, projection_size=1152))
    torch.set_default_dtype(torch.bfloat16)
    model = SiglipModel(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "embedding" in name:
                p.normal_(0, 0.3)
            elif "norm" in name and name.endswith("weight"):
                p.normal_(1, 0.1)
            elif p.dim() > 1:
                p.normal_(0, p[0].numel() ** -0.5)
            else:
                p.normal_(0, 0.05)
    model.save_pretrained(out)
    settings = {"image_processor_type": "SiglipImageProcessor", "size": {"height": 448, "width": 448}, "resample": 2,
                "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3,
                "image_std": [0.5] * 3}
    pathlib.Path(out, "processor_config.json").write_text(
        json.dumps({"processor_class": "SiglipProcessor", "image_processor": settings}, indent=1))


@torch.no_grad()
def compare(model, shards, features):
    import h5py
    tower = SiglipVisionModel.from_pretrained(model, dtype=torch.float32).eval()
    kept = h5py.File(features)
    rows = {bytes(d): i for i, d in enumerate(kept["images/digest"][:])}
    worst = 0.0
    count = 0
    for path in sorted(pathlib.Path(shards).glob("shard-*.h5")):
        shard = h5py.File(path)
        names = [n for n in ("images/pixels", "images/rgb") if n in shard]
        pixels = shard[names[0]]
        for image in np.asarray(pixels[:]):
            channels = 1 if image.ndim == 2 else image.shape[-1]
            header = f"{image.shape[0]} {channels}\n".encode()
            row = rows.get(hashlib.sha256(header + np.ascontiguousarray(image).tobytes()).digest())
            if row is None:
                continue
            grey = image.reshape(image.shape[0], image.shape[1], channels)
            x = torch.tensor(grey.astype(np.float32) / 255).permute(2, 0, 1).expand(3, -1, -1)[None]
            expected = tower(pixel_values=(x - 0.5) / 0.5).last_hidden_state[0]
            found = kept["images/features"][row]
            if found.dtype == np.uint16:
                found = (found.astype(np.uint32) << 16).view(np.float32)
            difference = float(torch.linalg.norm(torch.tensor(found) - expected) / torch.linalg.norm(expected))
            worst, count = max(worst, difference), count + 1
    print(f"{count} images of {expected.shape[0]} patches: at most {worst:.2e} of the features' length apart")


if __name__ == "__main__":
    make(sys.argv[2]) if sys.argv[1] == "make" else compare(*sys.argv[2:5])
