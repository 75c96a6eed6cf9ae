"""Tunes a SigLIP of full size with train-stage0 and with tower_peer.py, by turns, and prints seconds a step, their ratio, and memory beside its forecast.

usage: tower_beside_pytorch.py MODEL SHARDS [--batch 16] [--chunk 4] [--steps 3] [--rounds 1] [--train-text] [--forecast 256] [--memory-limit GIB] [--bin .build/release] [--python PYTHON]

MODEL: `tower_peer.py --make DIR SPIECE_MODEL`; SHARDS: captions at 384 pixels, such as `preprocess phantom --image-size 384` makes. The first step of each
side is left out unless it is the only one, as for a batch of 256, whose step takes a quarter of an hour. Of a small batch nearly every piece is recorded at once or keeps its MLPs' results, which spares a larger part of the second pass
than in a batch of 256: its ratio flatters. --forecast N prints what a batch of N is forecast to take, by --dry-run (with as many images in the shards). Two cores, bfloat16; the load
is printed, as ratios mean little on a busy machine."""
import argparse, json, os, re, resource, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("shards")
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--chunk", type=int, default=4)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--train-text", action="store_true")
parser.add_argument("--forecast", type=int)
parser.add_argument("--memory-limit", help="Carina's --memory-limit; without one it keeps results in whatever memory is free")
parser.add_argument("--bin", default=".build/release")
parser.add_argument("--python", default=sys.executable)
options = parser.parse_args()
environment = dict(os.environ, DTYPE="bf16", THREADS="2", GOMP_SPINCOUNT=os.environ.get("GOMP_SPINCOUNT", "1000"))
text = ["--no-freeze-text-encoder"] if options.train_text else []
limit = ["--memory-limit", options.memory_limit] if options.memory_limit else []
counted = slice(1 if options.steps > 1 else 0, None)


def run(command):
    """Output with errors, and peak memory in GiB."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        if status != 0:
            sys.exit(f"{' '.join(command)} failed:\n{out.read()[-3000:]}")
        return out.read(), usage.ru_maxrss / 2**20


def ours(batch, *more):
    return [f"{options.bin}/train-stage0", "--train-shards", options.shards, "--vision-model", options.model, "--output-dir", f"{scratch}/run", "--batch-size",
            str(batch), "--chunk-size", str(options.chunk), "--precision", "bf16", "--threads", "2", "--max-steps", str(options.steps), "--warmup-ratio", "0",
            "--no-gradient-checkpointing", "--save-every", "never", *text, *more]


def load():
    return " ".join(f"{x:.1f}" for x in os.getloadavg())


mine, theirs, gib = [], [], {}
with tempfile.TemporaryDirectory() as scratch:
    before = load()
    for _ in range(options.rounds):
        output, gib["Carina"] = run(ours(options.batch, *limit))
        texts = re.search(r"(\d+) different texts", output).group(1)
        with open(f"{scratch}/run/train_log.jsonl") as log:
            mine += [json.loads(line)["seconds"] for line in log][counted]
        print(re.search(r"memory: .*", output).group(0))
        subprocess.run(["rm", "-rf", f"{scratch}/run"])
        output, gib["PyTorch"] = run([options.python, os.path.join(os.path.dirname(__file__), "tower_peer.py"), options.model, str(options.batch), str(options.chunk),
                                      str(options.steps), texts] + (["--train-text"] if options.train_text else []))
        print("PyTorch: " + re.search(r"of that .*", output).group(0))
        theirs += [float(x) for x in re.search(r"seconds (.*)", output).group(1).split()][counted]
    print(f"load {before} before, {load()} after; batch {options.batch} in pieces of {options.chunk}")
    a, b = statistics.median(mine), statistics.median(theirs)
    print(f"Carina {a:.1f} s a step ({min(mine):.1f} to {max(mine):.1f}), PyTorch {b:.1f} s ({min(theirs):.1f} to {max(theirs):.1f}): {b / a:.2f} times (1.4 wanted)")
    print("peak memory " + ", ".join(f"{side} {value:.2f} GiB" for side, value in gib.items()))
    if options.forecast:
        output, _ = run(ours(options.forecast, "--dry-run", "--memory-limit", "1000"))
        print(f"batch {options.forecast}: " + re.search(r"memory  .*", output).group(0))
