"""Runs pieces of work of full size on one GPU in Carina and in PyTorch at its best (torch_on_gpu.py), one after the other, and prints one table.

usage: beside_torch_on_gpu.py [--models DIR] [--checkpoint DIR] [--rows stage2,lora4b-b4,...] [--bench COMMAND] [--device cuda] [--repeats 7]
                              [--torch-results FILE.json ...] [--fewer] [--limit SECONDS] [--output FILE.json] [--list]

--models holds siglip-l-random and gemma3-1b-random, for the rows of the 1B; --checkpoint is a joined Gemma 3 of 4B, for the others. PyTorch makes its own random
weights of the same shapes. Its fastest way of a row counts, with that way's memory. --torch-results are files of `torch_on_gpu.py --output`: rows in them are
not measured again (the same card is asked for). --fewer leaves out what is not compiled; --limit is the seconds of PyTorch's part. "ratio" is PyTorch's time over
Carina's: above 1 Carina is faster. Memory of Carina is that of the pool at its peak, with the model, in a process of the row's own; of PyTorch what it had allocated.
"% of ceiling": operations over time over the card's measured product rate, or bytes over its measured copy rate."""
import argparse, json, os, re, shlex, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.abspath(__file__))
# name: (model, options of `bench steps`, {work: times that it counts}, row of torch_on_gpu.py, how its ways begin)
# Works that count 0 times spare a process.
TRAINING, SIXTEEN = ["--batch", "16", "--text-tokens", "16"], ["--text-tokens", "16"]
ROWS = {
    "stage2": ("models", TRAINING, {"stage2": 1}, "stage2", ""),
    "stage1": ("models", TRAINING, {"stage1-cached": 1}, "stage1", ""),
    "lora1b": ("models", TRAINING, {"lora": 1}, "lora1b", ""),
    "vision384": ("models", ["--batch", "32", *SIXTEEN], {"vision": 1}, "vision384", ""),
    "prefill1b-1": ("models", ["--batch", "1", *SIXTEEN], {"prefill": 1, "decode": 0}, "prefill1b", "1 x "),
    "prefill1b-8": ("models", ["--batch", "8", *SIXTEEN], {"prefill": 1}, "prefill1b", "8 x "),
    "decode1b": ("models", ["--batch", "1", *SIXTEEN], {"prefill": 0, "decode": 1}, "decode1b", ""),
    # 16 new tokens: the prefill gives the first.
    "evaluation": ("models", ["--batch", "32", *SIXTEEN], {"prefill": 1, "decode": 15}, "evaluation", "generate: answers, rows of images given"),
    "evaluation-seen": ("models", ["--batch", "32", *SIXTEEN], {"vision": 1, "prefill": 1, "decode": 15}, "evaluation", "generate: answers from pixels"),
    "lora4b-b1": ("checkpoint", ["--batch", "1", "--text-tokens", "64"], {"lora": 1}, "lora4b-b1", "features given"),
    "lora4b-b4": ("checkpoint", ["--batch", "4", "--text-tokens", "64"], {"lora": 1}, "lora4b-b4", "features given"),
    "vision896": ("checkpoint", ["--batch", "4"], {"vision": 1}, "vision896", ""),
    "prefill4b-1": ("checkpoint", ["--batch", "1"], {"prefill": 1, "decode": 0}, "prefill4b", "1 x 288"),
    "prefill4b-8": ("checkpoint", ["--batch", "8"], {"prefill": 1}, "prefill4b", "8 x 288"),
    "decode4b": ("checkpoint", ["--batch", "1"], {"prefill": 0, "decode": 1}, "decode4b", ""),
}
parser = argparse.ArgumentParser()
parser.add_argument("--models")
parser.add_argument("--checkpoint")
parser.add_argument("--rows", help="rows, with commas (default: those whose model is given)")
parser.add_argument("--bench", default=".build/release/bench", help="the program, or a command that runs it")
parser.add_argument("--device", default="cuda")
parser.add_argument("--repeats", default="7")
parser.add_argument("--bench-limit", type=float, default=60, help="seconds for one call of the program")
parser.add_argument("--torch-results", nargs="*", default=[], metavar="FILE")
parser.add_argument("--torch-options", default="", help="more options of torch_on_gpu.py")
parser.add_argument("--fewer", action="store_true")
parser.add_argument("--limit", type=float)
parser.add_argument("--output")
parser.add_argument("--list", action="store_true")
options = parser.parse_args()
if options.list:
    for name, (model, arguments, works, row, way) in ROWS.items():
        print(f"{name:16} --{model}, bench steps {' '.join(arguments)} --work {','.join(works)}; torch_on_gpu.py --work {row}{f' ({way}...)' if way else ''}")
    sys.exit(0)
where = {"models": options.models, "checkpoint": options.checkpoint}
names = options.rows.split(",") if options.rows else [name for name in ROWS if where[ROWS[name][0]]]
unknown = [name for name in names if name not in ROWS]
if unknown or not names:
    sys.exit(f"--rows: unknown {', '.join(unknown)}; known are {', '.join(ROWS)}" if unknown else "name a model: --models or --checkpoint")
