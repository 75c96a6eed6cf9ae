"""Writes Tests/CarinaTests/Goldens/data/dicom: tiny DICOM files of every kind, and the grey that they mean.

usage: python make_dicom_goldens.py     (needs pydicom 3, pylibjpeg-libjpeg, imagecodecs, numpy, Pillow, and the programs dcmcjpeg and dcmconv of DCMTK)
dicom.json: "grey" has for each file and --window policy the SHA-256 of its pixels in 8 bits and the first eight of them;
pixels, modality and display tables are pydicom's, the way to 8 bits is computed here. "refused" has for each file that
is not to be read words of the reason.
"""

import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tempfile

import imagecodecs
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless,
                         JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless)

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "CarinaTests" / "Goldens" / "data" / "dicom"
SIDE = 24
POLICIES = ["voi", "minmax", "percentile:5.0,90.0", "full"]


def picture(bits, signed=False, seed=1):
    """Stored values: smooth shapes with noise over most of the range."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    part = np.clip(0.5 + 0.4 * np.sin(5 * x + 2 * y) * np.cos(4 * y) + rng.normal(0, 0.04, (SIDE, SIDE)), 0.02, 0.97)
    values = np.round(part * (2 ** bits - 1)).astype(np.int64)
    return values - 2 ** (bits - 1) if signed else values


def dataset(values, bits, photometric="MONOCHROME2", signed=False, syntax=ExplicitVRLittleEndian, allocated=None, **more):
    allocated = allocated or (8 if bits <= 8 else 16)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "2.25.1"
    ds.file_meta.ImplementationClassUID = "2.25.2"
    ds.PatientID, ds.Modality = "phantom", "CR"
    # Sequences that lie before the pixels and do not concern them, one with pixels of its own.
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "1", "nothing"
    ds.ViewCodeSequence = Sequence([code, Dataset()])
    icon = Dataset()
    icon.Rows = icon.Columns = icon.SamplesPerPixel = 1
    icon.PhotometricInterpretation = "MONOCHROME2"
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation = 7, 0
    icon.PixelData = b"\0\0"
    icon["PixelData"].VR = "OW"
    ds.IconImageSequence = Sequence([icon])
    ds.Rows, ds.Columns = values.shape[:2]
    ds.SamplesPerPixel = 1 if values.ndim == 2 else values.shape[2]
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = allocated, bits, bits - 1, int(signed)
    for name, value in more.items():
        setattr(ds, name, value)
    kind = {8: "u1", 16: "<u2", 32: "<u4"}[allocated]
    if syntax == ExplicitVRBigEndian:
        kind = kind.replace("<", ">")
    mask = 2 ** bits - 1
    ds.PixelData = (values & mask).astype(kind).tobytes()
    ds["PixelData"].VR = "OB" if allocated == 8 and syntax != ImplicitVRLittleEndian else "OW"
    return ds


def table(values, first, bits, keyword, signed=False):
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(values) % 65536, first, bits])
    if keyword == "ModalityLUTSequence":
        item.ModalityLUTType = "US"
    item.add_new(0x00283006, "OW", np.asarray(values, "<u2").tobytes())
    return Sequence([item])


def encoded(ds):
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


def tool(name, data, *options):
    """The file after a program of DCMTK."""
    with tempfile.TemporaryDirectory() as directory:
        before, after = pathlib.Path(directory, "a.dcm"), pathlib.Path(directory, "b.dcm")
        before.write_bytes(data)
        subprocess.run([name, *options, str(before), str(after)], check=True)
        return after.read_bytes()


def fixed(data):
    """Without what differs from run to run: DCMTK gives a picture that it changed a new name."""
    ds = pydicom.dcmread(io.BytesIO(data))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "2.25.1"
    for keyword in ("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence", "ContributingEquipmentSequence"):
        if keyword in ds:
            del ds[keyword]
    return encoded(ds)


def jpeg(values, **options):
    stream = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(stream, "JPEG", **options)
    return encapsulate([stream.getvalue()])


def readable():
    files = {}

    def add(name, *arguments, **more):
        files[name] = encoded(dataset(*arguments, **more))

    add("explicit-12.dcm", picture(12), 12, WindowCenter=[1900, 10], WindowWidth=[2711, 20])
    add("implicit-10-exact.dcm", picture(10), 10, syntax=ImplicitVRLittleEndian, WindowCenter=500.25, WindowWidth=701.5,
        VOILUTFunction="LINEAR_EXACT")
    add("big-endian-16.dcm", picture(16), 16, syntax=ExplicitVRBigEndian, WindowCenter=30000, WindowWidth=40001)
    add("monochrome1-12.dcm", picture(12), 12, "MONOCHROME1", WindowCenter=1700, WindowWidth=3001)
    add("signed-16-sigmoid-padded.dcm", np.where(np.indices((SIDE, SIDE))[1] < 3, -32768, picture(14, True)), 16,
        signed=True, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=-900, WindowWidth=6007,
        VOILUTFunction="SIGMOID", PixelPaddingValue=-32768)
    add("signed-12-of-16.dcm", picture(12, True), 12, signed=True, RescaleSlope=0.5, RescaleIntercept=7.25,
        WindowCenter=20.5, WindowWidth=1537)
    add("negative-slope-12.dcm", picture(12), 12, RescaleSlope=-2, RescaleIntercept=100, WindowCenter=-4000,
        WindowWidth=7001)
    add("padding-range-12.dcm", np.where(np.indices((SIDE, SIDE))[0] > 19, 4093, picture(11)), 12, "MONOCHROME1",
        PixelPaddingValue=4095, PixelPaddingRangeLimit=4090, WindowCenter=1000, WindowWidth=1777)
    add("window-of-one.dcm", picture(12), 12, WindowCenter=2000, WindowWidth=1)
    add("grey-8.dcm", picture(8), 8)
    add("monochrome1-8.dcm", picture(8), 8, "MONOCHROME1")
    add("window-8.dcm", picture(8), 8, WindowCenter=100, WindowWidth=120)
    add("grey-6-of-8.dcm", picture(6), 6)
    curve = np.round(4095 * (np.arange(3000) / 2999) ** 0.7).astype(int)
    add("modality-table.dcm", picture(12), 12, ModalityLUTSequence=table(curve, 300, 12, "ModalityLUTSequence"),
        WindowCenter=2200, WindowWidth=2903)
    add("display-table.dcm", picture(12), 12,
        VOILUTSequence=table(np.round(1023 * (np.arange(3500) / 3499) ** 2).astype(int), 200, 10, "VOILUTSequence"))
    add("display-table-signed.dcm", picture(12, True), 12, "MONOCHROME1", signed=True,
        VOILUTSequence=table(np.round(65535 * (np.arange(4096) / 4095) ** 0.5).astype(int), -2048, 16, "VOILUTSequence", True))
    for name in ("explicit-12.dcm", "signed-12-of-16.dcm", "grey-8.dcm"):
        ds = pydicom.dcmread(io.BytesIO(files[name]))
        ds.compress(RLELossless, generate_instance_uid=False)
        files["rle-" + name] = encoded(ds)
    files["lossless-12.dcm"] = fixed(tool("dcmcjpeg", files["explicit-12.dcm"], "+e1"))
    files["lossless-16-selection.dcm"] = fixed(tool("dcmcjpeg", encoded(dataset(picture(16), 16)), "+el", "+sv", "4"))
    files["lossless-fragments.dcm"] = fixed(tool("dcmcjpeg", files["monochrome1-12.dcm"], "+e1", "+fs", "1"))
    files["extended-12.dcm"] = fixed(tool("dcmcjpeg", files["explicit-12.dcm"], "+ee", "+q", "85"))
    ds = dataset(picture(8), 8, syntax=JPEGBaseline8Bit)
    ds.PixelData = jpeg(picture(8), quality=80)
    files["baseline-8.dcm"] = encoded(ds)
    colour = np.stack([picture(8, seed=s) for s in (1, 2, 3)], 2)
    files["rgb.dcm"] = encoded(dataset(colour, 8, "RGB", PlanarConfiguration=0))
    planes = dataset(colour, 8, "RGB", PlanarConfiguration=1)
    planes.PixelData = np.moveaxis(colour, 2, 0).astype(np.uint8).tobytes()
    files["rgb-planes.dcm"] = encoded(planes)
    ds = dataset(colour, 8, "YBR_FULL_422", syntax=JPEGBaseline8Bit, PlanarConfiguration=0)
    ds.PixelData = jpeg(colour, quality=85, subsampling=0)
    files["baseline-colour.dcm"] = encoded(ds)
    # Unused high bits that hold something else, as old overlays do.
    garbage = dataset(picture(12), 12, WindowCenter=1900, WindowWidth=2711)
    words = np.frombuffer(garbage.PixelData, "<u2") | (np.arange(SIDE * SIDE) % 16 << 12).astype("<u2")
    garbage.PixelData = words.astype("<u2").tobytes()
    files["overlay-bits.dcm"] = encoded(garbage)
    # Sequences with delimiters instead of lengths, and group lengths.
    files["delimited.dcm"] = tool("dcmconv", files["display-table.dcm"], "+e", "+g")
    files["explicit-lengths.dcm"] = tool("dcmconv", files["display-table.dcm"], "-e")
    files["implicit-table.dcm"] = tool("dcmconv", files["display-table-signed.dcm"], "+ti", "-e")
    return files


def refused():
    files = {}
    ds = dataset(picture(8), 8, syntax=JPEG2000Lossless)
    ds.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])
    files["jpeg-2000.dcm"] = encoded(ds), "JPEG 2000"
    two = dataset(np.concatenate([picture(8), picture(8)]), 8, NumberOfFrames=2)
    two.Rows = SIDE
    files["two-frames.dcm"] = encoded(two), "2 frames"
    files["palette.dcm"] = encoded(dataset(picture(8), 8, "PALETTE COLOR")), "PALETTE COLOR"
    colour = np.stack([picture(8)] * 3, 2)
    files["ybr.dcm"] = encoded(dataset(colour, 8, "YBR_FULL", PlanarConfiguration=0)), "YBR_FULL"
    files["bits-32.dcm"] = encoded(dataset(picture(20), 20, allocated=32)), "32 bits"
    short = dataset(picture(12), 12)
    short.PixelData = short.PixelData[:-100]
    files["short.dcm"] = encoded(short), "instead of 576"
    lie = dataset(picture(12), 12)
    lie.Rows = lie.Columns = 60000
    files["bomb.dcm"] = encoded(lie), "60000 x 60000"
    ds = dataset(picture(8), 8, syntax=JPEGBaseline8Bit)
    ds.Columns = SIDE + 8
    ds.PixelData = jpeg(picture(8))
    files["frame-of-another-size.dcm"] = encoded(ds), "24 x 24"
    none = dataset(picture(12), 12)
    del none.PixelData
    files["no-pixels.dcm"] = encoded(none), "no pixel data"
    files["deflated.dcm"] = tool("dcmconv", encoded(dataset(picture(8), 8)), "+td"), "Deflated"
    return files


def grey(ds, policy):
    """The picture in 8 bits, or None where it is to be refused."""
    # Of lossy JPEG only decoders of one family agree to the last bit (pylibjpeg's is another and differs by one now and then):
    # Pillow's and, for 12 bits, imagecodecs' are libjpeg-turbo's, and DCMTK's is libjpeg's.
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax == JPEGExtended12Bit:
        stored = imagecodecs.jpeg8_decode(next(generate_frames(ds.PixelData, number_of_frames=1)))
    else:
        stored = pixel_array(ds, decoding_plugin="pillow" if syntax == JPEGBaseline8Bit else "")
    if stored.ndim == 3:
        return stored
    bits = ds.BitsStored
    low, high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2 ** bits - 1)
    if "ModalityLUTSequence" in ds:
        # pydicom 3.0 knows tables of 8 and of 16 bits only.
        item = ds.ModalityLUTSequence[0]
        entries = np.frombuffer(item[0x00283006].value, "<u2")
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
        part = apply_voi(stored, ds).astype(np.float64) / (2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1)
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
        shown = values[~padding]
        if bits > 8 and policy == "minmax":
            low, high = shown.min(), shown.max()
        elif bits > 8 and policy.startswith("percentile"):
            low, high = np.percentile(shown, [float(p) for p in policy.split(":")[1].split(",")], method="inverted_cdf")
        result = np.floor(np.clip(values - low, 0, high - low) * 255 / (high - low) + 0.5)
    return np.where(padding, 0, result).astype(np.uint8)


def main():
    for program in ("dcmcjpeg", "dcmconv"):
        assert shutil.which(program), f"{program} of DCMTK is not installed"
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    golden = {"pydicom": pydicom.__version__, "grey": {}, "refused": {}}
    for name, data in sorted(readable().items()):
        (OUT / name).write_bytes(data)
        ds = pydicom.dcmread(io.BytesIO(data))
        # Without a type in the file pydicom takes the descriptor of a table for unsigned, whatever the pixels are.
        for item in ds.get("VOILUTSequence", []):
            if ds.PixelRepresentation == 1 and item.LUTDescriptor[1] > 32767:
                item["LUTDescriptor"].VR = "SS"
                item.LUTDescriptor = [item.LUTDescriptor[0], item.LUTDescriptor[1] - 65536, item.LUTDescriptor[2]]
        cases = {}
        for policy in POLICIES:
            pixels = grey(ds, policy)
            cases[policy] = None if pixels is None else {
                "sha256": hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest(),
                "first": pixels.reshape(-1)[:8].tolist()}
        golden["grey"][name] = cases
    for name, (data, reason) in sorted(refused().items()):
        (OUT / name).write_bytes(data)
        golden["refused"][name] = reason
    (OUT / "dicom.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    print(len(golden["grey"]), "files to read,", len(golden["refused"]), "to refuse,",
          sum(f.stat().st_size for f in OUT.iterdir()), "bytes")


if __name__ == "__main__":
    main()
