"""Tiny random PyTorch models shared by make_model_goldens.py and make_training_goldens.py.

Everything is float32, one thread, deterministic, and drawn from seeded generators, so that a rerun writes the same
bytes. Weights are scaled so that no branch is negligible: norms away from their neutral value, embeddings wide enough
for distinct logits, projections of unit gain.

The two dialects of config.json that checkpoints in the wild use, both written here (installed: transformers 5.x):
  up to 4.52   `sliding_window_pattern: 6`, `rope_theta`, `rope_local_base_freq`, `rope_scaling`, `torch_dtype`;
               no `layer_types`; a standalone SigLIP vision tower has keys `vision_model.…`
  5.x          `layer_types`, `rope_parameters: {full_attention: {rope_theta, rope_type}, sliding_attention: {…}}`,
               `dtype`, a left-over `_sliding_window_pattern`; a standalone SigLIP vision tower has BARE keys
               (`embeddings.…`, `encoder.…`, `post_layernorm.…`, `head.…`)
  between      (4.53 to 4.57) `layer_types` together with `rope_theta` and `rope_local_base_freq`
SiglipModel itself writes `vision_model.…`, `text_model.…`, `logit_scale`, `logit_bias` in both. `hidden_act`,
`projection_size`, `layer_norm_eps`, `vision_use_head`, `tie_word_embeddings` may be absent and then mean the class default.
"""

import json
import pathlib
import re

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import (Gemma3Config, Gemma3ForCausalLM, Gemma3TextConfig, SiglipConfig, SiglipModel, SiglipVisionConfig,
                          SiglipVisionModel)
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

PAD, EOS, BOS = 0, 1, 2


def generator(seed):
    return torch.Generator().manual_seed(seed)


