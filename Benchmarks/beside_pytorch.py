"""Runs pieces of work of full size in Carina, in a PyTorch script and in llama.cpp, by turns in one go, and prints medians and ratios.

usage: beside_pytorch.py MODELS_DIR PEER_SCRIPT [--work vision,stage1,...] [--rounds 3] [--python PYTHON] [--dtype bf16|fp32] [--llama DIR] [--openvino DIR]

MODELS_DIR holds siglip-l-random and gemma3-1b-random. PEER_SCRIPT is called as PEER_SCRIPT MODELS_DIR vision|stage1|stage2|decode
with DTYPE, THREADS and TUNED=1 in its environment and prints "median X s" (or "prefill X s, Y tok/s").
The work lora is a step of adapters of rank 16 on 592 positions; peft_peer.py is its peer. lora-int8 and stage1-int8 have the frozen decoder in 8 bits,
vision-int8 the frozen tower, beside the same peers in DTYPE.
stage1-int8-both has both frozen ends in 8 bits. stage2-adamw8bit is stage2 with the optimizer's state in 8 bits, beside the same peer.
--openvino DIR adds openvino_peer.py for vision and vision-int8, by the same PYTHON; DIR keeps its converted models. --llama DIR adds llama_peer.py, whose GGUF files DIR keeps, for prefill, decode and decode-int8 (Q8_0). Carina's side is `bench steps`, built by `swift build -c release --product bench`."""
import argparse, os, re, statistics, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("models")
parser.add_argument("peer")
parser.add_argument("--work", default="vision,stage1,stage1-cached,prefill,decode")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--dtype", default="bf16", choices=["bf16", "fp32"])
parser.add_argument("--llama", metavar="DIR")
parser.add_argument("--openvino", metavar="DIR")
parser.add_argument("--bench", default=".build/release/bench")
options = parser.parse_args()
environment = dict(os.environ, DTYPE=options.dtype, THREADS="2", TUNED="1", GOMP_SPINCOUNT=os.environ.get("GOMP_SPINCOUNT", "1000"))
peer_cases = {"vision": "vision", "stage1": "stage1", "stage1-cached": "stage1", "stage2": "stage2", "prefill": "decode", "decode": "decode", "lora": "lora",
              "stage2-adamw8bit": "stage2", "vision-int8": "vision", "stage1-int8": "stage1", "stage1-int8-both": "stage1", "lora-int8": "lora"}
in_bytes = {"vision-int8": ["--vision-weights", "int8"], "stage1-int8": ["--base-weights", "int8"],
            "stage1-int8-both": ["--base-weights", "int8", "--vision-weights", "int8"], "lora-int8": ["--base-weights", "int8"],
            "decode-int8": ["--weights", "int8"], "stage2-adamw8bit": ["--optimizer", "adamw8bit"]}
llama_kinds = {"prefill": "bf16", "decode": "bf16", "decode-int8": "q8_0"} if options.llama else {}
openvino_kinds = {"vision": options.dtype, "vision-int8": "int8"} if options.openvino else {}


def run(command):
    """What a command prints, and its peak memory in GiB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        out.seek(0), err.seek(0)
        if status != 0:
            sys.exit(f"{' '.join(command)} failed:\n{err.read()[-2000:]}")
        return out.read(), usage.ru_maxrss / 2**20


def ours(work):
    kind = work.removesuffix("-both").removesuffix("-int8").removesuffix("-adamw8bit")
    text, gib = run([options.bench, "steps", "--models", options.models, "--work", kind, "--precision", options.dtype,
                *in_bytes.get(work, []), *(["--text-tokens", "16"] if kind == "lora" else [])])
    return {"gib": gib} | {name: float(value) for name, value in re.findall(r"(median_s|floor_s) ([0-9.]+)", text)}


def peers(case):
    here = os.path.dirname(__file__)
    text, memory = run([options.python, os.path.join(here, "peft_peer.py"), os.path.join(options.models, "gemma3-1b-random")] if case == "lora"
               else [options.python, options.peer, options.models, case])
    if case == "decode":
        prefill, rate = re.search(r"prefill ([0-9.]+) s, ([0-9.]+) tok/s", text).groups()
        return {"prefill": float(prefill), "decode": 1 / float(rate), "memory": memory}
    return {case: float(re.search(r"median ([0-9.]+)", text).group(1)), "memory": memory}


def llama(kind):
    text = run([options.python, os.path.join(os.path.dirname(__file__), "llama_peer.py"), os.path.join(options.models, "gemma3-1b-random"), options.llama, kind])[0]
    prefill, rate = re.search(r"prefill ([0-9.]+) s, ([0-9.]+) tok/s", text).groups()
    return {"prefill": float(prefill), "decode": 1 / float(rate), "decode-int8": 1 / float(rate)}


def openvino(kind):
    text = run([options.python, os.path.join(os.path.dirname(__file__), "openvino_peer.py"), os.path.join(options.models, "siglip-l-random"),
                "--kind", kind, "--keep", options.openvino])[0]
    return float(re.search(r"median ([0-9.]+) s", text).group(1))


found = {}
works = options.work.split(",")
for turn in range(options.rounds):
    measured = {}
    for work in works:
        result = found.setdefault(work, {"ours": [], "peer": [], "llama": [], "openvino": [], "floor": [], "gib": 0.0, "peer_gib": 0.0})
        mine = ours(work)
        result["ours"].append(mine["median_s"])
        result["floor"].append(mine["floor_s"])
        result["gib"] = max(result["gib"], mine["gib"])
        case = peer_cases.get(work)
        if case and case not in measured:
            measured[case] = peers(case)
        if case:
            result["peer"].append(measured[case][work if case == "decode" else case])
            result["peer_gib"] = max(result["peer_gib"], measured[case]["memory"])
        kind = llama_kinds.get(work)
        if kind and kind not in measured:
            measured[kind] = llama(kind)
        if kind:
            result["llama"].append(measured[kind][work])
        if work in openvino_kinds:
            result["openvino"].append(openvino(openvino_kinds[work]))


def cell(values, mine, width):
    return f"{statistics.median(values):{width}.3f} {statistics.median(values) / mine:6.2f}" if values else f"{'-':>{width}} {'-':>6}"


print(f"{'work':16} {'Carina s':>9} {'PyTorch s':>9} {'ratio':>6} {'llama s':>9} {'ratio':>6} {'OpenVINO s':>10} {'ratio':>6} {'floor s':>8} {'GiB':>6} {'peer GiB':>8}"
      "   rounds of Carina | of PyTorch | of llama.cpp | of OpenVINO")
for work, result in found.items():
    mine = statistics.median(result["ours"])
    rounds = " | ".join(str([round(x, 3) for x in result[name]]) for name in ("ours", "peer", "llama", "openvino"))
    print(f"{work:16} {mine:9.3f} {cell(result['peer'], mine, 9)} {cell(result['llama'], mine, 9)} {cell(result['openvino'], mine, 10)} "
          f"{statistics.median(result['floor']):8.3f} {result['gib']:6.2f} {result['peer_gib']:8.2f}   {rounds}")
