"""Writes Tests/CarinaTests/Goldens/projector: projectors of every form, what PyTorch makes of random features, and every gradient.

    python Tests/Reference/make_projector_goldens.py        (needs torch, transformers, safetensors; a few seconds)

One directory per case, as training writes a projector: projector_config.json, model.safetensors. Beside them golden.json
(rows of an image) and golden.safetensors (F32):

  features [B·N,W]            N patches of each of B images, row by row of the grid
  upstream [B·T,D]            the gradient that comes from the decoder
  projected [B·T,D]           what the projector gives
  grad.features, grad.KEY     d(sum of upstream · projected), KEY as in model.safetensors

The MLPs are torch.nn (LLaVA-1.5's `mlp2x_gelu`: Linear, GELU, Linear, both of the decoder's width), averages of patches avg_pool2d;
Gemma 3's form is transformers' Gemma3MultiModalProjector.
"""

import pathlib
import shutil

import torch
from transformers import Gemma3Config, Gemma3TextConfig, SiglipVisionConfig
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector

from model_twins import Projector, generator, randomise, write_json, write_tensors

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "projector"


class PooledMLP(Projector):
    """Averages of blocks of patches before the MLP."""

    def __init__(self, grid, pool, *sizes):
        super().__init__(*sizes)
        self.grid, self.pool = grid, pool

    def forward(self, x):
        images = x.reshape(-1, self.grid, self.grid, x.shape[-1]).permute(0, 3, 1, 2)
        pooled = torch.nn.functional.avg_pool2d(images, self.pool)
        return self.model(pooled.flatten(2).transpose(1, 2).reshape(-1, x.shape[-1]))


class Gemma3(torch.nn.Module):
    """transformers' own, over rows instead of [images, patches, width]."""

    def __init__(self, grid, tokens, inputs, outputs):
        super().__init__()
        vision = SiglipVisionConfig(hidden_size=inputs, image_size=grid * 2, patch_size=2, layer_norm_eps=1e-5)
        self.whole = Gemma3MultiModalProjector(Gemma3Config(
            text_config=Gemma3TextConfig(hidden_size=outputs), vision_config=vision, mm_tokens_per_image=tokens))
        self.patches = grid * grid

    def forward(self, x):
        out = self.whole(x.reshape(-1, self.patches, x.shape[-1]))
        return out.reshape(-1, out.shape[-1])


def case(name, seed, module, config, grid, rows):
    where = ROOT / name
    where.mkdir(parents=True)
    randomise(module, seed)
    g = generator(seed + 1)
    features = torch.randn(2 * grid * grid, config["input_size"], generator=g).requires_grad_()
    upstream = torch.randn(2 * rows, config["output_size"], generator=g)
    projected = module(features)
    (projected * upstream).sum().backward()
    key = lambda name: name.removeprefix("whole.")
    write_tensors(where / "model.safetensors", {key(k): v for k, v in module.state_dict().items()})
    write_json(where / "projector_config.json", config)
    write_json(where / "golden.json", {"rows": rows})
    write_tensors(where / "golden.safetensors", {
        "features": features, "upstream": upstream, "projected": projected, "grad.features": features.grad,
        **{"grad." + key(k): p.grad for k, p in module.named_parameters()}})


def mlp(model_type, inputs, hidden, outputs, **more):
    return {"model_type": model_type, "hidden_act": "gelu", "input_size": inputs, "hidden_size": hidden,
            "output_size": outputs, **more}


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    case("mlp2x", 301, Projector(6, 10, 10), mlp("carina_mlp_projector", 6, 10, 10), 3, 9)
    pooled = "carina_pooled_mlp_projector"
    case("pooled-mlp", 311, PooledMLP(6, 2, 5, 13, 7), mlp(pooled, 5, 13, 7, grid_size=6, pool=2), 6, 9)
    case("pooled-mlp2x", 321, PooledMLP(4, 4, 6, 8, 8), mlp(pooled, 6, 8, 8, grid_size=4, pool=4), 4, 1)
    case("gemma3", 331, Gemma3(6, 9, 5, 8), {
        "model_type": "carina_gemma3_projector", "input_size": 5, "output_size": 8, "grid_size": 6,
        "mm_tokens_per_image": 9, "rms_norm_eps": 1e-5}, 6, 9)


if __name__ == "__main__":
    main()
