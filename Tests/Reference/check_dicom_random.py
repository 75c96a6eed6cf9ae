"""Random chest-like DICOM files of every transfer syntax through preprocess, compared with pydicom value by value.

usage: python check_dicom_random.py PREPROCESS [--count 200] [--seed 1] [--syntax WORD] [--keep DIR]
(needs what make_dicom_goldens.py needs, h5py, and the program dcmcjpls of DCMTK)

COUNT files a syntax: 8 to 16 bits in 8 or 16, signed or not, both photometric interpretations, odd sizes, padding, slopes, windows of every
function, tables, encoders and their options by chance. The longer side is the image size and the rest is padded, so that nothing is
resampled. Each policy of --window is one run. High-Throughput JPEG 2000 may be refused by its name instead, by an OpenJPEG before 2.5.1. Exits with 1 when a file differs, is refused, or is read where the reference has no answer.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import h5py
import imagecodecs
import numpy as np
import pydicom
from pydicom.uid import (HTJ2K, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, HTJ2KLossless,
                         HTJ2KLosslessRPCL, ImplicitVRLittleEndian, JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit,
                         JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless, RLELossless)

import dicom_golden_pieces as goldens
from make_dicom_goldens import grey, read

SIDE = 61
POLICIES = ["voi", "minmax", "percentile:0.5,99.5", "full"]
SYNTAXES = {
    "implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian, "rle": RLELossless, "jpeg-baseline": JPEGBaseline8Bit,
    "jpeg-extended": JPEGExtended12Bit, "jpeg-lossless": JPEGLossless, "jpeg-lossless-first": JPEGLosslessSV1,
    "jpeg-ls": JPEGLSLossless, "jpeg-ls-near": JPEGLSNearLossless, "jpeg-2000-lossless": JPEG2000Lossless,
    "jpeg-2000": JPEG2000, "htj2k-lossless": HTJ2KLossless, "htj2k-rpcl": HTJ2KLosslessRPCL, "htj2k": HTJ2K,
}


def picture(rng, bits, signed):
    """A field bright in the middle with two dark lungs and noise, of odd and even sizes."""
    other = int(rng.integers(1, SIDE + 1)) if rng.random() < 0.15 else int(rng.integers(SIDE // 2, SIDE + 1))
    height, width = (SIDE, other) if rng.random() < 0.5 else (other, SIDE)
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / max(height, 2), x / max(width, 2)
    part = 0.75 - 0.4 * np.exp(-((x - 0.3) ** 2 + (y - 0.5) ** 2) / 0.03) - 0.4 * np.exp(-((x - 0.7) ** 2 + (y - 0.5) ** 2) / 0.03)
    part = part * rng.uniform(0.4, 1.2) + rng.normal(0, rng.choice([0, 0.01, 0.2]), (height, width)) + rng.uniform(0, 0.1)
    values = np.round(np.clip(part, 0, 1) * (2 ** bits - 1)).astype(np.int64)
    return values - 2 ** (bits - 1) if signed else values


def radiograph(rng, syntax):
    """A data set with its stored values, not yet compressed."""
    lossy = syntax in (JPEGBaseline8Bit, JPEGExtended12Bit)
    bits = 8 if syntax == JPEGBaseline8Bit else int(rng.integers(9, 13)) if lossy else int(rng.integers(8, 17))
    signed = not lossy and rng.random() < 0.35
    values = picture(rng, bits, signed)
    low, high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2 ** bits - 1)
    more = {}
    kind = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
    slope, intercept = 1.0, 0.0
    draw = rng.random()
    if draw < 0.3:
        slope, intercept = float(rng.choice([0.5, 2, -1, 1, 0.25])), float(rng.choice([-1024, 0, 7.5, 100]))
        more.update(RescaleSlope=slope, RescaleIntercept=intercept)
    elif draw < 0.4:
        curve = np.round(4095 * (np.arange(3000) / 2999) ** 0.7).astype(int)
        # The first entry of a table of an unsigned image is unsigned.
        more["ModalityLUTSequence"] = goldens.table(curve, int(rng.integers(max(low, -30000), 300)) if signed else 300, 12, "ModalityLUTSequence", signed, kind)
    if rng.random() < 0.8:
        ends = sorted((low * slope + intercept, high * slope + intercept)) if draw >= 0.4 or draw < 0.3 else (0, 4095)
        width = float(np.round(rng.uniform(0.1, 1.2) * (ends[1] - ends[0]) + 2, 2))
        center = float(np.round(rng.uniform(ends[0], ends[1]), 2))
        several = rng.random() < 0.3
        more.update(WindowCenter=[center, 5] if several else center, WindowWidth=[width, 9] if several else width)
        function = rng.choice(["", "LINEAR", "LINEAR_EXACT", "SIGMOID"])
        if function:
            more["VOILUTFunction"] = str(function)
    elif rng.random() < 0.6 and draw >= 0.4:
        count, depth = int(rng.integers(100, 4097)), int(rng.choice([10, 12, 16]))
        curve = np.round((2 ** depth - 1) * (np.arange(count) / (count - 1)) ** rng.uniform(0.3, 3)).astype(int)
        more["VOILUTSequence"] = goldens.table(curve, low // 2 if signed else high // 4, depth, "VOILUTSequence", signed, kind)
    if not lossy and rng.random() < 0.25:
        padding = low if rng.random() < 0.7 else high
        values[:, :max(1, values.shape[1] // 9)] = padding
        more["PixelPaddingValue"] = padding
    # pydicom's encoder of RLE writes files that it does not read where 8 bits lie in 16.
    allocated = 16 if bits > 8 or (syntax not in (JPEGBaseline8Bit, RLELossless) and rng.random() < 0.3) else 8
    photometric = "MONOCHROME1" if rng.random() < 0.4 else "MONOCHROME2"
    written = syntax if syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian) else ExplicitVRLittleEndian
    if values.size % 2 and allocated == 8:
        # The length of pixel data is even.
        ds = goldens.dataset(values, bits, photometric, signed, written, allocated, **more)
        ds.PixelData = ds.PixelData + b"\0"
    else:
        ds = goldens.dataset(values, bits, photometric, signed, written, allocated, **more)
    return ds, values, bits, signed


def words(values, bits):
    return (values & (2 ** bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def wavelet(rng, values, bits, signed, lossy):
    """A codestream of imagecodecs or of opj_compress with options by chance."""
    if signed and rng.random() < 0.5:
        # As some encoders have it: without sign, whatever the pixels are.
        signed, values = False, values & (2 ** bits - 1)
    def plain():
        # With the bits stored or, as an encoder that knows those allocated alone, with all of them.
        precision = bits if rng.random() < 0.7 else 8 if bits <= 8 else 16
        kind = {(False, False): np.uint8, (True, False): np.uint16, (False, True): np.int8, (True, True): np.int16}[precision > 8, signed]
        options = {"level": float(rng.uniform(25, 60))} if lossy else {}
        return imagecodecs.jpeg2k_encode(values.astype(kind), codecformat="J2K" if rng.random() < 0.9 else "JP2", bitspersample=precision, **options)

    if rng.random() < 0.5:
        return plain()
    smallest = min(values.shape)
    most = max(1, min(6, int(np.log2(smallest)) + 1))
    options = ["-n", str(int(rng.integers(1, most + 1))), "-p", str(rng.choice(["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"]))]
    if rng.random() < 0.4:
        side = int(rng.integers(16, 64))
        options[1] = "1" if smallest < 32 else "2"
        options += ["-t", f"{side},{side + 5}"]
    if rng.random() < 0.4:
        options += ["-b", str(rng.choice(["4,4", "8,32", "16,16", "64,64"]))]
    if rng.random() < 0.3:
        options += ["-SOP", "-EPH"]
    if rng.random() < 0.3:
        options += ["-M", str(int(rng.integers(1, 64)))]
    if lossy:
        options += ["-r", str(rng.choice(["20", "12,6", "30,10,3"]))] + (["-I"] if rng.random() < 0.7 else [])
    try:
        return goldens.opj_compress(values, bits, *options, signed=signed)
    except subprocess.CalledProcessError:
        # It refuses some depths, and tiles that are smaller than their resolutions, which the last ones may be.
        return plain()


def compress(rng, ds, values, bits, signed, syntax):
    """The file in a transfer syntax."""
    if syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian):
        return goldens.encoded(ds)
    if syntax == DeflatedExplicitVRLittleEndian:
        ds.file_meta.TransferSyntaxUID = syntax
        return goldens.encoded(ds)
    if syntax == RLELossless:
        return goldens.compressed(ds, syntax)
    if syntax == JPEGBaseline8Bit:
        stream = goldens.jpeg_stream(values, quality=int(rng.integers(40, 96)))
        return goldens.under(ds, syntax, stream)
    if syntax == JPEGExtended12Bit:
        return goldens.fixed(goldens.tool("dcmcjpeg", goldens.encoded(ds), "+ee", "+q", str(int(rng.integers(60, 96)))))
    if syntax == JPEGLossless:
        return goldens.fixed(goldens.tool("dcmcjpeg", goldens.encoded(ds), "+el", "+sv", str(int(rng.integers(1, 8)))))
    if syntax == JPEGLosslessSV1:
        return goldens.fixed(goldens.tool("dcmcjpeg", goldens.encoded(ds), "+e1"))
    if syntax in (JPEGLSLossless, JPEGLSNearLossless):
        near = syntax == JPEGLSNearLossless
        error = int(rng.integers(1, 6)) if near else 0
        # dcmcjpls writes signed values as bits stored in a precision of 16, which pydicom takes for unsigned ones.
        if rng.random() < 0.3 and ds.BitsAllocated == (8 if bits <= 8 else 16) and not signed:
            options = ["+en", "+md", str(error)] if near else ["+el"]
            try:
                return goldens.fixed(goldens.tool("dcmcjpls", goldens.encoded(ds), *options))
            except subprocess.CalledProcessError:
                pass  # It refuses some errors that near-lossless coding allows.
        return goldens.under(ds, syntax, goldens.jpeg_ls(words(values, bits), error))
    if syntax in (JPEG2000Lossless, JPEG2000):
        return goldens.under(ds, syntax, wavelet(rng, values, bits, signed, syntax == JPEG2000))
    options = {"level": float(rng.uniform(0.001, 0.02))} if syntax == HTJ2K else {}
    return goldens.under(ds, syntax, imagecodecs.htj2k_encode(words(values, bits), **options))


def padded(grey):
    """As --aspect pad lays it: in the middle of black."""
    square = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - grey.shape[0]) // 2, (SIDE - grey.shape[1]) // 2
    square[top:top + grey.shape[0], left:left + grey.shape[1]] = grey
    return square


def stored(directory):
    """The pixels of every image that preprocess stored, and the reasons of the others."""
    pixels = {}
    for shard in sorted(directory.glob("shard-*.h5")):
        with h5py.File(shard) as file:
            parts = np.split(file["images/id/bytes"][:], file["images/id/offsets"][1:-1])
            names = [bytes(part).decode() for part in parts]
            for name, values in zip(names, file["images/pixels"][:]):
                pixels[name] = values
    rejected = {(line := json.loads(text))["path"]: line["reason"] for text in (directory / "rejected.jsonl").read_text().splitlines()}
    return pixels, rejected


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("preprocess")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--syntax", default="", help="only syntaxes whose name holds this")
    parser.add_argument("--keep", help="a directory for files that differ")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "images").mkdir()
        files = {}
        for number, (name, syntax) in enumerate(SYNTAXES.items()):
            if arguments.syntax not in name:
                continue
            for index in range(arguments.count):
                rng = np.random.default_rng([arguments.seed, number, index])
                data = compress(rng, *radiograph(rng, syntax), syntax)
                file = f"{name}-{index}.dcm"
                (work / "images" / file).write_bytes(data)
                files[file] = name
        (work / "records.json").write_text(json.dumps([{"image": file, "caption": "c"} for file in files]))
        for policy in POLICIES:
            output = work / policy.split(":")[0]
            subprocess.run([arguments.preprocess, "--json", work / "records.json", "--image-root", work / "images", "--output", output,
                            "--image-size", str(SIDE), "--aspect", "pad", "--window", policy, "--max-rejected", "1", "--log-level", "error"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            pixels, rejected = stored(output)
            counts = {}
            for file, name in files.items():
                ds = read((work / "images" / file).read_bytes())
                expected = grey(ds, policy)
                equal = file in rejected if expected is None else file in pixels and np.array_equal(pixels[file], padded(expected))
                is_refused = "High-Throughput JPEG 2000 is not decoded with OpenJPEG" in rejected.get(file, "")
                counts.setdefault(name + " (refused)" * is_refused, [0, 0])[0 if equal or is_refused else 1] += 1
                if not equal and not is_refused:
                    wrong += 1
                    reason = rejected.get(file, "other pixels")
                    print(f"{policy} {file}: {'is to be refused' if expected is None else reason}", file=sys.stderr)
                    if arguments.keep:
                        pathlib.Path(arguments.keep).mkdir(parents=True, exist_ok=True)
                        (pathlib.Path(arguments.keep) / file).write_bytes((work / "images" / file).read_bytes())
            print(policy, ", ".join(f"{name} {right} of {right + bad}" for name, (right, bad) in counts.items()), flush=True)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
