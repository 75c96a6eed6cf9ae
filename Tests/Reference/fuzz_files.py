#!/usr/bin/env python3
"""Mutates every kind of file that the programs read and runs the programs on them.

usage: fuzz_files.py --bin .build/release [--count 100000 | --seconds 60] [--seed 1] [--jobs 2] [--kinds shard,state] [--keep DIR] [--list]

A tiny world (phantom, models, runs) is made first by the programs themselves, in a second or two. Each mutant then is read by
one program, with a limit on its address space (what the unmutated file needs and 512 MiB), 10 seconds and 500 MiB of memory more
than the unmutated file takes. What must not happen:

- death by a signal, more time, more memory; an exit code other than 0, 64, 65, 66, 73;
- a refusal without a line `error:` that names something, or of more than 20,000 bytes; a stack trace, or messages of the HDF5 library;
- control characters or marks of direction on the terminal, other than those of an answer;
- an accepted mutant with another answer where its content is the same or a checksum covers it.

Of accepted mutants --sample (by default 1,000, evenly over the kinds) are compared with the answer to the unmutated file. What
differs is written to KEEP/accepted.jsonl, to be looked at. Failures are kept in KEEP/KIND-NUMBER with the command. Equal seeds give
equal mutants of equal files (of the world, what the clock or a path writes differs: --world DIR keeps one and takes it again).
Exit code 1 when anything failed.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import re
import resource
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import file_mutations
import fuzz_kinds
import tiny_world
from tiny_world import ENVIRONMENT, read

CODES = {0, 64, 65, 66, 73}
SECONDS = 10
MEMORY = 500 << 20
TRACE = re.compile(
    rb"Fatal error|Stack dump|Backtrace|HDF5-DIAG|H5[A-Z]\w*\(\)|terminate called|Thread \d+ crashed|malloc\(\)|free\(\)|corrupted|Sanitizer|Traceback"
)
FOREIGN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NAMED = re.compile(rb"weights|case|out|world|line \d|--\w|[\"'`]|/|\.json|\.h5")
TIMES = re.compile(
    rb'"(seconds|data_wait_ms|load|image|vision|prefill|decode)": ?[0-9.e-]+|[0-9.]+ ?(s|ms|/s|GiB|MiB)\b'
)


class Outcome:
    """What a program did."""

    def __init__(self, code, seconds, memory, out, err):
        self.code, self.seconds, self.memory, self.out, self.err = code, seconds, memory, out, err


def limits(address_space):
    def set_them():
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))

    return set_them


def execute(binaries, command, arguments, cwd, address_space, seconds):
    """Runs one program under the limits. A program that takes longer is killed and has the code None."""
    texts = [open(os.path.join(cwd, name), "w+b") for name in ("stdout", "stderr")]
    with open(os.path.join(cwd, "stdin"), "w") as file:
        file.write(command.stdin or "")
    start = time.monotonic()
    with open(os.path.join(cwd, "stdin")) as stdin:
        process = subprocess.Popen(
            [os.path.join(binaries, command.program), *arguments],
            cwd=cwd,
            env=dict(ENVIRONMENT, TMPDIR=f"{cwd}/temporary"),
            stdin=stdin,
            stdout=texts[0],
            stderr=texts[1],
            preexec_fn=limits(address_space),
        )
    watch = os.pidfd_open(process.pid)
    ended = select.select([watch], [], [], seconds)[0]
    if not ended:
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    os.close(watch)
    took = time.monotonic() - start
    read_back = []
    for file in texts:
        file.seek(0)
        read_back.append(file.read(4 << 20))
        file.close()
    return Outcome(process.returncode if ended else None, took, usage.ru_maxrss << 10, *read_back)


def content(path):
    """A digest of a file or of all files below a directory, by name."""
    if os.path.isdir(path):
        return {
            os.path.relpath(os.path.join(folder, name), path): content(os.path.join(folder, name))
            for folder, _, names in os.walk(path)
            for name in names
        }
    if not os.path.exists(path):
        return None
    return hashlib.sha256(TIMES.sub(b"", read(path)) if path.endswith((".json", ".jsonl")) else read(path)).hexdigest()


def shards_content(directory):
    """A shard directory's files without the digest of the records that it was made from, which differs for every mutant."""
    if not os.path.exists(f"{directory}/manifest.json"):
        return None
    manifest = json.loads(read(f"{directory}/manifest.json"))
    source = manifest.pop("source")["sha256"].encode()
    for shard in manifest["shards"]:
        shard.pop("sha256")
    found = {"manifest.json": json.dumps(manifest)}
    for name in os.listdir(directory):
        if name != "manifest.json":
            found[name] = hashlib.sha256(read(f"{directory}/{name}").replace(source, bytes(len(source)))).hexdigest()
    return found


