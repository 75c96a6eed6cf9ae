"""Runs a joined Gemma 3 of 4B shapes in Carina and in a PyTorch script, by turns in one go, and prints medians and ratios.

usage: beside_pytorch_multimodal.py CHECKPOINT PEER_SCRIPT --image FILE [--rounds 1] [--repeats 2] [--python PYTHON] [--work vision,prefill,...] [--llama DIR]

CHECKPOINT is a Gemma3ForConditionalGeneration with a tokenizer (random weights do). PEER_SCRIPT is called as PEER_SCRIPT CHECKPOINT vision|decode|lora with
DTYPE=bf16 and THREADS=2 and prints "median X s", or "prefill X s, Y tok/s". Carina's side is `bench steps --checkpoint`, and whole runs of `infer`: the time
from the start of the program to its first token, without and with kept vision features, which are made in the first of them; and peak memory with bf16 and
8-bit weights. --work may name projector-step too, a training step of the projector alone with its features given, and lora,
a step of adapters of rank 16 beside every linear layer of the decoder (PEFT is the peer), and lora-int8, the same over a decoder in 8 bits. Needs `swift build -c release` of bench and infer. About 8 minutes a round on two cores; the load before and after is printed, as ratios
mean little on a busy machine. --llama DIR adds llama_peer.py on the decoder alone (BF16 beside bf16, Q8_0 beside int8), whose GGUF files DIR keeps. "cores" are the seconds that all cores worked, which a busy machine changes less."""
import argparse, json, os, re, resource, shutil, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("checkpoint")
parser.add_argument("peer")
parser.add_argument("--image", required=True)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--repeats", type=int, default=2)
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--work", default="vision,prefill,decode,decode-int8,first-token,kept-features,int8")
parser.add_argument("--llama", metavar="DIR")
parser.add_argument("--bin", default=".build/release")
parser.add_argument("--scratch", help="directory for 4 GB of 8-bit weights, kept for the next run; a temporary one where nothing is said")
options = parser.parse_args()
works = options.work.split(",")
environment = dict(os.environ, DTYPE="bf16", THREADS="2", GOMP_SPINCOUNT=os.environ.get("GOMP_SPINCOUNT", "1000"))
wanted = {"vision": 1.9, "prefill": 1.8, "decode": 2.4, "decode-int8": 4.5, "lora": 1.6, "lora-int8": 2.6}
found = {}


def note(row, side, value):
    found.setdefault(row, {}).setdefault(side, []).append(value)


