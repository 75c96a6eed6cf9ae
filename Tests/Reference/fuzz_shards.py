#!/usr/bin/env python3
"""Damages small shard directories in many ways and looks for what must never happen: a signal, a hang, much memory, or a
shard of version 2 or 3 that is accepted and holds something else than was written.

usage: fuzz_shards.py BIN COUNT SHARDS [SHARDS …] [--seed 1] [--jobs 2] [--keep DIR]     (standard library only)

BIN is the directory of the built programs; SHARDS are directories of at most a few hundred kilobytes, of all versions
best (Tests/CarinaTests/Goldens/data/shards-v1, what preprocess makes of its records, and of records with lists of images). A mutant has one to four
changes: in superblock, object headers, heaps, B-trees, local heaps, in numbers of 8 bytes that may be addresses or sizes,
in the texts' bytes and offsets, anywhere, or at the end. Checksums of object headers and of texts are made to match in
half of the mutants, the manifest's digest and size in another half. Each is opened by `preprocess inspect`, every fourth
by `preprocess audit`, under `ulimit -v` of 4 GiB and a limit of 10 s. Exit code 1 if anything was found; with --keep the
directories of what was found are copied there.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

MARKS = (b"\x89HDF\r\n\x1a\n", b"OHDR", b"GCOL", b"TREE", b"SNOD", b"HEAP", b"FRHP", b"BTHD", b"OCHK")
SECONDS, MOST_MEMORY, ADDRESS_SPACE = 10, 500 << 20, 4 << 30


def rotated(value, bits):
    return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF


def lookup3(data):
    """Bob Jenkins' hashlittle, the checksum of HDF5's metadata"""
    mask = 0xFFFFFFFF
    a = b = c = (0xDEADBEEF + len(data)) & mask
    while len(data) > 12:
        x, y, z = struct.unpack("<III", data[:12])
        a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
        for bits in (4, 6, 8, 16, 19, 4):
            a = ((a - c) & mask) ^ rotated(c, bits)
            c = (c + b) & mask
            a, b, c = b, c, a
        data = data[12:]
    if not data:
        return c
    x, y, z = struct.unpack("<III", data.ljust(12, b"\0"))
    a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
    for first, second, bits in (("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16), ("a", "c", 4), ("b", "a", 14), ("c", "b", 24)):
        state = {"a": a, "b": b, "c": c}
        state[first] = ((state[first] ^ state[second]) - rotated(state[second], bits)) & mask
        a, b, c = state["a"], state["b"], state["c"]
    return c


def headers(data):
    """start and end of the object headers of version 2 that have four bytes of length, as Carina writes them"""
    for match in re.finditer(b"OHDR\x02\x02", data):
        start = match.start()
        end = start + 10 + int.from_bytes(data[start + 6 : start + 10], "little")
        if end + 4 <= len(data):
            yield start, end


def runs(data):
    """header and run of bytes of every dataset of version 2"""
    for start, end in headers(data):
        layout = data.find(b"\x08\x12\x00\x00\x03\x01", start, end)
        if layout >= 0:
            address, size = struct.unpack("<QQ", data[layout + 6 : layout + 22])
            if address + size <= len(data) and 0 < size:
                yield start, end, address, size


def changed(data, generator):
    data = bytearray(data)
    marks = [m.start() for mark in MARKS for m in re.finditer(re.escape(mark), bytes(data))]
    before = bytes(data)
    mends = generator.random() < 0.5
    for _ in range(generator.randint(1, 4)):
        kind = generator.random()
        if kind < 0.35 and marks:
            position = generator.choice(marks) + generator.randrange(0, 240)
        elif kind < 0.6 and marks:
            position = generator.choice(marks) + 8 * generator.randrange(0, 24) + generator.choice((0, 0, 0, 4, 2))
            value = generator.choice((
                0, 1, 2, 7, 8, 15, 16, len(data), len(data) - 1, len(data) + 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1,
                (1 << 64) - 1, (1 << 64) - 8, generator.choice(marks), generator.choice(marks), generator.randrange(len(data)),
                generator.getrandbits(64)))
            size = generator.choice((1, 2, 4, 8, 8, 8))
            if position + size <= len(data):
                data[position : position + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            continue
        elif kind < 0.75 and (found := list(runs(before))):
            _, _, address, size = generator.choice(found)
            position = address + generator.randrange(size)
            if size % 8 == 0 and generator.random() < 0.6:
                position = address + 8 * generator.randrange(size // 8)
                value = generator.choice((0, -1, 1 << 62, -(1 << 63), size, generator.randrange(1 << 20)))
                data[position : position + 8] = struct.pack("<q", value)
                continue
        elif kind < 0.97:
            position = generator.randrange(len(data))
        else:
            data = data[: generator.randrange(len(data))] if generator.random() < 0.7 else data + bytes(generator.randrange(1, 4096))
            continue
        if position < len(data):
            data[position] = generator.choice((data[position] ^ 1 << generator.randrange(8), 0, 255, 128, generator.randrange(256)))
    if mends and len(data) == len(before):
        for start, end, address, size in list(runs(before)):
            old, new = (zlib.crc32(part[address : address + size]) for part in (before, bytes(data)))
            position = data.find(struct.pack("<I", old), start, end)
            if old != new and position >= 0:
                data[position : position + 4] = struct.pack("<I", new)
        for start, end in list(headers(before)):
            data[end : end + 4] = struct.pack("<I", lookup3(bytes(data[start:end])))
        if data[8] in (2, 3):
            data[44:48] = struct.pack("<I", lookup3(bytes(data[:44])))
    return bytes(data), mends


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command):
    """exit code (negative for a signal, None for a hang), output, most memory"""
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, preexec_fn=limits, start_new_session=True)
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() - start > SECONDS:
                os.killpg(process.pid, 9)
                os.wait4(process.pid, 0)
                return None, b"", 0
            time.sleep(0.005)
        process.returncode = 0
        output.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return code, output.read(), usage.ru_maxrss << 10


def attempt(task):
    binary, source, seed, keep = task
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name) / "shards"
        shutil.copytree(source, directory)
        manifest_path = directory / "manifest.json"
        # What is copied may be read-only.
        for path in [directory, *directory.iterdir()]:
            path.chmod(0o755)
        manifest = json.loads(manifest_path.read_text())
        entry = generator.choice(manifest["shards"])
        path = directory / entry["file"]
        data, mends = changed(path.read_bytes(), generator)
        path.write_bytes(data)
        matches = generator.random() < 0.5
        if matches:
            entry["sha256"], entry["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
            manifest_path.write_text(json.dumps(manifest))
        audits = seed % 4 == 3
        command = [f"{binary}/preprocess", "audit", directory, source] if audits else [
            f"{binary}/preprocess", "inspect", directory, "--show", "100000"]
        code, output, memory = run([str(part) for part in command + ["--threads", "1"]])
        found = None
        if code is None:
            found = "hang"
        elif code < 0 or code >= 128:
            found = f"signal {code}"
        elif code not in (0, 65):
            found = f"exit code {code}"
        elif memory > MOST_MEMORY:
            found = f"{memory >> 20} MiB"
        elif code == 0 and not audits and not mends and manifest["version"] >= 2:
            _, right, _ = run([f"{binary}/preprocess", "inspect", str(source), "--show", "100000", "--threads", "1"])
            # The first line names the directory.
            if output.split(b"\n", 1)[1] != right.split(b"\n", 1)[1]:
                found = "accepted, and other contents"
        if found and keep:
            shutil.copytree(directory, pathlib.Path(keep) / f"{seed}", dirs_exist_ok=True)
        contained = re.search(rb"HDF5 library [a-z ]+", output)
        return seed, code, found, contained and contained.group().decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("count", type=int)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    first = options.seed * 10_000_000
    tasks = (
        (binary, os.path.abspath(options.shards[number % len(options.shards)]), first + number, options.keep)
        for number in range(options.count))
    accepted, contained, findings, start = 0, {}, [], time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for seed, code, found, how in pool.map(attempt, tasks, chunksize=8):
            accepted += code == 0
            if how:
                contained[how] = contained.get(how, 0) + 1
            if found:
                findings.append((seed, found))
                print(f"seed {seed}: {found}", flush=True)
    print(
        f"{options.count} mutants in {time.monotonic() - start:.0f} s: {accepted} accepted, {len(findings)} findings; "
        f"ended the reading process: {contained}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
