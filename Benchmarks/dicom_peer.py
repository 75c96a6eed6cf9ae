"""What preprocess does to radiographs in DICOM, as people do it in Python: the peer of `bench images`.

usage: dicom_peer.py DIRECTORY OUT.h5     SIZE and PROCS in the environment     (pydicom, pylibjpeg-openjpeg, Pillow, h5py, numpy)

Pixels by pydicom and pylibjpeg, spread from minimum to maximum over 0...255, resized by Pillow, stored by h5py; PROCS processes.
With DECODE=1 in the environment the pixels are decoded and nothing else."""
import glob
import multiprocessing
import os
import sys
import time

import h5py
import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels import pixel_array

SIZE, PROCS = int(os.environ.get("SIZE", 384)), int(os.environ.get("PROCS", 2))


def picture(path):
    ds = pydicom.dcmread(path)
    values = pixel_array(ds, decoding_plugin="pylibjpeg" if ds.file_meta.TransferSyntaxUID.is_encapsulated else "")
    if os.environ.get("DECODE"):
        return None
    low, high = int(values.min()), int(values.max())
    grey = ((2 * (values.astype(np.int64) - low) * 255 + (high - low)) // (2 * max(high - low, 1))).astype(np.uint8)
    return np.asarray(Image.fromarray(grey).resize((SIZE, SIZE), Image.BICUBIC))


if __name__ == "__main__":
    files = sorted(glob.glob(sys.argv[1] + "/**/*.dcm", recursive=True))
    with multiprocessing.Pool(PROCS) as pool:
        pool.map(abs, range(PROCS))
        start = time.perf_counter()
        pictures = pool.map(picture, files, chunksize=1)
        if not os.environ.get("DECODE"):
            with h5py.File(sys.argv[2], "w") as file:
                file["images"] = np.stack(pictures)
        seconds = time.perf_counter() - start
    print(f"{len(files)} images in {seconds:.2f} s = {len(files) / seconds:.1f} img/s")
