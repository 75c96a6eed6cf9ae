"""Writes Tests/CarinaTests/Goldens/data/foreign-shards, foreign-shards-2 and foreign-shards-lzf: shard directories made by
h5py alone, from the description of the format (versions 1, 2 and 2), with rows and texts that preprocess would never write
so: compressed, in chunks that are no rows, in the file format of the newest library. And features-v1.h5, an empty file of kept vision features of version 1, whose attributes are texts of
any length.

usage: python make_shard_image_goldens.py     (needs h5py and numpy)
"""

import hashlib
import json
import pathlib
import zlib

import h5py
import numpy as np

DATA = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "data"
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


def columns(index, rows):
    """the texts of a shard"""
    return {
        "/images/id": [f"Bild {r} ä.png" for r in rows], "/images/patient": [f"p{r}" for r in rows],
        "/images/study": ["" for r in rows], "/images/view": ["PA" for r in rows],
        "/samples/id": [f"{index}-a", f"{index}-b"], "/samples/question": ["Is it?", ""],
        "/samples/answer": ["Yes – 肺", "A caption."], "/samples/answer_type": ["CLOSED", ""],
        "/samples/question_type": ["", ""]}


def write_1(file, index, rows, stored, options):
    file.create_dataset("/images/pixels", data=stored, **options)
    for name, values in columns(index, rows).items():
        if name == "/samples/id":
            file.create_dataset("/samples/image", data=np.array([1, 0], np.int32))
        file.create_dataset(name, data=values, dtype=h5py.string_dtype("utf-8"))


def write_2(file, index, rows, stored, options):
    """everything but the pixels has its CRC-32 as an attribute, the pixels one an image"""
    def add(name, values, **options):
        dataset = file.create_dataset(name, data=values, **options)
        dataset.attrs["crc32"] = zlib.crc32(values.tobytes())

    file.create_dataset("/images/pixels", data=stored, **options)
    add("/images/checksum", np.array([zlib.crc32(image.tobytes()) for image in stored], np.uint32))
    add("/samples/image", np.array([1, 0], np.int32))
    packed = {"compression": "gzip", "shuffle": True} if options else {}
    for name, values in columns(index, rows).items():
        texts = [value.encode() for value in values]
        add(f"{name}/bytes", np.frombuffer(b"".join(texts), np.uint8), **(packed if any(texts) else {}))
        add(f"{name}/offsets", np.cumsum([0] + [len(text) for text in texts], dtype=np.int64), **packed)


def directory(name, version, write, shapes):
    out = DATA / name
    out.mkdir(parents=True, exist_ok=True)
    identity = hashlib.sha256(json.dumps(SETTINGS, sort_keys=True).encode()).hexdigest()[:16]
    shards, first = [], 0
    for index, (count, channels, options, library) in enumerate(shapes):
        path = out / f"shard-{index:05d}.h5"
        rows = range(first, first + count)
        with h5py.File(path, "w", **library) as file:
            file.attrs["format_version"] = version
            file.attrs["transform_id"] = identity
            file.attrs["transform_settings"] = json.dumps(SETTINGS)
            file.attrs["split"] = "held out"
            file.attrs["source_digest"] = "0" * 64
            write(file, index, rows, np.stack([pixels(r, channels) for r in rows]), options)
        data = path.read_bytes()
        shards.append({
            "file": path.name, "images": count, "samples": 2, "channels": channels, "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest()})
        first += count
    manifest = {
        "format": "carina-shards", "version": version, "split": "held out", "images": first, "samples": 2 * len(shards),
        "rejected": {"images": 0, "samples": 0}, "source": {"name": "none", "sha256": "0" * 64},
        "transform": {"id": identity, "settings": SETTINGS}, "shards": shards}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def features():
    """16 images of 3 rows of 5, all datasets in one run that is there from the start"""
    settings = SETTINGS | {"size": 16}
    line = json.dumps(settings, sort_keys=True)
    with h5py.File(DATA / "features-v1.h5", "w") as file:
        for name, value in {
            "format": "carina-vision-features", "weights_sha256": "a" * 64, "encoder": "{}",
            "transform_id": hashlib.sha256(line.encode()).hexdigest()[:16], "transform_settings": line,
            "element_type": "bfloat16"}.items():
            file.attrs[name] = value
        file.attrs.create("format_version", 1, dtype=np.int32)
        for name, shape, kind in (
            ("/images/digest", (16, 32), h5py.h5t.STD_U8LE), ("/images/checksum", (16, 32), h5py.h5t.STD_U8LE),
            ("/places/records", (64, 64), h5py.h5t.STD_U8LE), ("/shards/records", (8, 64), h5py.h5t.STD_U8LE),
            ("/images/features", (16, 3, 5), h5py.h5t.STD_U16LE)):
            creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            group = file.require_group(name.rsplit("/", 1)[0])
            h5py.h5d.create(group.id, name.rsplit("/", 1)[1].encode(), kind, h5py.h5s.create_simple(shape), creation)


def main():
    directory("foreign-shards", 1, write_1, ((3, 1, {"chunks": (1, 8, 8), "compression": "gzip"}, {}), (2, 3, {}, {})))
    directory("foreign-shards-2", 2, write_2, (
        (3, 1, {"chunks": (2, 5, 3), "compression": "gzip", "shuffle": True}, {}), (2, 3, {}, {"libver": "latest"})))
    directory("foreign-shards-lzf", 2, write_2, ((2, 1, {"chunks": (1, 8, 8), "compression": "lzf"}, {"libver": ("v108", "v108")}),))
    features()


if __name__ == "__main__":
    main()
