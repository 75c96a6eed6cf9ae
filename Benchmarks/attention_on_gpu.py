#!/usr/bin/env python3
"""Attention kernels of Sources/CarinaCUDA/Kernels beside PyTorch's scaled_dot_product_attention, on a GPU.

Each case is checked against softmax in fp32 and timed by CUDA events (median of graph replays), forward and backward.
Needs torch and cupy. Usage: attention_on_gpu.py [--only WORD] [--variants] [--from NUMBER]
"""
import argparse
import os
import sys
import time
import traceback

import cupy
import torch

from attention_gpu_cases import Case, F, Plan, launch, milliseconds, module, poisoned, relative, started, table


def decode(name, sequences, keys, heads, key_heads, size, type=torch.bfloat16):
    group = heads // key_heads
    letter, width = ("b", 8) if type == torch.bfloat16 else ("f", 4)
    # Several caches in turn, so that keys come from memory and not from the second-level cache.
    bytes_each = 2 * sequences * keys * key_heads * size * (2 if letter == "b" else 4)
    copies = max(1, min(16, int(2e8 // bytes_each)))
    q = torch.randn(sequences, heads * size, device="cuda").to(type)
    caches = [[torch.randn(sequences * keys, key_heads * size, device="cuda").to(type) for _ in "kv"]
              for _ in range(copies)]
    plan = Plan(sequences, 1, keys, False, None, 8, 64, alignment=8)
    lanes = max(n for n in (1, 2, 4, 8, 16) if n <= size // width)
    shared = 128 // lanes * 4 * (size + 2) * 4
    chunks = -(-group // 4)
    f = module("attention_decoding", size)
    out = poisoned(sequences, heads * size, type=type)

    def run(k, v, splits, partial, statistic):
        launch(f.get_function(f"attention_decode_{letter}"), (key_heads * chunks, sequences, splits), 128, shared, q, k,
               v, out, partial, statistic, plan.query_blocks, plan.ranges, heads, key_heads, sequences, splits,
               size**-0.5)
        if splits > 1:
            launch(f.get_function(f"attention_combine_{letter}"), (sequences * heads,), 128, 0, partial, statistic, out,
                   sequences * heads, splits)

    results = []
    for splits in (1, 4, 8, 16, 32, 64):
        partial = poisoned(splits, sequences * heads * size, type=torch.float32)
        statistic = poisoned(splits, sequences * heads * 2, type=torch.float32)
        k, v = caches[0]
        out.fill_(float("nan"))
        run(k, v, splits, partial, statistic)
        split = lambda x, h, n: x.view(sequences, n, h, size).transpose(1, 2).double()
        kd, vd = (split(x, key_heads, keys).repeat_interleave(group, 1) for x in (k, v))
        expected = (split(q, heads, 1) @ kd.transpose(2, 3) * size**-0.5).softmax(-1) @ vd
        error = relative(split(out, heads, 1), expected)

        def turn():
            for k, v in caches:
                run(k, v, splits, partial, statistic)
        ms = milliseconds(turn) / copies
        results.append((ms, splits, error))
    worst = max(error for _, _, error in results)
    wrong = not worst <= (1e-2 if letter == "b" else 1e-5)
    ms, splits, _ = min(results)
    line = (f"{name:<22} {ms * 1e3:7.1f} us {bytes_each / ms / 1e6:6.0f} GB/s at {splits} splits, error {worst:.1e}"
            f"{' WRONG' if wrong else ''}  [" + " ".join(f"{s}: {t * 1e3:.1f}" for t, s, _ in results) + "]")
    try:
        heads_first = [[x.view(sequences, keys, key_heads, size).transpose(1, 2) for x in pair] for pair in caches]
        query = q.view(sequences, 1, heads, size).transpose(1, 2)

        def peer():
            for k, v in heads_first:
                F.scaled_dot_product_attention(query, k, v, scale=size**-0.5, enable_gqa=group > 1)
        line += f"  torch {milliseconds(peer) / copies * 1e3:.1f} us"
    except Exception as error:
        line += f"  torch: {type(error).__name__}"
    table.append(line)
    print(line, flush=True)


def variants():
    """Other choices in the forward kernel, by replacing text."""
    keys32 = (("constexpr int KEYS = 64;", "constexpr int KEYS = 32;"),)
    rescale = (("""#pragma unroll
        for (int n = 0; n < N_TILES; ++n) {
          sum[tile][n][2 * half] *= correction;
          sum[tile][n][2 * half + 1] *= correction;
        }""", """if (__any_sync(0xffffffffu, correction != 1)) {
#pragma unroll
        for (int n = 0; n < N_TILES; ++n) {
          sum[tile][n][2 * half] *= correction;
          sum[tile][n][2 * half + 1] *= correction;
        }
        }"""),)
    one_stage = (("constexpr int STAGES = E <= 128 ? 2 : 1;", "constexpr int STAGES = 1;"),)
    for make in (lambda: Case("64", 4, 4096, 16, 16, 64), lambda: Case("72", 4, 4096, 16, 16, 72),
                 lambda: Case("128", 4, 4096, 16, 16, 128), lambda: Case("256", 4, 4096, 8, 4, 256, True)):
        case = make()
        operations = 4 * case.plan.pairs * case.heads * case.size
        texts = []
        for name, change in (("plain", None), ("keys 32", keys32), ("rescale if", rescale), ("one stage", one_stage),
                             ("32 and if", keys32 + rescale)):
            try:
                texts.append(f"{name} {operations / milliseconds(lambda: case.forward(change)) / 1e9:.0f}")
            except Exception as error:
                texts.append(f"{name} {type(error).__name__}")
        table.append(f"variants, {case.name}: TF " + ", ".join(texts))
        print(table[-1], flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only", default="", help="cases whose name has this word")
    arguments.add_argument("--variants", action="store_true")
    arguments.add_argument("--from", type=int, default=0, dest="start", help="the first case, by its number")
    arguments = arguments.parse_args()
    cases = {
        "vision 384": lambda name: Case(name, 32, 576, 16, 16, 64).run(),
        "vision 896": lambda name: Case(name, 4, 4096, 16, 16, 72).run(),
        "heads of 64": lambda name: Case(name, 4, 4096, 16, 16, 64).run(),
        "heads of 128": lambda name: Case(name, 4, 4096, 16, 16, 128).run(),
        "Gemma 1B": lambda name: Case(name, 16, 592, 4, 1, 256, True, 512).run(),
        "Gemma 4B": lambda name: Case(name, 4, 700, 8, 4, 256, True).run(),
        "heads of 256": lambda name: Case(name, 4, 4096, 8, 4, 256, True).run(),
        "tiny, odd": lambda name: Case(name, 3, 77, 2, 1, 24, True, 20).run(),
        "fp32 vision 384": lambda name: Case(name, 8, 576, 16, 16, 64, type=torch.float32).run(),
        "fp32 Gemma 1B": lambda name: Case(name, 4, 592, 4, 1, 256, True, 512, type=torch.float32).run(),
        "decode 1B x1 1000": lambda name: decode(name, 1, 1000, 4, 1, 256),
        "decode 1B x16 1000": lambda name: decode(name, 16, 1000, 4, 1, 256),
        "decode 1B x64 4000": lambda name: decode(name, 64, 4000, 4, 1, 256),
        "decode 4B x8 2000": lambda name: decode(name, 8, 2000, 8, 4, 256),
        "decode pooling": lambda name: decode(name, 32, 576, 16, 16, 64),
        "fp32 decode x16 1000": lambda name: decode(name, 16, 1000, 4, 1, 256, torch.float32),
    }
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, cupy {cupy.__version__}", flush=True)
    for number, (name, run) in enumerate(cases.items()):
        if arguments.only in name and number >= arguments.start:
            try:
                run(name)
                torch.cuda.empty_cache()
            except Exception:
                traceback.print_exc()
                table.append(f"{name}: FAILED")
                try:
                    torch.cuda.synchronize()
                except Exception:
                    # The context is lost: the other cases in a new process.
                    print("\n".join(table), flush=True)
                    rest = ["--from", str(number + 1), "--only", arguments.only] + ["--variants"] * arguments.variants
                    os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), *rest])
    if arguments.variants:
        try:
            variants()
        except Exception:
            traceback.print_exc()
    print(f"\n{time.time() - started:.0f} s\n" + "\n".join(table))
