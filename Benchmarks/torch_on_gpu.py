"""Times in PyTorch, transformers and PEFT what Carina does on one GPU, at true shapes with random weights made there: nothing is read or downloaded.

usage: torch_on_gpu.py [--quick] [--work stage2,lora4b-b4,...] [--output FILE.json] [--limit SECONDS] [--row-limit SECONDS] [--seconds 1.0] [--mode default]
                       [--device cuda] [--tiny] [--no-compile] [--fewer] [--list]

PyTorch at its best: bf16, the fastest of its attention kernels chosen on the spot, compiled layers, one CUDA graph where launches weigh, fused AdamW, logits at
supervised rows only, one padded length, no checkpointing. Medians of events on the device after warming up. Rows run one after another in a child process; a row
that fails, runs out of memory or outlasts its limit is named so and hides no other. MFU is operations over time over the measured product of 8192 x 8192 x 8192;
GB/s of weights read stand beside the measured copy (bytes read plus written); "warm s" has compilation in it, "graphs" is how many were compiled.
--work all is every row; --tiny --device cpu tries the script without a GPU."""
import argparse, json, os, signal, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true", help="the most important rows")
parser.add_argument("--work", help="rows, with commas, or all")
parser.add_argument("--output", help="file for everything measured, JSON")
parser.add_argument("--limit", type=float, help="seconds for all rows together (285; with --quick 145); later rows are left out")
parser.add_argument("--row-limit", type=float, help="seconds for one row, in place of its own limit")
parser.add_argument("--seconds", type=float, default=1.0, help="about how long a way is timed")
parser.add_argument("--mode", default="default", help="mode of torch.compile")
parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
parser.add_argument("--tiny", action="store_true", help="small shapes, to try the script")
parser.add_argument("--no-compile", action="store_true")
parser.add_argument("--fewer", action="store_true", help="leave out what is not compiled, and adapters from pixels")
parser.add_argument("--list", action="store_true", help="name the rows")
parser.add_argument("--child", help=argparse.SUPPRESS)
options = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))


def chosen(rows):
    """Names of the rows that the options ask for."""
    if not options.work:
        return [name for name, row in rows.items() if (row.quick if options.quick else row.default)]
    names = list(rows) if options.work == "all" else options.work.split(",")
    unknown = [name for name in names if name not in rows]
    if unknown:
        sys.exit(f"--work: unknown {', '.join(unknown)}; known are {', '.join(rows)}")
    return names


def list_rows():
    from torch_gpu_rows import ROWS
    for name, row in ROWS.items():
        print(f"{name:18} {'quick ' if row.quick else '      '}{'' if row.default else '(asked for only) '}{row.what}")


def child():
    """Runs the rows named; a line of JSON for each thing that happens."""
    import warnings
    warnings.filterwarnings("ignore")
    import torch
    import transformers
    from torch_gpu_models import Sizes
    from torch_gpu_rows import ROWS, Run
    transformers.logging.set_verbosity_error()
    torch.set_float32_matmul_precision("high")
    for name in ("recompile_limit", "cache_size_limit"):
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, 64)
    stream = open(options.child, "a", buffering=1)

    def write(line):
        stream.write(json.dumps(line) + "\n")

    names = chosen(ROWS)
    machine = torch.cuda.get_device_name() if options.device == "cuda" else "processor"
    write(dict(machine=machine, torch=torch.__version__, transformers=transformers.__version__, names=names,
               rows={name: dict(what=row.what, limit=row.limit) for name, row in ROWS.items()}))

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    for name in names:
        torch.manual_seed(0)
        started = time.time()
        write(dict(begin=name))
        run = Run(name, Sizes(options.tiny), options.device, options.seconds, options.mode, not options.no_compile, write, options.fewer)
        signal.setitimer(signal.ITIMER_REAL, options.row_limit or ROWS[name].limit)
        try:
            ROWS[name].body(run)
        except TimeoutError:
            write(dict(row=name, way="-", error="outlasted its limit"))
        except Exception as error:
            import traceback
            write(dict(row=name, way="-", error=f"{type(error).__name__}: {error}"[:400], trace=traceback.format_exc()[-1500:]))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        del run
        torch._dynamo.reset()
        import gc
        gc.collect()
        if options.device == "cuda":
            torch.cuda.empty_cache()
        write(dict(end=name, seconds=round(time.time() - started, 1)))


if options.child or options.list:
    sys.path.insert(0, here)
    child() if options.child else list_rows()
    sys.exit(0)
began = time.time()
known, names, left = {}, [], None
limit = options.limit or (145 if options.quick else 285 if not options.work else 1e9)
lines, log = [], tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False)


