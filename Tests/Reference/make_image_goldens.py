"""Writes Tests/CarinaTests/Goldens/data: tiny images of every kind, and what Pillow makes of them. filters.json has
the other filters: one digest over the results for all targets, for each source, number of channels and order of passes.

usage: python make_image_goldens.py            (needs Pillow 13 or later and numpy)
Pillow up to 12 resizes tall images in another order of passes; those cases are computed here from its single passes.
"""

import hashlib
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "CarinaTests" / "Goldens" / "data"
IMAGES = OUT / "images"
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def pack_rows(values, depth):
    """Filter type 0 rows of an [h, w, c] array."""
    h, w, c = values.shape
    if depth == 16:
        rows = values.astype(">u2").reshape(h, -1).view(np.uint8)
    elif depth == 8:
        rows = values.astype(np.uint8).reshape(h, -1)
    else:
        bits = np.unpackbits(values.astype(np.uint8).reshape(h, w, 1), axis=2)[:, :, 8 - depth:].reshape(h, -1)
        rows = np.packbits(bits, axis=1)
    return b"".join(b"\0" + row.tobytes() for row in rows)


def write_png(values, depth, colour, palette=None, transparency=None, interlaced=False):
    h, w, _ = values.shape
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, int(interlaced)))
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparency is not None:
        out += chunk(b"tRNS", transparency)
    if interlaced:
        raw = b""
        for x0, y0, dx, dy in ADAM7:
            part = values[y0::dy, x0::dx]
            if part.size:
                raw += pack_rows(part, depth)
    else:
        raw = pack_rows(values, depth)
    data = zlib.compress(raw, 9)
    return out + chunk(b"IDAT", data[: len(data) // 2]) + chunk(b"IDAT", data[len(data) // 2:]) + chunk(b"IEND", b"")


def picture(w, h, c, seed):
    """Smooth shapes with an edge and some noise, 0...1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    planes = [
        0.5 + 0.4 * np.sin(x / w * (3 + i) + y / h * (5 - i)) * np.cos(y / h * 4)
        - 0.3 * ((x - w / 2) ** 2 + (y - h / 2) ** 2 < (min(w, h) / (3 + i)) ** 2) for i in range(c)]
    return np.clip(np.stack(planes, 2) + rng.normal(0, 0.05, (h, w, c)), 0, 1)


def scaled(values, depth):
    return np.round(values * (2 ** depth - 1)).astype(np.uint32)


def make_pngs():
    files = {}
    for depth in (1, 2, 4, 8, 16):
        files[f"grey{depth}.png"] = write_png(scaled(picture(13, 9, 1, depth), depth), depth, 0)
        files[f"grey{depth}-interlaced.png"] = write_png(
            scaled(picture(13, 9, 1, depth), depth), depth, 0, interlaced=True)
    for depth in (1, 2, 4, 8):
        palette = np.random.default_rng(depth).integers(0, 256, (2 ** depth, 3))
        indices = scaled(picture(11, 7, 1, depth), depth)
        files[f"palette{depth}.png"] = write_png(indices, depth, 3, palette)
        files[f"palette{depth}-transparent-interlaced.png"] = write_png(
            indices, depth, 3, palette, bytes([0, 128]), interlaced=True)
    files["palette8-short.png"] = write_png(
        np.array([[[0], [1], [2], [3], [200]]]), 8, 3, np.array([[10, 20, 30], [40, 50, 60]]))
    for depth in (8, 16):
        for name, colour, c in (("rgb", 2, 3), ("grey-alpha", 4, 2), ("rgba", 6, 4)):
            for interlaced in (False, True):
                suffix = "-interlaced" if interlaced else ""
                files[f"{name}{depth}{suffix}.png"] = write_png(
                    scaled(picture(10, 12, c, depth + c), depth), depth, colour, interlaced=interlaced)
    files["grey8-transparent.png"] = write_png(
        scaled(picture(9, 9, 1, 5), 8), 8, 0, transparency=struct.pack(">H", 100))
    files["rgb8-transparent.png"] = write_png(
        scaled(picture(9, 9, 3, 6), 8), 8, 2, transparency=struct.pack(">HHH", 1, 2, 3))
    files["one-pixel.png"] = write_png(np.array([[[77]]]), 8, 0)
    return files


def make_jpegs():
    files = {}

    def save(name, mode, w, h, **options):
        c = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
        values = scaled(picture(w, h, c, len(name)), 8).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(values[:, :, 0] if c == 1 else values, mode).save(stream, "JPEG", **options)
        files[name] = stream.getvalue()

    save("grey.jpg", "L", 37, 29, quality=80)
    save("grey-progressive.jpg", "L", 37, 29, quality=80, progressive=True)
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        save(f"colour-{name}.jpg", "RGB", 43, 31, quality=85, subsampling=sampling)
        save(f"colour-{name}-progressive.jpg", "RGB", 43, 31, quality=85, subsampling=sampling, progressive=True)
    save("colour-low-quality.jpg", "RGB", 64, 50, quality=10)
    save("colour-restarts.jpg", "RGB", 50, 34, quality=85, restart_marker_blocks=2)
    save("rgb-stored.jpg", "RGB", 25, 21, quality=90, keep_rgb=True)
    save("cmyk.jpg", "CMYK", 23, 19, quality=90)
    # The same file declared as YCCK: byte 11 of the Adobe marker's body is the colour transform.
    cmyk = bytearray(files["cmyk.jpg"])
    cmyk[cmyk.index(b"Adobe") + 11] = 2
    files["ycck.jpg"] = bytes(cmyk)
    save("one-pixel.jpg", "L", 1, 1)
    return files


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def fast(data):
    """Decoded at a part of the size and resized to s x s, for those s for which Pillow decodes at the same part."""
    cases = {}
    for s in (6, 7, 8, 12):
        image = Image.open(io.BytesIO(data))
        if image.format != "JPEG":
            continue
        w, h = image.size
        eighths = next((n for n in range(1, 8) if -(-min(w, h) * n // 8) >= s), 8)
        image.draft(None, (s, s))
        if eighths < 8 and image.size == (-(-w * eighths // 8), -(-h * eighths // 8)):
            cases[str(s)] = digest(np.asarray(image.convert("RGB").resize((s, s), Image.BICUBIC)))
    return cases


def describe(data):
    image = Image.open(io.BytesIO(data))
    if image.mode == "I;16" or data[24:25] == b"\x10" and data[:4] == b"\x89PNG":
        return None
    rgb = image.convert("RGB")
    return {
        "mode": image.mode, "width": rgb.width, "height": rgb.height, "rgb": digest(np.asarray(rgb)),
        "resized": {str(s): digest(np.asarray(rgb.resize((s, s), Image.BICUBIC))) for s in (8, 24, 96)},
        "fast": fast(data), "luma24": digest(np.asarray(rgb.convert("L").resize((24, 24), Image.BICUBIC))),
        "first": np.asarray(rgb).reshape(-1, 3)[:4].tolist(),
    }


def noise(w, h, c):
    """The pixels that the test makes too: bits 16...23 of a linear congruential generator."""
    count = w * h * c
    state = np.empty(count, np.uint32)
    value = (w * 73856093 ^ h * 19349663 ^ c * 83492791) & 0xFFFFFFFF
    for i in range(count):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
        state[i] = value
    return ((state >> 16) & 255).astype(np.uint8).reshape(h, w, c)


def resized(values, w, h, filter=Image.BICUBIC):
    c = values.shape[2]
    image = Image.fromarray(values[:, :, 0] if c == 1 else values)
    return np.asarray(image.resize((w, h), filter)).reshape(h, w, c)


SOURCES = [(1, 1), (1, 7), (7, 1), (3, 5), (16, 16), (17, 33), (64, 50), (5, 120), (120, 5), (97, 101), (2, 64)]
TARGETS = [(1, 1), (2, 3), (13, 7), (16, 16), (33, 40), (96, 96)]


def make_filters(files):
    """Every filter over every source, up and down, and over whole files."""
    result = {}
    for filter in Image.Resampling:
        cases = []
        for w, h in SOURCES:
            for c in (1, 3):
                values = noise(w, h, c)
                adaptive = b"".join(resized(values, tw, th, filter).tobytes() for tw, th in TARGETS)
                first = b"".join(
                    resized(resized(values, tw, h, filter), tw, th, filter).tobytes() for tw, th in TARGETS)
                cases.append({"source": [w, h, c], "adaptive": hashlib.sha256(adaptive).hexdigest(),
                              "horizontalFirst": hashlib.sha256(first).hexdigest()})
        images = {}
        for name in ("grey8.png", "rgb8.png", "colour-420.jpg"):
            rgb = Image.open(io.BytesIO(files[name])).convert("RGB")
            images[name] = {str(s): digest(np.asarray(rgb.resize((s, s), filter))) for s in (8, 24, 96)}
        result[filter.name.lower()] = {"number": int(filter), "cases": cases, "images": images}
    return {"pillow": PIL.__version__, "targets": TARGETS, "filters": result}


def make_resizes():
    cases = []
    for w, h in SOURCES:
        for tw, th in TARGETS:
            for c in (1, 3):
                values = noise(w, h, c)
                horizontal_first = resized(resized(values, tw, h), tw, th)
                cases.append({
                    "source": [w, h, c], "target": [tw, th], "adaptive": digest(resized(values, tw, th)),
                    "horizontalFirst": digest(horizontal_first)})
    small = noise(5, 4, 1)
    return cases, {"source": small[:, :, 0].tolist(), "target": resized(small, 3, 3)[:, :, 0].tolist()}


def windowed(values):
    """The three window policies over 16-bit values, in integers; percentiles by numpy."""
    wide = values.astype(np.int64)

    def spread(low, high):
        clipped = np.clip(wide - low, 0, high - low)
        return ((2 * clipped * 255 + (high - low)) // (2 * (high - low))).astype(np.uint8)

    low, high = np.percentile(wide, [5, 90], method="inverted_cdf")
    return {
        "minmax": digest(spread(wide.min(), wide.max())), "full": digest(spread(0, 65535)),
        "percentile:5.0,90.0": digest(spread(int(low), int(high))),
    }


def main():
    assert int(PIL.__version__.split(".")[0]) >= 13, "these goldens are those of Pillow 13"
    IMAGES.mkdir(parents=True, exist_ok=True)
    for old in IMAGES.iterdir():
        old.unlink()
    files = {**make_pngs(), **make_jpegs()}
    described = {}
    for name, data in sorted(files.items()):
        (IMAGES / name).write_bytes(data)
        described[name] = describe(data)
    cases, example = make_resizes()
    wide = Image.open(IMAGES / "grey16.png")
    golden = {
        "pillow": PIL.__version__, "images": described, "resizes": cases, "resizeExample": example,
        "grey16": np.asarray(wide).astype(int).tolist(), "windows": windowed(np.asarray(wide)),
    }
    (OUT / "images.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    (OUT / "filters.json").write_text(json.dumps(make_filters(files), indent=1, sort_keys=True) + "\n")
    print(len(files), "images,", sum(len(d) for d in files.values()), "bytes,", len(cases), "resizes")


if __name__ == "__main__":
    main()
