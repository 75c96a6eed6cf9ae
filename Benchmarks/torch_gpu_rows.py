"""The rows of torch_on_gpu.py: each a function of a Run, which measures one piece of work in one or several ways and reports each as soon as it is measured."""
import torch

import torch_gpu_training_rows
import torch_gpu_answer_rows
from torch_gpu_run import ROWS, Run, row


@row("ceilings", "a product of 8192 x 8192 x 8192 in bf16 on random numbers; a copy of 4 GiB (bytes read plus written); a sum of 4 GiB (bytes read)", quick=True, limit=30)
def ceilings(run):
    n = run.sizes.product
    a, b = run.normal(n, n), run.normal(n, n)
    out = torch.empty_like(a)
    run.report("product", run.timer.median(lambda: torch.mm(a, b, out=out)), flops=2.0 * n ** 3)
    del a, b, out
    source = torch.randn(run.sizes.copied_bytes // 4, device=run.device)
    target = torch.empty_like(source)
    run.report("copy", run.timer.median(lambda: target.copy_(source)), bytes=2.0 * run.sizes.copied_bytes)
    run.report("read", run.timer.median(lambda: source.sum()), bytes=1.0 * run.sizes.copied_bytes)


FIRST = ["ceilings", "stage2", "vision384", "vision896", "decode4b", "lora4b-b1", "lora4b-b4", "evaluation", "generate4b", "stage1", "prefill4b", "stage2-autocast",
         "prefill1b", "lora1b", "decode1b"]
ROWS = {name: ROWS[name] for name in [*FIRST, *(name for name in ROWS if name not in FIRST)]}
