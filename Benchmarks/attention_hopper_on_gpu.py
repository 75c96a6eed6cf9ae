#!/usr/bin/env python3
"""Hopper's attention forward (attention_hopper.cu) beside that of attention.cu and PyTorch's, on a GPU of capability 9.0.

Each case is checked against softmax in fp32, for equal bytes of several runs, and timed, with several sizes of tiles. A
kernel that hangs or fails ends a child process; the next one goes on behind it. Needs torch and cupy.
Usage: attention_hopper_on_gpu.py [--only WORD] [--first]   (--first: the sizes that the backend chooses, no others)
"""
import argparse
import ctypes
import glob
import multiprocessing
import os
import select
import subprocess
import sys
import tempfile
import time

from kernel_source import kernel_source

HERE = os.path.dirname(os.path.abspath(__file__))
SWAPPED_VALUES = ("shared_matrix(values, ROW_BYTES, COLUMN_BYTES)", "shared_matrix(values, COLUMN_BYTES, ROW_BYTES)")

# Name, what Case takes, and sizes of tiles: keys, warpgroups, blocks of a multiprocessor; the first is the backend's.
CASES = [
    ("vision 384", (32, 576, 16, 16, 64), [(128, 3, 1), (96, 3, 1), (192, 2, 1), (96, 1, 3), (144, 3, 1), (64, 2, 2)]),
    ("vision 896", (4, 4096, 16, 16, 72),
     [(128, 3, 1), (96, 3, 1), (112, 3, 1), (176, 2, 1), (128, 2, 1), (64, 2, 2), (96, 1, 3), (64, 4, 1)]),
    ("heads of 64", (4, 4096, 16, 16, 64), [(128, 3, 1), (96, 3, 1), (144, 3, 1), (192, 2, 1), (64, 2, 2)]),
    ("heads of 128", (4, 4096, 16, 16, 128), [(128, 2, 1), (176, 2, 1), (96, 2, 1), (80, 3, 1)]),
    ("128, causal", (4, 4096, 16, 16, 128, True), [(128, 2, 1)]),
    ("128, window", (16, 592, 4, 1, 128, True, 512), [(128, 2, 1), (96, 1, 2)]),
    ("odd, 72", (5, 333, 6, 2, 72, True, 100), [(128, 3, 1), (96, 1, 3)]),
    ("odd, 80", (3, 1111, 4, 2, 80), [(128, 3, 1)]),
    ("odd, 96", (3, 777, 4, 2, 96, True), [(128, 2, 1)]),
]
UNITS = [(case, tile, None) for case in CASES for tile in case[2]] + [(CASES[6], (128, 3, 1), SWAPPED_VALUES)]


def cubin(unit, folder):
    (_, shape, _), tile, change = unit
    return f"{folder}/{shape[4]}-{'-'.join(map(str, tile))}{'-changed' if change else ''}.cubin"


def nvrtc():
    places = [os.environ.get("CARINA_CUDA_LIBRARIES", "/none")]
    for path in sys.path:
        places += glob.glob(f"{path}/nvidia/*/lib")
    places += ["/usr/local/cuda/lib64"]
    for place in places:
        for name in sorted(glob.glob(f"{place}/libnvrtc.so*"), key=len):
            if ".alt" not in name:
                for builtins in glob.glob(f"{place}/libnvrtc-builtins.so*"):
                    if ".alt" not in builtins:
                        ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
                return ctypes.CDLL(name)
    return ctypes.CDLL("libnvrtc.so.13")


def compile_unit(work):
    unit, folder = work
    (_, shape, _), (keys, warpgroups, blocks), change = unit
    source = kernel_source("attention_hopper")
    if change:
        assert change[0] in source
        source = source.replace(*change)
    library, program, size = nvrtc(), ctypes.c_void_p(), ctypes.c_size_t()
    options = ["--gpu-architecture=sm_90a", "--std=c++17", "-default-device", "--ptxas-options=-v",
               f"-DHEAD_SIZE={shape[4]}", f"-DTILE_KEYS={keys}", f"-DTILE_WARPGROUPS={warpgroups}",
               f"-DTILE_BLOCKS={blocks}"]
    texts = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"attention_hopper.cu", 0, None, None)
    code = library.nvrtcCompileProgram(program, len(options), texts)
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    log = log.value.decode()
    if code:
        return f"{unit[0][0]} {unit[1]}: does not compile\n{log[:600]}"
    library.nvrtcGetCUBINSize(program, ctypes.byref(size))
    image = ctypes.create_string_buffer(size.value)
    library.nvrtcGetCUBIN(program, image)
    with open(cubin(unit, folder), "wb") as file:
        file.write(image.raw)
    notes = [line for line in log.splitlines() if "C75" in line or ("spill" in line and " 0 bytes spill stores" not in line)]
    return f"{shape[4]} {unit[1]}: {' '.join(notes)}" if notes else ""


