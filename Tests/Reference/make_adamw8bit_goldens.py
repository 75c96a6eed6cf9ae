"""Writes Tests/CarinaTests/Goldens/training/adamw8bit.safetensors: steps of bitsandbytes' AdamW8bit.

    python Tests/Reference/make_adamw8bit_goldens.py     (needs torch, bitsandbytes 0.50; a second)

signed, unsigned    the 256 values of the codes of the first and the second moment
NAME.start          a weight; NAME.gradient [step, …] what it is given; NAME.weight [step, …] what it is after each step
NAME.first, NAME.second    after the last step the codes (U8) with NAME.first.absmax and NAME.second.absmax, or, of the
                    weight of fewer than 4,096 numbers, the moments in fp32
rate [step]         the learning rate of each step; decay 0.1, betas 0.9 and 0.999, epsilon 1e-8

On a processor bitsandbytes finds the codes by a table of 65,536 even parts of -1...1, which gives numbers of less than
1.5e-5 the code of zero. Its kernels for GPUs, which are the published ones, take the nearest value. Here the library's
own exact search (its path for other types) takes the table's place.
"""

import pathlib

import bitsandbytes
import safetensors.torch
import torch
from bitsandbytes.backends.cpu import ops

TARGET = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests/Goldens/training/adamw8bit.safetensors"
STEPS = 6
generator = torch.Generator().manual_seed(41)


def nearest(values, code, absmax_out, out, blocksize):
    codes, absmax = torch.ops.bitsandbytes.quantize_blockwise(values.double(), code, blocksize)
    out.copy_(codes)
    absmax_out.copy_(absmax)


ops._quant_blockwise_fp32_direct = nearest

shapes = {"large": (65, 66), "small": (15, 16)}
weights = {k: torch.nn.Parameter(torch.randn(s, generator=generator)) for k, s in shapes.items()}
gradients = {}
for name, shape in shapes.items():
    # Blocks over six powers of ten; some numbers never get a gradient.
    sizes = 10 ** (6 * torch.rand(shape, generator=generator) - 6)
    sizes = torch.where(torch.rand(shape, generator=generator) < 0.05, 0.0, sizes)
    gradients[name] = torch.randn((STEPS, *shape), generator=generator) * sizes
gradients["large"][:, :4] = 0  # the first block as a whole
rates = torch.tensor([1e-3 * (1 + step % 3) for step in range(STEPS)])

optimizer = bitsandbytes.optim.AdamW8bit(list(weights.values()), lr=1e-3, weight_decay=0.1)
result = {"signed": bitsandbytes.functional.create_dynamic_map(True),
          "unsigned": bitsandbytes.functional.create_dynamic_map(False), "rate": rates}
result |= {f"{k}.start": w.detach().clone() for k, w in weights.items()}
after = {k: [] for k in weights}
for step in range(STEPS):
    for group in optimizer.param_groups:
        group["lr"] = float(rates[step])
    for name, weight in weights.items():
        weight.grad = gradients[name][step].clone()
    optimizer.step()
    for name, weight in weights.items():
        after[name].append(weight.detach().clone())
for name, weight in weights.items():
    state = optimizer.state[weight]
    result |= {f"{name}.gradient": gradients[name], f"{name}.weight": torch.stack(after[name]),
               f"{name}.first": state["state1"], f"{name}.second": state["state2"]}
    if state["state1"].dtype == torch.uint8:
        result |= {f"{name}.first.absmax": state["absmax1"], f"{name}.second.absmax": state["absmax2"]}
safetensors.torch.save_file({k: v.contiguous() for k, v in result.items()}, TARGET)
print(TARGET, TARGET.stat().st_size, bitsandbytes.__version__)
