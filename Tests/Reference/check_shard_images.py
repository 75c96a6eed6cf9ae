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
    found, named, shown = {}, {}, {}
    for entry in manifest["shards"]:
        path = directory / entry["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"], path
        with h5py.File(path) as shard:
            version = shard.attrs["format_version"]
            assert version == manifest["version"] and version in (2, 3)
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
            if version == 2:
                rows = shard["/samples/image"][:]
                assert rows.dtype == np.int32 and (rows >= 0).all() and (rows < len(names)).all()
                lists = [[images + row] for row in rows]
                named |= {images + row: name for row, name in enumerate(names)}
            else:
                numbers, parts = shard["/images/number"], shard["/samples/images"]
                for part in (numbers, parts["numbers"], parts["offsets"]):
                    assert part.dtype == np.int64 and zlib.crc32(part[:].tobytes()) == part.attrs["crc32"], part.name
                assert list(numbers) == sorted(set(numbers)) and (not named or numbers[0] > max(named))
                lists = np.split(parts["numbers"][:], parts["offsets"][1:-1])
                named |= dict(zip(numbers[:], names))
            images += len(names)
            columns = [texts(shard[f"/samples/{c}"]) for c in ("id", "question", "answer", "answer_type")]
            for numbers, sample, question, answer, kind in zip(lists, *columns, strict=True):
                found[sample], shown[sample] = (question, answer, kind), numbers
            samples += len(lists)
    print(images, "images,", differing, "differ from Pillow;", samples, "samples")
    if len(sys.argv) > 3:
        records = json.loads(pathlib.Path(sys.argv[3]).read_text())
        wrong = 0
        for index, record in enumerate(records):
            question = record.get("problem", "")
            answer = record["normal_caption"] if "problem" in record else record["caption"]
            listed = record["image"] if isinstance(record["image"], list) else [record["image"]]
            wanted = (question.strip(), str(answer).strip(), record.get("answer_type", ""))
            name = str(record.get("id", index))
            if found.get(name) != wanted or [named[number] for number in shown[name]] != listed:
                wrong += 1
        print(len(records), "records,", wrong, "differ")
        differing += wrong
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