def child(folder, units, start):
    sys.path.insert(0, HERE)
    import attention_gpu_cases as base
    import cupy
    torch = base.torch
    case, name = None, None
    for number in range(start, len(units)):
        unit = units[number]
        (wanted, shape, _), (keys, warpgroups, blocks), change = unit
        print(f"UNIT {number}", flush=True)
        if name != wanted:
            case, kept = None, None
            torch.cuda.empty_cache()
            torch.manual_seed(1)
            case, name = base.Case(wanted, *shape), wanted
            operations = 4 * case.plan.pairs * case.heads * case.size
            case.forward()
            torch.cuda.synchronize()
            kept = case.out.clone(), case.lse.clone()
            rows = slice((case.sequences - 1) * case.length, None)
            expected = []
            column = torch.arange(case.length, device="cuda")
            seen = ((column >= torch.tensor(case.plan.first).cuda()[:, None])
                    & (column < torch.tensor(case.plan.last).cuda()[:, None]))
            cut = lambda x, h: x[rows, h * case.size:(h + 1) * case.size].float()
            for head in range(case.heads):
                q, k, v = (cut(x, h) for x, h in ((case.q, head), (case.k, head * case.key_heads // case.heads),
                                                  (case.v, head * case.key_heads // case.heads)))
                expected.append((q @ k.T * case.scale).masked_fill(~seen, float("-inf")).softmax(-1) @ v)
            expected = torch.cat(expected, 1)
            old = base.milliseconds(case.forward, 0.1)
            q, k, v = (case.split(x, h).contiguous() for x, h in
                       ((case.q, case.heads), (case.k, case.key_heads), (case.v, case.key_heads)))
            try:
                with torch.no_grad():
                    peer = base.milliseconds(lambda: base.F.scaled_dot_product_attention(
                        q, k, v, is_causal=case.causal, scale=case.scale, enable_gqa=case.heads != case.key_heads), 0.1)
            except Exception as problem:
                print(f"torch: {type(problem).__name__}", flush=True)
                peer = float("inf")
            rate = lambda ms: f"{ms:.3f} ms {operations / ms / 1e9:.0f} TF"
            print(f"{name}: attention.cu {rate(old)}, error {base.relative(kept[0][rows], expected):.1e}; torch "
                  f"{rate(peer)}{' (without the window)' if case.window else ''}", flush=True)
        label = f"  {name}: keys {keys}, warpgroups {warpgroups}, blocks {blocks}{' CHANGED' if change else ''}"
        try:
            size, chunks = case.size, (case.size + 15) // 16 * 2
            shared = (warpgroups * 64 + 4 * keys) * chunks * 16
            plan = base.Plan(case.sequences, case.length, case.length, case.causal, case.window, warpgroups * 64, 128)
            function = cupy.RawModule(path=cubin(unit, folder)).get_function("attention_hopper_forward")
            out = base.poisoned(*case.out.shape, type=case.type)
            lse = base.poisoned(*case.lse.shape, type=torch.float32)

            def forward(out=out):
                base.launch(function, (case.heads, plan.query_count), warpgroups * 128, shared, case.q, case.k, case.v,
                            out, lse, plan.query_blocks, plan.ranges, case.heads, case.key_heads, plan.padded, case.scale)
            forward()
            torch.cuda.synchronize()
            error, beside = base.relative(out[rows], expected), base.relative(out, kept[0])
            statistics = float((lse - kept[1]).abs()[torch.isfinite(lse)].max())
            unwritten = int((~torch.isfinite(out)).sum())
            again, same = torch.empty_like(out), True
            for _ in range(4):
                again.fill_(float("nan"))
                forward(again)
                same = same and torch.equal(out, again)
            good = error < 1e-2 and beside < 1e-2 and statistics < 1e-3 and not unwritten and same
            ms = base.milliseconds(forward, 0.15) if good else 0
            print(f"{label}: {'ok' if good else 'WRONG'} {rate(ms) if good else ''} error {error:.1e} beside the other "
                  f"{beside:.1e} lse {statistics:.1e}{f' {unwritten} NOT WRITTEN' if unwritten else ''}"
                  f"{'' if same else ' NOT REPEATED'} [shared {shared >> 10} KiB]", flush=True)
        except Exception as problem:
            print(f"{label}: {type(problem).__name__} {str(problem)[:300]}", flush=True)
            torch.cuda.synchronize()
    print("UNIT END", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--child")
    parser.add_argument("--start", type=int, default=0)
    arguments = parser.parse_args()
    units = [unit for unit in UNITS if arguments.only in unit[0][0]]
    if arguments.first:
        units = [unit for unit in units if unit[1] == unit[0][2][0] and not unit[2]]
    if arguments.child:
        return child(arguments.child, units, arguments.start)
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        with multiprocessing.Pool(min(16, os.cpu_count())) as pool:
            for note in sorted(set(pool.map(compile_unit, [(unit, folder) for unit in units], chunksize=1))):
                if note:
                    print(note, flush=True)
        print(f"compiled after {time.time() - began:.0f} s", flush=True)
        start = 0
        while start < len(units):
            options = ["--only", arguments.only] + ["--first"] * arguments.first
            process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--child", folder, "--start", str(start),
                                        *options], stdout=subprocess.PIPE, bufsize=0)
            ended, rest = False, b""
            while True:
                ready, _, _ = select.select([process.stdout], [], [], 20)
                block = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
                if not block:
                    break
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    text = line.decode()
                    if text == "UNIT END":
                        ended = True
                    elif text.startswith("UNIT "):
                        start = int(text[5:])
                    else:
                        print(text, flush=True)
            process.kill()
            process.wait()
            if ended:
                break
            print(f"  {units[start][0][0]} {units[start][1]}: HUNG OR FAILED", flush=True)
            start += 1
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