def randomise(module, seed):
    """Draws every parameter anew: scale by role, order by name, so that insertion of a module shows in review."""
    g = generator(seed)
    with torch.no_grad():
        for name, p in sorted(module.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            if name == "logit_scale":
                p.fill_(1.6)
            elif name == "logit_bias":
                p.fill_(-1.2)
            elif name == "model.norm.weight":
                # Random signs before the tied head: otherwise each token predicts itself and greedy text repeats one.
                p.copy_(noise - 1.0)
            elif "norm" in name and name.endswith("weight"):
                neutral = 1.0 if ("layer_norm" in name or "post_layernorm" == name.split(".")[-2]
                                  or name.split(".")[-2] == "layernorm") else 0.0
                p.copy_(neutral + 0.3 * noise)
            elif name.endswith("bias"):
                p.copy_(0.2 * noise)
            elif "embed_tokens" in name or "token_embedding" in name or "position_embedding" in name:
                p.copy_(0.5 * noise)
            elif name.endswith("probe"):
                p.copy_(noise)
            else:
                fan_in = p[0].numel()
                p.copy_(noise * (1.1 / fan_in**0.5))
    return module.eval()


def gemma(seed, **keys):
    config = Gemma3TextConfig(pad_token_id=PAD, eos_token_id=EOS, bos_token_id=BOS, **keys)
    return randomise(Gemma3ForCausalLM._from_config(config, attn_implementation="eager"), seed)


def siglip(seed, vision, text):
    config = SiglipConfig(vision_config=vision, text_config=dict(text, bos_token_id=2, eos_token_id=1))
    return randomise(SiglipModel._from_config(config, attn_implementation="eager"), seed)


def siglip_vision(seed, **keys):
    config = SiglipVisionConfig(**keys)
    return randomise(SiglipVisionModel._from_config(config, attn_implementation="eager"), seed)


class Projector(torch.nn.Module):
    """Linear, exact-erf GELU, Linear; the Sequential gives the keys model.0.* and model.2.*."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.model = torch.nn.Sequential(
            torch.nn.Linear(inputs, hidden), torch.nn.GELU(), torch.nn.Linear(hidden, outputs))

    def forward(self, x):
        return self.model(x)


class PooledMLP(Projector):
    """Averages of blocks of `pool` × `pool` patches before the MLP: [.., grid · grid, inputs] to [rows, outputs]."""

    def __init__(self, grid, pool, *sizes):
        super().__init__(*sizes)
        self.grid, self.pool = grid, pool

    def forward(self, x):
        images = x.reshape(-1, self.grid, self.grid, x.shape[-1]).permute(0, 3, 1, 2)
        pooled = F.avg_pool2d(images, self.pool)
        return self.model(pooled.flatten(2).transpose(1, 2).reshape(-1, x.shape[-1]))


class Gemma3Projector(Gemma3MultiModalProjector):
    """transformers' own, to rows: [.., grid · grid, inputs] to [rows, outputs]."""

    def __init__(self, grid, tokens, inputs, outputs):
        vision = SiglipVisionConfig(hidden_size=inputs, image_size=grid * 2, patch_size=2, layer_norm_eps=1e-5)
        super().__init__(Gemma3Config(
            text_config=Gemma3TextConfig(hidden_size=outputs, num_attention_heads=1), vision_config=vision,
            mm_tokens_per_image=tokens))
        self.patches = grid * grid

    def forward(self, x):
        return super().forward(x.reshape(-1, self.patches, x.shape[-1])).flatten(0, 1)


def features(vision, pixels, feature="post-norm", drop_first_patch=False):
    """Patch features [B, N, width]: after the last layer, with or without the closing layer norm."""
    with Tap(vision) as tap:
        out = vision(pixel_values=pixels).last_hidden_state
    picked = out if feature == "post-norm" else tap.hidden[-1]
    return picked[:, 1:] if drop_first_patch else picked


class Tap:
    """Records what enters the first layer and what leaves each one of a decoder or an encoder tower."""

    def __init__(self, tower):
        self.layers = tower.model.layers if hasattr(tower, "model") else tower.encoder.layers
        self.hidden, self.hooks = [], []

    def __enter__(self):
        first = lambda _, args, kwargs: self.hidden.append(args[0] if args else kwargs["hidden_states"])
        self.hooks.append(self.layers[0].register_forward_pre_hook(first, with_kwargs=True))
        for layer in self.layers:
            self.hooks.append(layer.register_forward_hook(lambda _, __, out: self.hidden.append(out)))
        return self

    def __exit__(self, *_):
        for hook in self.hooks:
            hook.remove()


def splice(lm, ids, image_at, patches):
    """Scaled token embeddings with the projected patches (unscaled) before text position `image_at`: [1, T, width]."""
    text = lm.model.embed_tokens(torch.tensor(ids))
    if patches is None:
        return text[None]
    return torch.cat([text[:image_at], patches, text[image_at:]])[None]


def spread(sample, patch_count):
    """Ids and supervision per spliced position; a patch has id -1 and is never supervised."""
    at = sample.get("image_at", 0)
    hole = patch_count if "image_at" in sample else 0
    ids = sample["ids"][:at] + [-1] * hole + sample["ids"][at:]
    mask = sample["supervised"][:at] + [0] * hole + sample["supervised"][at:]
    return ids, mask


def token_nll(logits, sample, patch_count=0):
    """Sum over the supervised tokens of -log p(token | everything before it), and their number."""
    ids, mask = spread(sample, patch_count)
    targets = torch.tensor([i if m else -100 for i, m in zip(ids, mask)])
    assert targets[0] == -100, "the first position has nothing before it"
    nll = F.cross_entropy(logits[:-1], targets[1:], ignore_index=-100, reduction="sum")
    return nll, int(sum(mask))


def sigmoid_loss(image_embeds, text_embeds, scale, bias, positives):
    """SigLIP (arXiv:2303.15343): -sum over all pairs of log sigmoid(label * logit), over the number of images."""
    logits = image_embeds @ text_embeds.t() * scale.exp() + bias
    labels = 2.0 * torch.tensor(positives, dtype=torch.float32) - 1.0
    return -F.logsigmoid(labels * logits).sum() / image_embeds.shape[0], logits


def decays(name):
    """Decay on everything but norms and biases; a logit_scale, a probe and the embeddings do decay."""
    return not (name.endswith("bias") or ("norm" in name and name.endswith("weight")))


def write_json(path, value):
    text = json.dumps(value, indent=1, sort_keys=True)
    # One line for each list of numbers keeps the files short and their differences readable.
    text = re.sub(r"\[\s+([-\d.,e\s]+?)\s+\]", lambda m: "[" + " ".join(m.group(1).split()) + "]", text)
    pathlib.Path(path).write_text(text + "\n")


def write_tensors(path, tensors, dtype=torch.float32):
    save_file({k: v.detach().to(dtype).contiguous().clone() for k, v in tensors.items()}, path,
              metadata={"format": "pt"})


def save_hf(model, directory, rewrite=None, **options):
    """save_pretrained, then what varies between dialects; drops the library's version to keep reruns identical."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory, **options)
    path = directory / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(rewrite(config) if rewrite else config, indent=2) + "\n")
    return directory


def old_gemma_dialect(config):
    """The key set of the published Gemma 3 1B config.json."""
    kept = {k: v for k, v in config.items()
            if k not in ("layer_types", "rope_parameters", "_sliding_window_pattern", "dtype", "tie_word_embeddings",
                         "use_bidirectional_attention")}
    pattern = next(i + 1 for i, t in enumerate(config["layer_types"]) if t == "full_attention")
    rope = config["rope_parameters"]
    kept.update(sliding_window_pattern=pattern, rope_theta=int(rope["full_attention"]["rope_theta"]),
                rope_local_base_freq=int(rope["sliding_attention"]["rope_theta"]), rope_scaling=None,
                cache_implementation="hybrid", torch_dtype="float32", eos_token_id=[EOS, 5],
                transformers_version="4.50.0.dev0")
    return dict(sorted(kept.items()))


def middle_gemma_dialect(config):
    """layer_types, but the rotary bases still one by one."""
    kept = {k: v for k, v in config.items() if k not in ("rope_parameters", "dtype")}
    rope = config["rope_parameters"]
    kept.update(rope_theta=rope["full_attention"]["rope_theta"], rope_scaling=None, torch_dtype="float32",
                rope_local_base_freq=rope["sliding_attention"]["rope_theta"], transformers_version="4.55.4")
    return dict(sorted(kept.items()))