def strict(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def no_constant(word):
    raise ValueError(word)


def meaning(family, data):
    """What a mutant says, in a form in which equal content is equal; None where it is not what the format allows."""
    try:
        if family == "json":
            return json.dumps(
                json.loads(data.decode("utf-8"), object_pairs_hook=strict, parse_constant=no_constant), sort_keys=True
            )
        if family == "jsonl":
            return [meaning("json", line) for line in data.split(b"\n") if line.strip()]
        if family == "safetensors":
            length = int.from_bytes(data[:8], "little")
            return meaning("json", data[8 : 8 + length]), data[8 + length :]
    except (ValueError, RecursionError):
        return None
    return data


class Fuzzer:
    """Runs mutants in a directory of its own."""

    def __init__(self, options, kinds, directory, spaces):
        self.options, self.kinds, self.directory, self.spaces = options, kinds, directory, spaces
        self.bases = {}
        os.makedirs(f"{directory}/temporary")
        os.symlink(os.path.join(os.path.dirname(directory), "world"), f"{directory}/world")

    def fresh(self, kind):
        for name in ("case", "out", "out.partial"):
            shutil.rmtree(f"{self.directory}/{name}", ignore_errors=True)
        shutil.copytree(kind.source, f"{self.directory}/case")

    def answer(self, command, outcome, file):
        """What a command answered, without times and without the digest of the mutated file."""
        found = {}
        if command.shown:
            found["shown"] = TIMES.sub(b"", outcome.out)
        for name in command.outputs:
            path = f"{self.directory}/{name}"
            found[name] = shards_content(path) if os.path.exists(f"{path}/manifest.json") else content(path)
        return found

    def run(self, kind, command, file, seconds=SECONDS):
        arguments = [argument.replace("FILE", file) for argument in command.arguments]
        return execute(self.options.bin, command, arguments, self.directory, self.spaces[command.program], seconds)

    def base(self, kind, number, file):
        """The answer to the unmutated file."""
        key = (kind.name, number, file)
        if key not in self.bases:
            self.fresh(kind)
            command = kind.commands[number]
            outcome = self.run(kind, command, file, 60)
            if outcome.code not in CODES or (outcome.code and kind.name not in ("dicom", "jpeg", "png")):
                raise SystemExit(
                    f"the unmutated {file} of {kind.name} fails in {command.program} {' '.join(command.arguments)}: "
                    f"{outcome.code} {outcome.err.decode(errors='replace')[-600:]}"
                )
            # A check that the unmutated file does not stand knows nothing of these programs.
            checks = kind.check is not None and kind.check(self.directory, file, number) is None
            self.bases[key] = (outcome, self.answer(command, outcome, file), checks)
        return self.bases[key]

    def mutant(self, kind, index):
        """One mutant: a line of the table."""
        dice = random.Random(f"{self.options.seed}/{kind.name}/{index}")
        file = dice.choice(kind.files)
        number = dice.randrange(len(kind.commands))
        command = kind.commands[number]
        base, base_answer, checks = self.base(kind, number, file)
        original = read(os.path.join(kind.source, file))
        data, words = file_mutations.MUTATIONS[kind.family](dice, original)
        self.fresh(kind)
        with open(f"{self.directory}/case/{file}", "wb") as out:
            out.write(data)
        matched = bool(kind.fix and data != original and kind.fix(dice, f"{self.directory}/case", file))
        outcome = self.run(kind, command, file)
        if outcome.code is None:
            # On a busy machine ten seconds may be nobody's fault: once more, with more.
            self.fresh(kind)
            with open(f"{self.directory}/case/{file}", "wb") as out:
                out.write(data)
            if matched:
                dice2 = random.Random(f"{self.options.seed}/{kind.name}/{index}/again")
                while not kind.fix(dice2, f"{self.directory}/case", file):
                    pass
            outcome = self.run(kind, command, file, 3 * SECONDS)
        failures = self.failures(command, outcome, base, file)
        verdict = "refused" if outcome.code else "accepted"
        look = None
        if outcome.code == 0 and not failures:
            answer = self.answer(command, outcome, file)
            same = answer == base_answer and base.code == 0
            said, original_said = meaning(kind.family, data), meaning(kind.family, original)
            wrong = kind.judge(original, data, matched, same) if kind.judge and data != original else None
            if wrong is None and not same and said is not None and said == original_said and not kind.judge:
                # Shards carry the digest of their records, and perhaps checksums over it: what they hold decides.
                if not (os.path.exists(f"{self.directory}/out/manifest.json") and self.shown() == self.shown_before(kind, command, file)):
                    wrong = "the same content gives another answer"
            if wrong is None and checks:
                wrong = kind.check(self.directory, file, number)
            if wrong:
                failures = [wrong]
            elif not same or said is None:
                look = ("other answer" if not same else "same answer") + (
                    ", not what the format allows" if said is None else ""
                )
        result = {
            "kind": kind.name,
            "index": index,
            "file": file,
            "program": command.program,
            "mutation": words[:300],
            "matched": matched,
            "code": outcome.code,
            "seconds": round(outcome.seconds, 3),
            "memory": outcome.memory,
            "verdict": "failed" if failures else verdict,
            "failures": failures,
            "look": look,
        }
        if failures:
            self.keep(kind, index, command, file, data, matched, outcome, result)
        if look:
            result["shown"] = outcome.out[-300:].decode(errors="replace")
            result["shown_before"] = base.out[-300:].decode(errors="replace")
        return result

    def shown(self):
        """What `preprocess inspect` says of the shards in `out`, without digests."""
        inspect = fuzz_kinds.Command("preprocess", ["inspect", "out", "--show", "100", "--threads", "1"])
        outcome = execute(self.options.bin, inspect, inspect.arguments, self.directory, self.spaces["preprocess"], 60)
        return outcome.code, re.sub(rb"[0-9a-f]{16,64}", b"", outcome.out)

    def shown_before(self, kind, command, file):
        """The same of the unmutated file."""
        self.fresh(kind)
        self.run(kind, command, file, 60)
        return self.shown()

    def failures(self, command, outcome, base, file):
        found = []
        if outcome.code is None or outcome.seconds > SECONDS:
            found.append("time")
        if outcome.code is not None and outcome.code < 0:
            found.append(f"signal {signal.Signals(-outcome.code).name}")
        elif outcome.code is not None and outcome.code not in CODES:
            found.append(f"exit code {outcome.code}")
        if outcome.memory > base.memory + MEMORY:
            found.append("memory")
        if outcome.code in CODES - {0}:
            errors = [
                line for line in outcome.err.split(b"\n") if line.startswith(b"error:") or line.startswith(b"Error:")
            ]
            if not errors:
                found.append("no line error:")
            elif not any(NAMED.search(line[6:]) for line in errors):
                found.append("the error names nothing")
            if len(outcome.err) > 20_000 + len(base.err):
                found.append("a very long error")
        if TRACE.search(outcome.err):
            found.append("a stack trace or a library's message")
        screens = [("stderr", outcome.err)] + ([("stdout", outcome.out)] if command.screen else [])
        for name, text in screens:
            try:
                if FOREIGN.search(text.decode("utf-8")):
                    found.append(f"control characters on {name}")
            except UnicodeDecodeError:
                if len(text) < 4 << 20:
                    found.append(f"no UTF-8 on {name}")
        return found

    def keep(self, kind, index, command, file, data, matched, outcome, result):
        folder = f"{self.options.keep}/{kind.name}-{index}"
        if (
            os.path.exists(folder)
            or len([n for n in os.listdir(self.options.keep) if n.startswith(kind.name + "-")])
            >= self.options.keep_most
        ):
            return
        shutil.copytree(f"{self.directory}/case", f"{folder}/case")
        with open(f"{folder}/case/{file}", "wb") as out:
            out.write(data)
        arguments = [argument.replace("FILE", file) for argument in command.arguments]
        with open(f"{folder}/run.sh", "w") as out:
            out.write(
                f"# {'; '.join(result['failures'])}: {file}, {result['mutation']}\n# in a directory with the world (--world DIR --list makes one) as `world`\n"
                f"ulimit -v {self.spaces[command.program] >> 10}\n{'printf %s ' + shlex.quote(command.stdin) + ' | ' if command.stdin else ''}"
                f"timeout 10 ${{BIN:?}}/{command.program} {' '.join(map(shlex.quote, arguments))}\n"
            )
        for name, text in (("stdout", outcome.out), ("stderr", outcome.err)):
            with open(f"{folder}/{name}", "wb") as out:
                out.write(text[:100_000])
        with open(f"{folder}/result.json", "w") as out:
            json.dump(result, out, indent=1)


def address_spaces(options, kinds, directory):
    """For each program the address space in which it reads an unmutated file, and 512 MiB."""
    spaces = {}
    fuzzer = Fuzzer(options, kinds, directory, spaces)
    for kind in kinds:
        for number, command in enumerate(kind.commands):
            if command.program in spaces:
                continue
            # Not from less on: OpenBLAS asks again and again where it gets no memory.
            for megabytes in (768, 1024, 1536, 2048, 3072, 4096, 8192, 16384):
                spaces[command.program] = megabytes << 20
                fuzzer.fresh(kind)
                outcome = fuzzer.run(kind, command, kind.files[0])
                if outcome.code == 0:
                    break
            else:
                raise SystemExit(
                    f"{command.program} fails on an unmutated {kind.name}: {outcome.err.decode(errors='replace')[-500:]}"
                )
            spaces[command.program] += 512 << 20
    return spaces


def schedule(kinds):
    """The order of kinds: each as often as its weight, spread evenly."""
    slots = [
        ((turn + 0.5) / kind.weight, place, kind) for place, kind in enumerate(kinds) for turn in range(kind.weight)
    ]
    return [kind for _, _, kind in sorted(slots, key=lambda slot: slot[:2])]


def work(options, kinds, directory, spaces, worker, results, deadline):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        fuzzer = Fuzzer(options, kinds, directory, spaces)
        order = schedule(kinds)
        for number in range(worker, options.count or 1 << 60, options.jobs):
            if deadline and time.monotonic() > deadline:
                break
            kind = order[number % len(order)]
            results.put(fuzzer.mutant(kind, number))
        results.put(None)
    except BaseException as problem:
        import traceback

        results.put({"broken": "".join(traceback.format_exception(problem))[-3000:]})


def table(rows):
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(
                str(cell).ljust(width) if column == 0 else str(cell).rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths))
            )
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="directory of the built programs")
    parser.add_argument("--count", type=int, help="mutants")
    parser.add_argument("--seconds", type=float, help="how long, without the making of the world")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kinds", help="only kinds whose names begin with one of these, joined by commas")
    parser.add_argument(
        "--keep", default="fuzz-failures", help="where failures and accepted.jsonl go (made when there is something)"
    )
    parser.add_argument("--keep-most", type=int, default=25, help="failures kept, of each kind")
    parser.add_argument("--sample", type=int, default=1000, help="accepted mutants written to accepted.jsonl")
    parser.add_argument("--world", help="take the world of this directory, or make it there and leave it")
    parser.add_argument("--brief", action="store_true", help="no table by kind")
    parser.add_argument(
        "--list", action="store_true", help="make the world, name the kinds and their commands, and end"
    )
    options = parser.parse_args()
    options.bin, options.keep = os.path.abspath(options.bin), os.path.abspath(options.keep)
    if not options.count and not options.seconds:
        options.seconds = 60
    scratch = tempfile.mkdtemp(
        prefix="carina-fuzz-",
        dir="/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30 else None,
    )
    try:
        started = time.monotonic()
        world = tiny_world.TinyWorld(options.bin, scratch)
        if options.world and os.path.exists(f"{options.world}/world"):
            shutil.copytree(f"{options.world}/world", f"{scratch}/world")
        else:
            world.make()
            if options.world:
                shutil.copytree(f"{scratch}/world", f"{options.world}/world")
        kinds = fuzz_kinds.build(world)
        if options.kinds:
            kinds = [kind for kind in kinds if kind.name.startswith(tuple(options.kinds.split(",")))]
        if options.list:
            for kind in kinds:
                print(f"{kind.name}: {kind.family}, {len(set(kind.files))} files, weight {kind.weight}")
                for command in kind.commands:
                    print(f"  {command.program} {' '.join(command.arguments)}")
            return
        spaces = address_spaces(options, kinds, f"{scratch}/limits")
        os.makedirs(options.keep, exist_ok=True)
        made = time.monotonic() - started
        if not options.brief:
            limits = ", ".join(f"{name} {size >> 20} MiB" for name, size in sorted(spaces.items()))
            print(f"the world was made in {made:.1f} s; address space: {limits}", flush=True)
        sys.exit(fuzz(options, kinds, scratch, spaces))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if os.path.isdir(options.keep) and not os.listdir(options.keep):
            os.rmdir(options.keep)