def supervise():
    """One child; returns whether another may do the rows in `left`. What it measured is in `lines`."""
    global left, names, known
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as report:
        command = [sys.executable, os.path.abspath(__file__), "--child", report.name, "--device", options.device, "--mode", options.mode,
                   "--seconds", str(options.seconds)]
        asked = ",".join(left) if left is not None else options.work
        command += ["--work", asked] if asked else []
        command += [flag for flag, is_set in (("--tiny", options.tiny), ("--quick", options.quick), ("--no-compile", options.no_compile), ("--fewer", options.fewer)) if is_set]
        command += ["--row-limit", str(options.row_limit)] if options.row_limit else []
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        current, since = None, time.time()
        while True:
            ended = process.poll() is not None
            for text in report.readlines():
                line = json.loads(text)
                lines.append(line)
                if "rows" in line and left is None:
                    known, names, left = line["rows"], line["names"], list(line["names"])
                elif "begin" in line:
                    current, since = line["begin"], time.time()
                elif "end" in line:
                    left.remove(line["end"])
                    print(f"[{time.time() - began:5.0f} s] {line['end']} {line['seconds']} s", file=sys.stderr, flush=True)
                    current = None
                elif "error" in line:
                    print(f"[{time.time() - began:5.0f} s] {line['row']}, {line['way']}: {line['error'][:200]}", file=sys.stderr, flush=True)
                elif "row" in line:
                    print(f"[{time.time() - began:5.0f} s] {line['row']}, {line['way']}: {line['seconds'] * 1e3:.3f} ms, peak {line['peak_gib']:.1f} GiB", file=sys.stderr,
                          flush=True)
            if ended:
                if current:
                    lines.append(dict(row=current, way="-", error=f"its process ended with {process.returncode}"))
                    left.remove(current)
                return process.returncode == 0 or current is not None
            row_limit = (options.row_limit or known[current]["limit"]) if current else 90
            spent = time.time() - began > limit
            if spent or time.time() - since > row_limit + 10:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if current:
                    lines.append(dict(row=current, way="-", error="the time of all rows was spent" if spent else "outlasted its limit and was killed"))
                    left.remove(current)
                return not spent and current is not None
            time.sleep(0.1)


while supervise() and left:
    pass
if left is None:
    log.seek(0)
    sys.exit(f"nothing could be measured:\n{log.read()[-3000:]}")
lines += [dict(row=name, way="-", error="not begun") for name in left]
found = [line for line in lines if "row" in line and "error" not in line]
errors = [line for line in lines if "error" in line]
machine = next((line for line in lines if "machine" in line), {"machine": "?", "torch": "?", "transformers": "?"})


def rate(way, key):
    return next((line[key] / line["seconds"] for line in found if line["row"] == "ceilings" and line["way"] == way), None)


product, copied = rate("product", "flops"), rate("copy", "bytes")
for line in found:
    line["tflops"] = line["flops"] / line["seconds"] / 1e12 if line.get("flops") else None
    line["mfu"] = line["flops"] / line["seconds"] / product if line.get("flops") and product else None
    line["gbs"] = line["bytes"] / line["seconds"] / 1e9 if line.get("bytes") else None
    line["of_copy"] = line["bytes"] / line["seconds"] / copied if line.get("bytes") and copied else None


def cell(value, width, digits=1, factor=1.0):
    return f"{value * factor:{width}.{digits}f}" if value is not None else f"{'-':>{width}}"


print(f"{machine['machine']}, torch {machine['torch']}, transformers {machine['transformers']}{', TINY SHAPES' if options.tiny else ''}; "
      f"{time.time() - began:.0f} s in all")
print(f"{'row':16} {'way':58} {'ms':>9} {'a second':>18} {'TFLOP':>7} {'TFLOP/s':>8} {'MFU %':>6} {'GB/s':>6} {'% copy':>6} {'GiB':>6} {'warm s':>6} graphs")
for name in names:
    ways = [line for line in found if line["row"] == name]
    for line in ways:
        each = f"{line['count'] / line['seconds']:.1f} {line['unit']}" if line.get("count") else "-"
        print(f"{name:16} {line['way']:58.58} {line['seconds'] * 1e3:9.3f} {each:>18} {cell(line.get('flops'), 7, 2, 1e-12)} {cell(line['tflops'], 8)} "
              f"{cell(line['mfu'], 6, 1, 100)} {cell(line['gbs'], 6, 0)} {cell(line['of_copy'], 6, 1, 100)} {line['peak_gib']:6.2f} {line['warming']:6.1f} {line['graphs']:6}")
    for line in errors:
        if line["row"] == name:
            print(f"{name:16} {line['way']:58.58} FAILED: {' '.join(line['error'].split())[:150]}")
if options.output:
    with open(options.output, "w") as file:
        json.dump(dict(machine=machine, rows={name: known[name]["what"] for name in names}, measured=found, failed=errors,
                       took={line["end"]: line["seconds"] for line in lines if "end" in line}), file, indent=1)
traces = [line for line in errors if "trace" in line]
for line in traces[:4]:
    print(f"\n{line['row']}, {line['way']}:\n{line['trace'][-700:]}", file=sys.stderr)
if errors or not found:
    print(f"what the rows wrote: {log.name}", file=sys.stderr)
