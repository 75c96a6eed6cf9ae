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

from model_twins import Gemma3Projector, PooledMLP, Projector, generator, randomise, write_json, write_tensors

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "projector"


def case(name, seed, module, config, grid, rows):
    where = ROOT / name
    where.mkdir(parents=True)
    randomise(module, seed)
    g = generator(seed + 1)
    features = torch.randn(2 * grid * grid, config["input_size"], generator=g).requires_grad_()
    upstream = torch.randn(2 * rows, config["output_size"], generator=g)
    projected = module(features)
    (projected * upstream).sum().backward()
    write_tensors(where / "model.safetensors", module.state_dict())
    write_json(where / "projector_config.json", config)
    write_json(where / "golden.json", {"rows": rows})
    write_tensors(where / "golden.safetensors", {
        "features": features, "upstream": upstream, "projected": projected, "grad.features": features.grad,
        **{"grad." + k: p.grad for k, p in module.named_parameters()}})


def mlp(model_type, inputs, hidden, outputs, **more):
    return {"model_type": model_type, "hidden_act": "gelu", "input_size": inputs, "hidden_size": hidden,
            "output_size": outputs, **more}


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    case("mlp2x", 301, Projector(6, 10, 10), mlp("carina_mlp_projector", 6, 10, 10), 3, 9)
    pooled = "carina_pooled_mlp_projector"
    case("pooled-mlp", 311, PooledMLP(6, 2, 5, 13, 7), mlp(pooled, 5, 13, 7, grid_size=6, pool=2), 6, 9)
    case("pooled-mlp2x", 321, PooledMLP(4, 4, 6, 8, 8), mlp(pooled, 6, 8, 8, grid_size=4, pool=4), 4, 1)
    case("gemma3", 331, Gemma3Projector(6, 9, 5, 8), {
        "model_type": "carina_gemma3_projector", "input_size": 5, "output_size": 8, "grid_size": 6,
        "mm_tokens_per_image": 9, "rms_norm_eps": 1e-5}, 6, 9)


if __name__ == "__main__":
    main()
