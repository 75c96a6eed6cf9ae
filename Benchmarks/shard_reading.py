#!/usr/bin/env python3
"""h5py's half of the comparison of `bench reading`: images per second of a shuffled epoch, one image at a time.

usage: shard_reading.py SHARDS [--epochs 3]

Reads every image of every shard in one shuffled order through h5py's random access, on one core, into an array of its own.
"""
import argparse
import json
import os
import time

import h5py
import numpy

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("shards")
parser.add_argument("--epochs", type=int, default=3)
options = parser.parse_args()
os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
manifest = json.load(open(f"{options.shards}/manifest.json"))
files = [h5py.File(f"{options.shards}/{shard['file']}", "r") for shard in manifest["shards"]]
places = [(file["/images/pixels"], row) for file in files for row in range(file["/images/pixels"].shape[0])]
rates = []
for epoch in range(options.epochs + 1):
    order = numpy.random.default_rng(epoch).permutation(len(places))
    total = 0
    start = time.monotonic()
    for index in order:
        pixels, row = places[index]
        total += int(pixels[row][0, 0].max())
    rates.append(len(places) / (time.monotonic() - start))
# The first epoch brings the files into memory.
print(f"h5py: {len(places)} images, {sorted(rates[1:])[len(rates[1:]) // 2]:.0f} images/s (first epoch {rates[0]:.0f})")