missing = sorted({f"--{ROWS[name][0]}" for name in names if not where[ROWS[name][0]]})
if missing:
    sys.exit(f"rows of {', '.join(missing)} are asked for, and no directory is named")

began, kept = time.time(), {}


def said(text):
    print(f"[{time.time() - began:5.0f} s] {text}", file=sys.stderr, flush=True)


def bench(model, arguments, works):
    """Numbers of `bench steps` by their names, for each work, or why there are none."""
    key = (model, *arguments, *works)
    if key in kept:
        return kept[key]
    command = [*shlex.split(options.bench), "steps", f"--{model}", where[model], "--device", options.device, "--precision", "bf16", "--repeats", options.repeats,
               *arguments, "--work", ",".join(works)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.bench_limit)
    except subprocess.TimeoutExpired:
        kept[key] = f"outlasted {options.bench_limit:.0f} s"
        said(f"{' '.join(works)} {' '.join(arguments)}: {kept[key]}")
        return kept[key]
    lines = {line.split()[1]: {k: float(v) for k, v in re.findall(r"(\w+) ([0-9.]+)(?=  |$)", line)} for line in done.stdout.splitlines() if line.startswith("work ")}
    kept[key] = lines if done.returncode == 0 and set(works) <= set(lines) else f"ended with {done.returncode}: {' '.join(done.stderr.split())[-300:]}"
    said(f"{' '.join(arguments)}: " + (", ".join(f"{work} {value['median_s'] * 1e3:.3f} ms" for work, value in lines.items()) if isinstance(kept[key], dict) else kept[key]))
    return kept[key]


ours = {}
for name in names:
    model, arguments, works, _, _ = ROWS[name]
    found = bench(model, arguments, list(works))
    if isinstance(found, str):
        ours[name] = dict(error=found)
    else:
        total = sum(times * found[work]["median_s"] for work, times in works.items())
        ours[name] = dict(seconds=total, part=sum(times * found[work]["floor_s"] for work, times in works.items()) / total,
                          gib=max(found[work]["peak_gib"] for work in works))

measured, failed, machine = [], [], "?"
for path in options.torch_results:
    with open(path) as file:
        before = json.load(file)
    machine = before["machine"]["machine"]
    measured += [line for line in before["measured"] if line["row"] in {ROWS[name][3] for name in names}]
wanted = list(dict.fromkeys(ROWS[name][3] for name in names))
todo = [row for row in wanted if not any(line["row"] == row and any(ROWS[n][3] == row and line["way"].startswith(ROWS[n][4]) for n in names) for line in measured)]
if todo:
    with tempfile.NamedTemporaryFile("r", suffix=".json") as report:
        command = [sys.executable, os.path.join(here, "torch_on_gpu.py"), "--work", ",".join(todo), "--output", report.name, *shlex.split(options.torch_options)]
        command += ["--fewer"] if options.fewer else []
        command += ["--limit", str(options.limit)] if options.limit else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        try:
            found = json.load(report)
            now = found["machine"]["machine"]
            if options.torch_results and now != machine:
                said(f"WARNING: rows of --torch-results were measured on {machine}, the others on {now}")
            machine, measured, failed = now, measured + found["measured"], found["failed"]
        except ValueError:
            failed = [dict(row=row, way="-", error=f"torch_on_gpu.py ended with {done.returncode}") for row in todo]

print(f"PyTorch on {machine}; {time.time() - began:.0f} s in all")
print(f"{'row':16} {'Carina ms':>10} {'PyTorch ms':>10} {'ratio':>6} {'% of ceiling':>12} {'GiB':>6} {'torch GiB':>9}  PyTorch's way")
table = []
for name in names:
    row, way = ROWS[name][3], ROWS[name][4]
    ways = [line for line in measured if line["row"] == row and line["way"].startswith(way)]
    best = min(ways, key=lambda line: line["seconds"], default=None)
    mine = ours[name]
    why = [f"{line['way']}: {' '.join(line['error'].split())[:120]}" for line in failed if line["row"] == row and (not best or line["way"] != "-")]
    table.append(dict(row=name, ours=mine, torch=best, failed=why))

    def cell(value, width, digits):
        return f"{value:{width}.{digits}f}" if value is not None else f"{'-':>{width}}"

    seconds, theirs = mine.get("seconds"), best["seconds"] if best else None
    print(f"{name:16} {cell(seconds and seconds * 1e3, 10, 3)} {cell(theirs and theirs * 1e3, 10, 3)} {cell(theirs / seconds if seconds and theirs else None, 6, 2)} "
          f"{cell(mine.get('part') and mine['part'] * 100, 12, 1)} {cell(mine.get('gib'), 6, 2)} {cell(best and best['peak_gib'], 9, 2)}  {best['way'] if best else '-'}")
    for text in ([f"Carina {mine['error']}"] if "error" in mine else []) + [f"PyTorch failed, {text}" for text in why]:
        print(f"{'':16} {text}")
if options.output:
    with open(options.output, "w") as file:
        json.dump(dict(machine=machine, table=table, torch=measured), file, indent=1)
