"""Reads a shard directory with h5py and compares every stored image with Pillow's, and the texts with the records.

usage: python check_shard_images.py SHARDS IMAGE_ROOT [RECORDS.json]     (needs Pillow 13, h5py and numpy; run by hand)
"""

import hashlib
import json
import pathlib
import sys
import zlib

import h5py
import numpy as np
from PIL import Image


def texts(group):
    """texts of version 2, whose bytes and offsets have checksums"""
    for part in group.values():
        assert zlib.crc32(part[:].tobytes()) == part.attrs["crc32"], part.name
    return [bytes(part).decode() for part in np.split(group["bytes"][:], group["offsets"][1:-1])]


def main():
    directory, root = map(pathlib.Path, sys.argv[1:3])
    manifest = json.loads((directory / "manifest.json").read_text())
    images = samples = differing = 0
    found = {}
    for entry in manifest["shards"]:
        path = directory / entry["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"], path
        with h5py.File(path) as shard:
            assert shard.attrs["format_version"] == 2
            assert shard.attrs["transform_id"].decode() == manifest["transform"]["id"]
            assert json.loads(shard.attrs["transform_settings"]) == manifest["transform"]["settings"]
            pixels = shard["/images/pixels"]
            assert pixels.dtype == np.uint8 and pixels.chunks is None
            assert [zlib.crc32(image.tobytes()) for image in pixels] == list(shard["/images/checksum"])
            names = texts(shard["/images/id"])
            size = pixels.shape[1]
            for name, stored in zip(names, pixels[:]):
                expected = np.asarray(Image.open(root / name).convert("RGB").resize((size, size), Image.BICUBIC))
                if stored.ndim == 2:
                    stored = np.repeat(stored[:, :, None], 3, axis=2)
                if not np.array_equal(stored, expected):
                    print("differs:", name, int(np.abs(stored.astype(int) - expected).max()))
                    differing += 1
            images += len(names)
            rows = shard["/samples/image"][:]
            assert rows.dtype == np.int32 and (rows >= 0).all() and (rows < len(names)).all()
            columns = [texts(shard[f"/samples/{c}"]) for c in ("id", "question", "answer", "answer_type")]
            for row, sample, question, answer, kind in zip(rows, *columns):
                found[sample] = (names[row], question, answer, kind)
            samples += len(rows)
    print(images, "images,", differing, "differ from Pillow;", samples, "samples")
    if len(sys.argv) > 3:
        records = json.loads(pathlib.Path(sys.argv[3]).read_text())
        wrong = 0
        for index, record in enumerate(records):
            question = record.get("problem", "")
            answer = record["normal_caption"] if "problem" in record else record["caption"]
            wanted = (record["image"], question.strip(), str(answer).strip(), record.get("answer_type", ""))
            if found.get(str(record.get("id", index))) != wanted:
                wrong += 1
        print(len(records), "records,", wrong, "differ")
        differing += wrong
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
