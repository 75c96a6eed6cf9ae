"""What an accepted mutant must answer, for `fuzz_kinds.py`: judged by the bytes, or computed in another way than the engine does it."""

import json
import os
import struct
import zlib

from tiny_files import read

PNG_SIDE = 32


def checked_shard(base, mutant, matched, same):
    return None if same else "a changed shard gives another answer, and its checksums did not tell"


def old_shard(base, mutant, matched, same):
    return None if same or matched else "a changed shard gives another answer, and the manifest's checksum did not tell"


def checked(base, mutant, matched, same):
    return None if same else "a changed file gives another answer, and its checksums did not tell"


def same_configuration(base, mutant, matched, same):
    """What `file-formats.md` promises: a run is resumed only with an equal configuration."""
    try:
        one, other = json.loads(base), json.loads(mutant)
    except (ValueError, RecursionError):
        return "not JSON, and accepted" if same is not None and mutant.strip() else None
    if not isinstance(other, dict) or other.get("configuration") != one["configuration"]:
        return "the run goes on under another configuration"
    return None if same else "the run goes on and ends with other numbers"


def finished_run(base, mutant, matched, same):
    """A finished run whose final model is damaged is not done: it says so, or makes the model again."""
    if same:
        return None
    if base[:1] == b"{":
        try:
            json.loads(mutant)
            return None
        except (ValueError, RecursionError):
            return "a damaged final model is called done"
    return "a final model of another size is called done" if len(base) != len(mutant) else None


def count_predictions(directory, file, number):
    """As many answers as there are lines."""
    try:
        lines = [
            json.loads(line) for line in read(f"{directory}/case/{file}").decode("utf-8").split("\n") if line.strip()
        ]
        found = json.loads(read(f"{directory}/out/metrics.json"))["n"]
    except (ValueError, RecursionError):
        return None
    return None if found == len(lines) else f"{len(lines)} answers are counted as {found}"


def count_records(directory, file, number):
    """As many samples, stored or rejected, as there are records."""
    try:
        text = read(f"{directory}/case/{file}").decode("utf-8")
        records = (
            [json.loads(line) for line in text.split("\n") if line.strip()]
            if file.endswith("l") and not text.lstrip().startswith("[")
            else json.loads(text)
        )
        manifest = json.loads(read(f"{directory}/out/manifest.json"))
    except (ValueError, RecursionError):
        return None
    if number or not isinstance(records, list):
        return None
    found = manifest["samples"] + manifest["rejected"]["samples"]
    return None if found == len(records) else f"{len(records)} records become {found} samples"


def png_pixels(data):
    """The pixels of a grey PNG of 8 bits that is not interlaced; None for any other."""
    at, header, body = 8, None, b""
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            header = content
        elif kind == b"IDAT":
            body += content
        elif kind == b"IEND":
            break
        at += 12 + length
    if header is None or len(header) != 13 or header[8:] != bytes([8, 0, 0, 0, 0]):
        return None
    width, height = struct.unpack(">II", header[:8])
    if (width, height) != (PNG_SIDE, PNG_SIDE):
        return None
    try:
        raw = zlib.decompressobj().decompress(body, height * (width + 1))
    except zlib.error:
        return None
    if len(raw) < height * (width + 1):
        return None
    rows, above = [], bytes(width)
    for row in range(height):
        kind, line = raw[row * (width + 1)], bytearray(raw[row * (width + 1) + 1 : (row + 1) * (width + 1)])
        for x in range(width):
            left, up, corner = line[x - 1] if x else 0, above[x], above[x - 1] if x else 0
            if kind == 1:
                line[x] = (line[x] + left) & 255
            elif kind == 2:
                line[x] = (line[x] + up) & 255
            elif kind == 3:
                line[x] = (line[x] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                best = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                line[x] = (line[x] + best) & 255
            elif kind > 4:
                return None
        above = bytes(line)
        rows.append(above)
    return b"".join(rows)


def check_png(directory, file, number):
    """The shard holds the pixels that the PNG holds, read here another way."""
    pixels = png_pixels(read(f"{directory}/case/{file}"))
    if number or pixels is None or not os.path.exists(f"{directory}/out/shard-00000.h5"):
        return None
    with open(f"{directory}/out/rejected.jsonl") as rejected:
        if json.dumps(file) in rejected.read():
            return None
    return (
        None if pixels in read(f"{directory}/out/shard-00000.h5") else "the shard does not hold the pixels of the PNG"
    )
