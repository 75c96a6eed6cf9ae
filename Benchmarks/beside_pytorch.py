"""Runs pieces of work of full size in Carina and in a PyTorch script, by turns in one go, and prints medians and ratios.

usage: beside_pytorch.py MODELS_DIR PEER_SCRIPT [--work vision,stage1,...] [--rounds 2] [--python PYTHON] [--dtype bf16|fp32]

MODELS_DIR holds siglip-l-random and gemma3-1b-random. PEER_SCRIPT is called as PEER_SCRIPT MODELS_DIR vision|stage1|stage2|decode
with DTYPE, THREADS and TUNED=1 in its environment and prints "median X s" (or "prefill X s, Y tok/s").
Carina's side is `bench steps`, built by `swift build -c release --product bench`."""
import argparse, os, re, statistics, subprocess, sys

parser = argparse.ArgumentParser()
parser.add_argument("models")
parser.add_argument("peer")
parser.add_argument("--work", default="vision,stage1,stage1-cached,prefill,decode")
parser.add_argument("--rounds", type=int, default=2)
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--dtype", default="bf16", choices=["bf16", "fp32"])
parser.add_argument("--bench", default=".build/release/bench")
options = parser.parse_args()
environment = dict(os.environ, DTYPE=options.dtype, THREADS="2", TUNED="1", GOMP_SPINCOUNT=os.environ.get("GOMP_SPINCOUNT", "1000"))
peer_cases = {"vision": "vision", "stage1": "stage1", "stage1-cached": "stage1", "stage2": "stage2", "prefill": "decode", "decode": "decode"}


def run(command):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def ours(work):
    text = run([options.bench, "steps", "--models", options.models, "--work", work, "--precision", options.dtype])
    return {name: float(value) for name, value in re.findall(r"(median_s|floor_s|peak_gib) ([0-9.]+)", text)}


def peers(case):
    text = run([options.python, options.peer, options.models, case])
    memory = float(re.search(r"peak RSS GiB ([0-9.]+)", text).group(1)) if "peak RSS" in text else None
    if case == "decode":
        prefill, rate = re.search(r"prefill ([0-9.]+) s, ([0-9.]+) tok/s", text).groups()
        return {"prefill": float(prefill), "decode": 1 / float(rate), "memory": memory}
    return {case: float(re.search(r"median ([0-9.]+)", text).group(1)), "memory": memory}


found = {}
works = options.work.split(",")
for turn in range(options.rounds):
    measured = {}
    for work in works:
        found.setdefault(work, {"ours": [], "peer": [], "floor": [], "gib": 0.0, "peer_gib": 0.0})
        mine = ours(work)
        case = peer_cases[work]
        if case not in measured:
            measured[case] = peers(case)
        key = work if case == "decode" else case
        found[work]["ours"].append(mine["median_s"])
        found[work]["floor"].append(mine["floor_s"])
        found[work]["peer"].append(measured[case][key])
        found[work]["gib"] = max(found[work]["gib"], mine["peak_gib"])
        found[work]["peer_gib"] = max(found[work]["peer_gib"], measured[case]["memory"] or 0.0)
print(f"{'work':14} {'Carina s':>9} {'PyTorch s':>9} {'ratio':>6} {'floor s':>8} {'GiB':>6} {'peer GiB':>8}   rounds of Carina | of PyTorch")
for work, result in found.items():
    mine, peer = statistics.median(result["ours"]), statistics.median(result["peer"])
    rounds = f"{result['ours']} | {[round(x, 3) for x in result['peer']]}"
    print(f"{work:14} {mine:9.3f} {peer:9.3f} {peer / mine:6.2f} {statistics.median(result['floor']):8.3f} "
          f"{result['gib']:6.1f} {result['peer_gib']:8.1f}   {rounds}")