def fuzz(options, kinds, scratch, spaces):
    results = multiprocessing.Queue()
    start = time.monotonic()
    deadline = start + options.seconds if options.seconds else None
    workers = [
        multiprocessing.Process(
            target=work, args=(options, kinds, f"{scratch}/worker-{n}", spaces, n, results, deadline), daemon=True
        )
        for n in range(options.jobs)
    ]
    for worker in workers:
        worker.start()
    lines, looks, running, told = {kind.name: [] for kind in kinds}, [], len(workers), start
    while running:
        result = results.get()
        if result is None:
            running -= 1
            continue
        if "broken" in result:
            print(result["broken"], file=sys.stderr)
            return 2
        lines[result["kind"]].append(result)
        if result["failures"] and sum(1 for one in lines[result["kind"]] if one["failures"]) <= 3:
            print(
                f"FAILED {result['kind']}-{result['index']} {result['program']}: {'; '.join(result['failures'])} ({result['file']}, {result['mutation'][:120]})",
                flush=True,
            )
        if result["look"]:
            looks.append(result)
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"{sum(map(len, lines.values()))} mutants after {told - start:.0f} s", flush=True)
    seconds = time.monotonic() - start
    rows = [("kind", "mutants", "refused", "accepted", "other answer", "failures", "slowest", "largest MiB")]
    for kind in kinds:
        found = lines[kind.name]
        count = lambda verdict: sum(1 for one in found if one["verdict"] == verdict)
        rows.append(
            (
                kind.name,
                len(found),
                count("refused"),
                count("accepted"),
                sum(1 for one in found if (one["look"] or "").startswith("other")),
                count("failed"),
                f"{max((one['seconds'] for one in found), default=0):.2f} s",
                max((one["memory"] for one in found), default=0) >> 20,
            )
        )
    everything = [one for found in lines.values() for one in found]
    failed = sum(1 for one in everything if one["failures"])
    rows.append(
        (
            "all",
            len(everything),
            *(sum(row[column] for row in rows[1:]) for column in (2, 3, 4, 5)),
            f"{max((one['seconds'] for one in everything), default=0):.2f} s",
            max((one["memory"] for one in everything), default=0) >> 20,
        )
    )
    if not options.brief or failed:
        table(rows)
    reasons = {}
    for one in everything:
        for reason in one["failures"]:
            reasons.setdefault((one["kind"], one["program"], reason), []).append(one["index"])
    if reasons:
        print("\nfailures by kind, program and reason, with some numbers:")
        for (kind, program, reason), numbers in sorted(reasons.items()):
            print(f"  {kind}, {program}: {reason}: {len(numbers)} ({', '.join(map(str, numbers[:4]))})")
    if looks:
        # Evenly over the kinds: by turns one of each, until the sample is full.
        by_kind = {}
        for one in sorted(looks, key=lambda one: one["index"]):
            by_kind.setdefault(one["kind"], []).append(one)
        sample = []
        while by_kind and len(sample) < options.sample:
            for kind in sorted(by_kind):
                sample.append(by_kind[kind].pop(0))
                if not by_kind[kind]:
                    del by_kind[kind]
        with open(f"{options.keep}/accepted.jsonl", "w") as file:
            for one in sample[: options.sample]:
                file.write(json.dumps(one) + "\n")
    kinds_with = sum(1 for found in lines.values() if found)
    print(
        f"{len(everything)} mutants of {kinds_with} kinds of files in {seconds:.0f} s (seed {options.seed}), {failed} failures"
        + (f", kept in {options.keep}" if failed else "")
        + (f"; {len(looks)} accepted ones to look at, in {options.keep}/accepted.jsonl" if looks else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    main()
