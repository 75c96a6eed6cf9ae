"""Writes Tests/CarinaTests/Goldens/data/foreign-shards: a shard directory made by h5py alone, from the description of
the format, with rows that preprocess would never write so (compressed in one shard, contiguous in the other).

usage: python make_shard_image_goldens.py     (needs h5py and numpy)
"""

import hashlib
import json
import pathlib

import h5py
import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "data" / "foreign-shards"
SIZE = 8
SETTINGS = {
    "aspect": "squash", "colour": "keep", "deviation": [0.5, 0.5, 0.5], "filter": "bicubic-antialias",
    "mean": [0.5, 0.5, 0.5], "passes": "pillow-13", "rescale": 1 / 255, "size": SIZE, "version": 1, "window": None,
}


def pixels(row, channels):
    """value = 7 row + 3 y + 5 x + 11 c, modulo 256"""
    y, x, c = np.mgrid[0:SIZE, 0:SIZE, 0:channels]
    values = ((7 * row + 3 * y + 5 * x + 11 * c) % 256).astype(np.uint8)
    return values if channels == 3 else values[:, :, 0]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    identity = hashlib.sha256(json.dumps(SETTINGS, sort_keys=True).encode()).hexdigest()[:16]
    text = h5py.string_dtype("utf-8")
    shards, first = [], 0
    for index, (count, channels, options) in enumerate(((3, 1, {"chunks": (1, 8, 8), "compression": "gzip"}), (2, 3, {}))):
        path = OUT / f"shard-{index:05d}.h5"
        rows = range(first, first + count)
        with h5py.File(path, "w") as file:
            file.attrs["format_version"] = 1
            file.attrs["transform_id"] = identity
            file.attrs["transform_settings"] = json.dumps(SETTINGS)
            file.attrs["split"] = "held out"
            file.attrs["source_digest"] = "0" * 64
            file.create_dataset("/images/pixels", data=np.stack([pixels(r, channels) for r in rows]), **options)
            for name, values in {
                "id": [f"Bild {r} ä.png" for r in rows], "patient": [f"p{r}" for r in rows],
                "study": ["" for r in rows], "view": ["PA" for r in rows]}.items():
                file.create_dataset(f"/images/{name}", data=values, dtype=text)
            file.create_dataset("/samples/image", data=np.array([1, 0], np.int32))
            for name, values in {
                "id": [f"{index}-a", f"{index}-b"], "question": ["Is it?", ""], "answer": ["Yes – 肺", "A caption."],
                "answer_type": ["CLOSED", ""], "question_type": ["", ""]}.items():
                file.create_dataset(f"/samples/{name}", data=values, dtype=text)
        data = path.read_bytes()
        shards.append({
            "file": path.name, "images": count, "samples": 2, "channels": channels, "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest()})
        first += count
    manifest = {
        "format": "carina-shards", "version": 1, "split": "held out", "images": first, "samples": 4,
        "rejected": {"images": 0, "samples": 0}, "source": {"name": "none", "sha256": "0" * 64},
        "transform": {"id": identity, "settings": SETTINGS}, "shards": shards}
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
