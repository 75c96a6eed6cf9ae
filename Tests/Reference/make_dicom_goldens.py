"""Writes Tests/CarinaTests/Goldens/data/dicom: tiny DICOM files of every kind, and the grey that they mean.

usage: python make_dicom_goldens.py     (needs pydicom 3, pylibjpeg-libjpeg, pylibjpeg-openjpeg, pyjpegls, imagecodecs, numpy, Pillow, and
the programs dcmcjpeg and dcmconv of DCMTK, opj_compress of OpenJPEG)
dicom.json: "grey" has for each file and --window policy the SHA-256 of its pixels in 8 bits and the first eight of them;
pixels, modality and display tables are pydicom's, the way to 8 bits is computed here. "frames" has the same for files of
several frames: for each --frame, under minmax. "refused" has for each file that is not to be read words of the reason.
"""

import hashlib
import io
import json
import pathlib
import shutil

import imagecodecs
import numpy as np
import pydicom
from dicom_golden_files import readable, refused, several
from pydicom.encaps import generate_frames
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing, pixel_array
from pydicom.uid import (ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000TransferSyntaxes,
                         JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSTransferSyntaxes)

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "CarinaTests" / "Goldens" / "data" / "dicom"
POLICIES = ["voi", "minmax", "percentile:5.0,90.0", "full"]


def read(data):
    """The file as pydicom reads it by force; where it names no transfer syntax, the one whose encoding was found."""
    ds = pydicom.dcmread(io.BytesIO(data), force=True)
    if "TransferSyntaxUID" not in ds.file_meta:
        implicit, little = ds.original_encoding
        ds.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian)
    # Without a type in the file pydicom takes the descriptor of a table for unsigned, whatever the pixels are.
    for item in ds.get("VOILUTSequence", []):
        if ds.PixelRepresentation == 1 and item.LUTDescriptor[1] > 32767:
            item["LUTDescriptor"].VR = "SS"
            item.LUTDescriptor = [item.LUTDescriptor[0], item.LUTDescriptor[1] - 65536, item.LUTDescriptor[2]]
    return ds


def grey(ds, policy, frame=None):
    """The picture in 8 bits, or None where it is to be refused."""
    # Of lossy JPEG only decoders of one family agree to the last bit (pylibjpeg's is another and differs by one now and then):
    # Pillow's and, for 12 bits, imagecodecs' are libjpeg-turbo's, and DCMTK's is libjpeg's.
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax == JPEGExtended12Bit:
        stored = imagecodecs.jpeg8_decode(next(generate_frames(ds.PixelData, number_of_frames=1)))
    else:
        plugins = {JPEGBaseline8Bit: "pillow"} | {s: "pylibjpeg" for s in JPEG2000TransferSyntaxes}
        plugins |= {s: "pyjpegls" for s in JPEGLSTransferSyntaxes}
        stored = pixel_array(ds, decoding_plugin=plugins.get(syntax, ""), index=frame)
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(stored, ds)
        return (colours >> 8).astype(np.uint8) if colours.dtype == np.uint16 else colours
    if stored.ndim == 3:
        return stored
    bits = ds.BitsStored
    low, high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2 ** bits - 1)
    if "ModalityLUTSequence" in ds:
        # pydicom 3.0 knows tables of 8 and of 16 bits only.
        item = ds.ModalityLUTSequence[0]
        entries = np.frombuffer(item[0x00283006].value, ">u2" if syntax == ExplicitVRBigEndian else "<u2")
        values = entries[np.clip(stored.astype(int) - item.LUTDescriptor[1], 0, len(entries) - 1)].astype(np.float64)
    else:
        values = apply_modality_lut(stored, ds).astype(np.float64)
    first = ds.get("PixelPaddingValue")
    padding = np.zeros(stored.shape, bool)
    if first is not None:
        ends = sorted([first, ds.get("PixelPaddingRangeLimit", first)])
        padding = (stored >= ends[0]) & (stored <= ends[1])
    if policy == "voi" and "WindowCenter" in ds:
        if "ModalityLUTSequence" in ds:
            ends = np.array([0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1])
        else:
            ends = np.array([low, high]) * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
        part = (apply_windowing(values, ds, 0) - ends[0]) / (ends[1] - ends[0])
        result = np.floor(part * 255 + 0.5)
        result = 255 - result if ds.PhotometricInterpretation == "MONOCHROME1" else result
    elif policy == "voi" and "VOILUTSequence" in ds:
        part = apply_voi(stored.astype(np.int32), ds).astype(np.float64) / (2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1)
        result = np.floor(part * 255 + 0.5)
        result = 255 - result if ds.PhotometricInterpretation == "MONOCHROME1" else result
    elif policy == "voi" and bits > 8:
        return None
    else:
        # In the order in which they are displayed: small is dark.
        if "ModalityLUTSequence" in ds:
            low, high = 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        else:
            low, high = sorted(e * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0)) for e in (low, high))
        if ds.PhotometricInterpretation == "MONOCHROME1":
            values, low, high = -values, -high, -low
        shown = values[~padding] if not padding.all() else values
        if bits > 8 and policy == "minmax":
            low, high = shown.min(), shown.max()
        elif bits > 8 and policy.startswith("percentile"):
            low, high = np.percentile(shown, [float(p) for p in policy.split(":")[1].split(",")], method="inverted_cdf")
        result = np.floor(np.clip(values - low, 0, high - low) * 255 / ((high - low) or 1) + 0.5)
    return np.where(padding, 0, result).astype(np.uint8)


def main():
    for program in ("dcmcjpeg", "dcmconv", "opj_compress"):
        assert shutil.which(program), f"{program} of DCMTK or OpenJPEG is not installed"
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    golden = {"pydicom": pydicom.__version__, "grey": {}, "frames": {}, "refused": {}}

    def entry(pixels):
        return {"sha256": hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest(),
                "first": pixels.reshape(-1)[:8].tolist()}

    for name, data in sorted(readable().items()):
        (OUT / name).write_bytes(data)
        ds = read(data)
        cases = {}
        for policy in POLICIES:
            pixels = grey(ds, policy)
            cases[policy] = None if pixels is None else entry(pixels)
        golden["grey"][name] = cases
    for name, data in sorted(several().items()):
        (OUT / name).write_bytes(data)
        ds = read(data)
        count = int(ds.NumberOfFrames) or 1
        choices = {str(n + 1): n for n in range(count)} | {"first": 0, "middle": count // 2}
        golden["frames"][name] = {choice: entry(grey(ds, "minmax", index)) for choice, index in choices.items()}
    for name, (data, reason) in sorted(refused().items()):
        (OUT / name).write_bytes(data)
        golden["refused"][name] = reason
    (OUT / "dicom.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    print(len(golden["grey"]), "files to read,", len(golden["refused"]), "to refuse,",
          sum(f.stat().st_size for f in OUT.iterdir()), "bytes")


if __name__ == "__main__":
    main()