def run(command):
    """Output, wall seconds, seconds of all cores, and peak memory in GiB of a command."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        seconds = time.time() - started
        out.seek(0), err.seek(0)
        if status != 0:
            sys.exit(f"{' '.join(command)} failed:\n{err.read()[-2000:]}")
        return out.read(), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def bench(names, weights=None):
    text, _, _, gib = run([f"{options.bin}/bench", "steps", "--checkpoint", options.checkpoint, "--work", ",".join(names), "--repeats", str(options.repeats),
                           *([weights, "int8"] if weights else [])])
    for line in text.splitlines():
        fields = dict(zip(line.split()[::2], line.split()[1::2]))
        if "work" not in fields:
            continue
        row = fields["work"] + ("-int8" if weights else "")
        note(row, "ours", float(fields["median_s"]))
        note(row, "cores", float(fields["cores_s"]))
        note(row, "floor", float(fields["floor_s"]))
        if len(names) == 1:
            note(row, "gib", gib)


def infer(row, *more, tokens=1):
    text, seconds, cores, gib = run([f"{options.bin}/infer", "--checkpoint", options.checkpoint, "--image-path", options.image, "--question",
                                     "Is there a pleural effusion?", "--max-new-tokens", str(tokens), "--json", *more])
    parts = json.loads(text)["seconds"]
    note(row, "ours", seconds)
    note(row, "cores", cores)
    note(row, "gib", gib)
    return parts


def load():
    return " ".join(f"{x:.1f}" for x in os.getloadavg())


scratch = options.scratch or tempfile.mkdtemp(prefix="carina-bench-")
os.makedirs(scratch, exist_ok=True)
before = load()
for turn in range(options.rounds):
    if "vision" in works:
        bench(["vision"])
        text, _, _, gib = run([options.python, options.peer, options.checkpoint, "vision"])
        note("vision", "peer", float(re.search(r"median ([0-9.]+)", text).group(1)))
        note("vision", "peer_gib", gib)
    names = [name for name in ("prefill", "decode") if name in works]
    if names:
        bench(names)
    if "projector-step" in works:
        bench(["stage1-cached"])
    adapted = [row for row in ("lora", "lora-int8") if row in works]
    for row in adapted:
        bench(["lora"], "--base-weights" if row == "lora-int8" else None)
    if adapted:
        text, _, _, gib = run([options.python, options.peer, options.checkpoint, "lora"])
        for row in adapted:
            note(row, "peer", float(re.search(r"median ([0-9.]+)", text).group(1)))
            note(row, "peer_gib", gib)
    if "decode-int8" in works:
        bench(["decode"], "--weights")
    if names or "decode-int8" in works:
        text, _, _, gib = run([options.python, options.peer, options.checkpoint, "decode"])
        prefill, rate = (float(x) for x in re.search(r"prefill ([0-9.]+) s, ([0-9.]+) tok/s", text).groups())
        for row, value in (("prefill", prefill), ("decode", 1 / rate), ("decode-int8", 1 / rate)):
            if row in works:
                note(row, "peer", value)
                note(row, "peer_gib", gib)
    for kind, rows in (("bf16", ("prefill", "decode")), ("q8_0", ("decode-int8",))):
        if options.llama and any(row in works for row in rows):
            text, _, _, _ = run([options.python, os.path.join(os.path.dirname(__file__), "llama_peer.py"), options.checkpoint, options.llama, kind,
                                 "--positions", "288", "--tokens", "16"])
            seconds, rate = (float(x) for x in re.search(r"prefill ([0-9.]+) s, ([0-9.]+) tok/s", text).groups())
            for row, value in (("prefill", seconds), ("decode", 1 / rate), ("decode-int8", 1 / rate)):
                if row in rows and row in works:
                    note(row, "llama", value)
    if "first-token" in works:
        parts = infer("first token")
        note("first token", "parts", parts["vision"] + parts["prefill"])
    features = os.path.join(scratch, "features.h5")
    if "kept-features" in works:
        if os.path.exists(features):
            os.remove(features)
        infer("first token, features being kept", "--cache-vision-features", features)
        infer("first token, kept features", "--cache-vision-features", features)
    if "int8" in works:
        int8 = ["--weights", "int8", "--cache-int8-weights", os.path.join(scratch, "int8-weights.bin"), "--cache-vision-features", features]
        if not os.path.exists(int8[3]):
            infer("first token, 8 bits being kept", *int8)
        infer("first token, kept 8 bits and features", *int8)
        infer("20 tokens, 8 bits", "--weights", "int8", "--cache-int8-weights", int8[3], tokens=20)
    if "first-token" in works:
        infer("20 tokens, bf16", tokens=20)
if not options.scratch:
    shutil.rmtree(scratch)


def number(values, width, digits=2):
    return f"{statistics.median(values):{width}.{digits}f}" if values else f"{'-':>{width}}"


print(f"load {before} before, {load()} after; {options.rounds} round(s), {options.repeats} repeats inside a round\n")
print(f"{'work':38} {'Carina s':>9} {'cores s':>8} {'floor s':>8} {'PyTorch s':>9} {'ratio':>6} {'wanted':>6} {'llama s':>8} {'ratio':>6} {'GiB':>6} {'peer GiB':>8}")
for row, sides in found.items():
    mine = statistics.median(sides["ours"])
    ratio, beside_llama = (f"{statistics.median(sides[side]) / mine:6.2f}" if side in sides else f"{'-':>6}" for side in ("peer", "llama"))
    print(f"{row:38} {number(sides['ours'], 9)} {number(sides['cores'], 8)} {number(sides.get('floor'), 8)} {number(sides.get('peer'), 9)} {ratio} "
          f"{wanted.get(row, ''):>6} {number(sides.get('llama'), 8)} {beside_llama} {number(sides.get('gib'), 6)} {number(sides.get('peer_gib'), 8)}")
if "first token" in found:
    mine, parts = (statistics.median(found["first token"][side]) for side in ("ours", "parts"))
    print(f"\nfirst token over vision plus prefill: {mine / parts:.3f} (at most 1.1 wanted)")
if "first token, kept features" in found:
    print(f"first token with kept features: {statistics.median(found['first token, kept features']['ours']):.2f} s (under 6 wanted)")
for row, most in (("20 tokens, bf16", 10), ("20 tokens, 8 bits", 6)):
    if row in found:
        print(f"peak memory of infer, {row}: {max(found[row]['gib']):.2f} GiB (at most {most} wanted)")
