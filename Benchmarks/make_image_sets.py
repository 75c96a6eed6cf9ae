"""Makes the sets of files that `bench images` was measured on from a directory of radiographs.

usage: make_image_sets.py SOURCE OUT     (Pillow and numpy)

OUT gets q80, q92 and q92g (JPEG, grey, 2,000 x 2,500; g: with grain of two grey levels) and png (1,024 x 1,024, with grain), a hundred files
each. When SOURCE has fewer, they come again mirrored and turned, which matters to nobody who only decodes them."""
import glob, os, sys
import numpy as np
from PIL import Image

source, out = sys.argv[1:3]
files = sorted(path for path in glob.glob(source + "/**/*", recursive=True) if path.lower().endswith((".png", ".jpg", ".jpeg")))
random = np.random.default_rng(0)


def radiograph(number, size):
    image = Image.open(files[number % len(files)]).convert("L").resize(size, Image.LANCZOS)
    return image if number < len(files) else image.transpose(Image.FLIP_LEFT_RIGHT).rotate(number)


def grained(image):
    values = np.asarray(image, np.float32)
    return Image.fromarray(np.clip(values + random.normal(0, 2, values.shape), 0, 255).astype(np.uint8))


for name, quality in ("q80", 80), ("q92", 92), ("q92g", 92), ("png", None):
    os.makedirs(f"{out}/{name}", exist_ok=True)
    for number in range(100):
        if quality is None:
            grained(radiograph(number, (1024, 1024))).save(f"{out}/{name}/{number:03}.png")
        else:
            image = radiograph(number, (2000, 2500))
            (grained(image) if name.endswith("g") else image).save(f"{out}/{name}/{number:03}.jpg", quality=quality)
    sizes = [os.path.getsize(path) for path in glob.glob(f"{out}/{name}/*")]
    print(f"{name}: {len(sizes)} files of {sum(sizes) / len(sizes) / 1e6:.2f} MB on average")
