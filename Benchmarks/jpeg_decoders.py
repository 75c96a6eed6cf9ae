"""Times other decoders with scaled cosine transforms, on one core: what `--fast-decode` could gain from another library.

usage: jpeg_decoders.py DIRECTORY [SIZE]     (Pillow, and simplejpeg, which brings libjpeg-turbo 3)"""
import glob, io, sys, time
import simplejpeg
from PIL import Image

size = int(sys.argv[2]) if len(sys.argv) > 2 else 384
files = [open(path, "rb").read() for path in sorted(glob.glob(sys.argv[1] + "/*.jpg"))[:30]]
scaled = {"min_height": size, "min_width": size, "min_factor": 1.0}


def draft(data):
    image = Image.open(io.BytesIO(data))
    image.draft("L", (size, size))
    image.load()


for name, decode in (
    ("simplejpeg, whole", lambda data: simplejpeg.decode_jpeg(data, colorspace="GRAY")),
    ("simplejpeg, scaled", lambda data: simplejpeg.decode_jpeg(data, colorspace="GRAY", **scaled)),
    ("simplejpeg, scaled, fast transform", lambda data: simplejpeg.decode_jpeg(data, colorspace="GRAY", fastdct=True, **scaled)),
    ("Pillow's draft", draft),
):
    start = time.perf_counter()
    for data in files:
        decode(data)
    print(f"{name}: {(time.perf_counter() - start) / len(files) * 1e3:.1f} ms an image")
