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
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time

import fuzz_kinds
import tiny_world
from fuzz_mutants import Fuzzer


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
