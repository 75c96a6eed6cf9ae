#!/usr/bin/env python3
"""Two builds of `bench reading` in turns: images a second of shuffled epochs, on one core, and their quotient.

usage: reading_beside.py BENCH SHARDS BENCH SHARDS [--rounds 7] [--epochs 9]

The first pair is the base, e.g. an older build over shards of its own format; the second is measured against it. Both
directories should hold the same images at 384 pixels, some hundred megabytes of them, and be in the page cache. Printed are
the medians over the rounds by the clock and by processor time, which other work on the machine disturbs less.
"""
import argparse
import os
import re
import resource
import statistics
import subprocess

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("pairs", nargs=4, metavar="BENCH SHARDS")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--epochs", type=int, default=9)
options = parser.parse_args()
core = sorted(os.sched_getaffinity(0))[-1]


def measure(bench, shards):
    """images a second by the clock, and by the processor time that more epochs cost"""
    rates, seconds = [], []
    for epochs in (1, options.epochs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = subprocess.run(
            ["taskset", "-c", str(core), bench, "reading", shards, "--epochs", str(epochs)], check=True, capture_output=True,
            text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = re.search(r"(\d+) images of .* (\d+) images/s", text)
        rates.append(int(found[2]))
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return rates[1], int(found[1]) * (options.epochs - 1) / max(1e-9, seconds[1] - seconds[0])


pairs = [options.pairs[:2], options.pairs[2:]]
for pair in pairs:
    measure(*pair)
results = [[measure(*pair) for pair in pairs] for _ in range(options.rounds)]
for way, name in enumerate(("by the clock", "by processor time")):
    base, other = (statistics.median(round[pair][way] for round in results) for pair in (0, 1))
    quotient = statistics.median(round[1][way] / round[0][way] for round in results)
    print(f"{name}: {base:.0f} images/s before, {other:.0f} images/s after, {quotient:.3f} times")
