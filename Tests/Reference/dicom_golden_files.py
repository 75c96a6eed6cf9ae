"""The DICOM files of the goldens: those to be read, those of several frames, and those to be refused."""

import io

import imagecodecs
import numpy as np
import pydicom
from dicom_golden_pieces import (SIDE, compressed, dataset, encoded, fixed, j2k, jpeg, jpeg_ls, opj_compress, picture, raw,
                                 spoiled, table, tool, under)
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (HTJ2K, ExplicitVRBigEndian, ExplicitVRLittleEndian, HTJ2KLossless, HTJ2KLosslessRPCL,
                         ImplicitVRLittleEndian, JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless,
                         JPEGLSNearLossless, RLELossless)


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
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
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
    files.update(wavelets())
    files.update(jpeg_ls_files())
    files.update(palettes())
    files.update(contradictions())
    files["deflated.dcm"] = tool("dcmconv", files["explicit-12.dcm"], "+td")
    return files


def wavelets():
    """JPEG 2000 and HTJ2K."""
    window = {"WindowCenter": 1900, "WindowWidth": 2711}
    deep, signed, grey = picture(12), picture(12, True), picture(8)
    wide, colour = deep.astype(np.uint16), np.stack([picture(8, seed=s) for s in (1, 2, 3)], 2).astype(np.uint8)
    files = {}
    files["j2k-12.dcm"] = under(dataset(deep, 12, **window), JPEG2000Lossless, j2k(wide, 12))
    files["j2k-monochrome1-8.dcm"] = under(dataset(grey, 8, "MONOCHROME1"), JPEG2000Lossless, j2k(grey.astype(np.uint8), 8))
    files["j2k-8-of-16.dcm"] = under(dataset(grey, 8, allocated=16), JPEG2000Lossless, j2k(grey.astype(np.uint8), 8))
    files["j2k-lossy-12.dcm"] = under(dataset(deep, 12, **window), JPEG2000, j2k(wide, 12, level=35))
    files["j2k-lossy-16-of-12.dcm"] = under(dataset(deep, 12, **window), JPEG2000, j2k((deep + 60).astype(np.uint16), 16, level=45))
    files["j2k-tiles.dcm"] = under(dataset(deep, 12, **window), JPEG2000Lossless, 
        opj_compress(wide, 12, "-t", "16,9", "-n", "3", "-b", "8,16", "-c", "[16,16],[8,8]", "-p", "RPCL", "-SOP", "-EPH"))
    files["j2k-layers.dcm"] = under(dataset(deep, 12, **window), JPEG2000, opj_compress(
        wide, 12, "-r", "20,10,4", "-I", "-n", "3", "-p", "LRCP", "-M", "38"))
    files["j2k-signed.dcm"] = under(dataset(signed, 12, signed=True, **window), JPEG2000Lossless, j2k(signed.astype(np.int16), 16))
    # The codestream says the contrary of the pixel representation: the bits count.
    bits = (signed & 0xfff).astype(np.uint16)
    files["j2k-unsigned-for-signed.dcm"] = under(dataset(signed, 12, signed=True, **window), JPEG2000Lossless, j2k(bits, 12))
    files["j2k-signed-for-unsigned.dcm"] = under(
        dataset(picture(16), 16, **window), JPEG2000Lossless, j2k(picture(16).astype(np.uint16).view(np.int16), 16))
    files["j2k-rct.dcm"] = under(dataset(colour, 8, "YBR_RCT", PlanarConfiguration=0), JPEG2000Lossless, j2k(colour, 8))
    boxes = imagecodecs.jpeg2k_encode(wide, codecformat="JP2", bitspersample=12)
    files["j2k-boxes.dcm"] = under(dataset(deep, 12, **window), JPEG2000Lossless, boxes)
    ds = dataset(deep, 12, **window)
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.PixelData = encapsulate([j2k(wide, 12)], fragments_per_frame=3)
    files["j2k-fragments.dcm"] = encoded(ds)
    files["htj2k-12.dcm"] = under(dataset(deep, 12, **window), HTJ2KLossless, imagecodecs.htj2k_encode(wide))
    files["htj2k-rpcl-16.dcm"] = under(
        dataset(picture(16), 16, **window), HTJ2KLosslessRPCL, imagecodecs.htj2k_encode(picture(16).astype(np.uint16)))
    files["htj2k-lossy-8.dcm"] = under(dataset(grey, 8), HTJ2K, imagecodecs.htj2k_encode(grey.astype(np.uint8), level=0.01))
    return files


def jpeg_ls_files():
    window = {"WindowCenter": 1900, "WindowWidth": 2711}
    deep, signed, grey = picture(12), picture(12, True), picture(8)
    colour = np.stack([picture(8, seed=s) for s in (1, 2, 3)], 2).astype(np.uint8)
    files = {}
    files["jls-12.dcm"] = under(dataset(deep, 12, **window), JPEGLSLossless, jpeg_ls(deep.astype(np.uint16)))
    files["jls-8.dcm"] = under(dataset(grey, 8), JPEGLSLossless, jpeg_ls(grey.astype(np.uint8)))
    files["jls-near-16.dcm"] = under(dataset(picture(16), 16, **window), JPEGLSNearLossless, jpeg_ls(picture(16).astype(np.uint16), 7))
    files["jls-8-of-12.dcm"] = under(dataset(grey, 12, **window), JPEGLSLossless, jpeg_ls(grey.astype(np.uint8)))
    # Of few bits: DCMTK's defaults of the thresholds are not the standard's there.
    few = (picture(8) >> 2).astype(np.uint8)
    files["jls-6.dcm"] = under(dataset(few, 8), JPEGLSLossless, jpeg_ls(few))
    files["jls-near-6.dcm"] = under(dataset(few, 8), JPEGLSNearLossless, jpeg_ls(few, 2))
    files["jls-signed.dcm"] = under(
        dataset(signed, 12, signed=True, **window), JPEGLSLossless, jpeg_ls((signed & 0xfff).astype(np.uint16)))
    for mode in (0, 1, 2):
        values = np.moveaxis(colour, 2, 0).copy() if mode == 0 else colour
        files[f"jls-colour-{mode}.dcm"] = under(
            dataset(colour, 8, "RGB", PlanarConfiguration=0), JPEGLSLossless, jpeg_ls(values, interleave=mode))
    return files


def palettes():
    def with_tables(values, bits, entries, first, depth, **more):
        ds = dataset(values, bits, "PALETTE COLOR", **more)
        for index, name in enumerate(("Red", "Green", "Blue")):
            curve = np.round((2 ** depth - 1) * (np.arange(entries) / (entries - 1)) ** (0.5 + 0.5 * index))
            setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [entries % 65536, first, depth])
            setattr(ds, f"{name}PaletteColorLookupTableData", curve.astype("<u2" if depth == 16 else "u1").tobytes())
        return ds

    return {
        "palette-8.dcm": encoded(with_tables(picture(8), 8, 200, 20, 8)),
        "palette-16.dcm": encoded(with_tables(picture(12), 12, 4096, 0, 16)),
        "palette-rle.dcm": compressed(with_tables(picture(8), 8, 256, 0, 16), RLELossless),
    }


def contradictions():
    """Files that are not what their heads say, or have none; pydicom reads them with force=True."""
    files = {}
    curve = np.round(65535 * (np.arange(4096) / 4095) ** 0.5).astype(int)

    def radiograph(**more):
        return dataset(picture(12, True), 12, "MONOCHROME1", signed=True, WindowCenter=-100.25, WindowWidth=1801.5, **more)

    def with_table(**more):
        return dataset(picture(12, True), 12, "MONOCHROME1", signed=True,
                       VOILUTSequence=table(curve, -2048, 16, "VOILUTSequence", True), **more)

    (explicit_head, explicit), (implicit_head, implicit) = raw(radiograph(), False), raw(
        radiograph(syntax=ImplicitVRLittleEndian), True)
    files["implicit-under-explicit.dcm"] = explicit_head + implicit
    files["explicit-under-implicit.dcm"] = implicit_head + explicit
    files["table-implicit-under-explicit.dcm"] = raw(with_table(), False)[0] + raw(with_table(syntax=ImplicitVRLittleEndian), True)[1]
    rle_head = raw(pydicom.dcmread(io.BytesIO(compressed(radiograph(), RLELossless))), False)[0]
    rle = pydicom.dcmread(io.BytesIO(compressed(radiograph(), RLELossless)))
    rle.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    encapsulated = bytes.fromhex("e07f1000ffffffff") + rle.PixelData + bytes.fromhex("feffdde000000000")
    files["rle-implicit.dcm"] = rle_head + implicit[:implicit.rindex(bytes.fromhex("e07f1000"))] + encapsulated
    files["no-preamble.dcm"] = (explicit_head + explicit)[132:]
    files["no-head.dcm"] = explicit
    files["no-head-implicit.dcm"] = implicit
    files["no-head-big-endian.dcm"] = raw(radiograph(syntax=ExplicitVRBigEndian), False, False)[1]
    files["no-syntax.dcm"] = bytes(128) + b"DICM" + explicit
    # One element, and the items of a sequence, without type among others that have one.
    sign, rows = bytes.fromhex("28000301"), bytes.fromhex("28001000")
    mixed = spoiled(explicit, (sign + b"US\2\0", sign + b"\2\0\0\0"))
    files["mixed.dcm"] = explicit_head + mixed
    files["unknown-type.dcm"] = explicit_head + spoiled(explicit, (rows + b"US\2\0", rows + b"UN\0\0\2\0\0\0"))
    inner, outer = raw(with_table(syntax=ImplicitVRLittleEndian), True)[1], raw(with_table(), False)[1]
    tag = bytes.fromhex("28001030")
    start, size = inner.index(tag), int.from_bytes(inner[inner.index(tag) + 4:][:4], "little")
    sequence = tag + b"SQ\0\0" + inner[start + 4:start + 8 + size]
    end = outer.index(tag) + 12 + int.from_bytes(outer[outer.index(tag) + 8:][:4], "little")
    files["implicit-items.dcm"] = explicit_head + outer[:outer.index(tag)] + sequence + outer[end:]
    # Group lengths, retired elements, private ones with a sequence of unknown type, odd lengths.
    ds = radiograph()
    ds.add_new(0x00080001, "UL", 1000)
    ds.add_new(0x00280005, "US", 2)
    ds.add_new(0x00280200, "US", 0)
    ds.add_new(0x00090010, "LO", "MAKER")
    ds.add_new(0x00091001, "UN", b"odd")
    ds.add_new(0x00290010, "LO", "MAKER")
    ds.add_new(0x00291010, "OB", b"\1\2\3\4")
    whole = raw(ds, False)[1]
    private = bytes.fromhex("0900021055 4e0000 ffffffff feff00e0 ffffffff 0900031002000000 6162 feff0de000000000 feffdde000000000".replace(" ", ""))
    odd = spoiled(whole, (bytes.fromhex("28000400") + b"CS\x0c\0MONOCHROME1 ", bytes.fromhex("28000400") + b"CS\x0b\0MONOCHROME1"),
                  (bytes.fromhex("29001000") + b"LO", private + bytes.fromhex("29001000") + b"LO"))
    lengths = bytes.fromhex("28000000") + b"UL\4\0" + (4096).to_bytes(4, "little")
    odd = spoiled(odd, (bytes.fromhex("28000200"), lengths + bytes.fromhex("28000200")))
    files["private-retired-odd.dcm"] = explicit_head + odd
    return files


def several():
    """Files of several frames."""
    frames = [picture(12, seed=s) for s in (1, 2, 3, 4, 5)]
    files = {}

    def base(count, syntax=ExplicitVRLittleEndian, kind="<u2"):
        ds = dataset(frames[0], 12, NumberOfFrames=count, syntax=syntax)
        ds.PixelData = np.stack(frames[:count]).astype(kind).tobytes()
        return ds

    files["frames-3.dcm"] = encoded(base(3))
    files["frames-4-big-endian.dcm"] = encoded(base(4, ExplicitVRBigEndian, ">u2"))
    files["frames-5-rle.dcm"] = compressed(base(5), RLELossless)
    streams = [j2k(f.astype(np.uint16), 12) for f in frames]
    ds = base(4)
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.PixelData = encapsulate(streams[:4], fragments_per_frame=2, has_bot=True)
    files["frames-4-j2k-offsets.dcm"] = encoded(ds)
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(streams[:4])
    files["frames-4-j2k-extended.dcm"] = encoded(ds)
    ds = base(3)
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.PixelData = encapsulate([jpeg_ls(f.astype(np.uint16)) for f in frames[:3]], fragments_per_frame=2, has_bot=False)
    files["frames-3-jls-marks.dcm"] = encoded(ds)
    ds.PixelData = encapsulate([jpeg_ls(f.astype(np.uint16)) for f in frames[:3]], has_bot=False)
    files["frames-3-jls.dcm"] = encoded(ds)
    none = dataset(frames[0], 12, NumberOfFrames=0)
    files["frames-none.dcm"] = encoded(none)
    return files


def refused():
    files = {}
    ds = dataset(picture(8), 8, syntax=JPEG2000Lossless)
    ds.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])
    files["jpeg-2000-broken.dcm"] = encoded(ds), "JPEG 2000"
    # pydicom does not write this syntax, so it is put in the place of one as long.
    xl = under(dataset(picture(8), 8), HTJ2KLossless, b"\xff\x0a" + bytes(60))
    files["jpeg-xl.dcm"] = spoiled(xl, (HTJ2KLossless.encode(), b"1.2.840.10008.1.2.4.110")), "JPEG XL (Lossless)"
    two = dataset(np.concatenate([picture(8), picture(8)]), 8, NumberOfFrames=2)
    two.Rows = SIDE
    files["two-frames.dcm"] = encoded(two), "2 frames"
    files["palette-without-tables.dcm"] = encoded(dataset(picture(8), 8, "PALETTE COLOR")), "red table"
    segmented = dataset(picture(8), 8, "PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(segmented, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 8])
        setattr(segmented, f"Segmented{name}PaletteColorLookupTableData", bytes([0, 1, 0, 1, 255, 255]))
    files["palette-segmented.dcm"] = encoded(segmented), "segments"
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
    # What the limits are for: a codestream of many tiles, one of a size that the attributes do not have, a scan too many.
    # Numbers of the size segment: Xsiz at 8, XTsiz at 24.
    small = j2k(picture(8).astype(np.uint8), 8)
    for name, reason, at, number in (("size", "its attributes say 24 x 24", 8, 9999), ("tiles", "1 of 24 tiles", 24, 1)):
        changed = bytearray(small)
        changed[at:at + 4] = number.to_bytes(4, "big")
        files[f"j2k-wrong-{name}.dcm"] = under(dataset(picture(8), 8), JPEG2000Lossless, bytes(changed)), reason
    stream = jpeg_ls(picture(8).astype(np.uint8))
    other = bytearray(stream)
    at = stream.index(b"\xff\xf7")
    other[at + 5:at + 7] = (8).to_bytes(2, "big")
    files["jls-size.dcm"] = under(dataset(picture(8), 8), JPEGLSLossless, bytes(other)), "24 x 8 pixels"
    restart = stream[:2] + b"\xff\xdd\0\4\0\1" + stream[2:]
    files["jls-restart.dcm"] = under(dataset(picture(8), 8), JPEGLSLossless, restart), "segment dd"
    nameless = pydicom.dcmread(io.BytesIO(compressed(dataset(picture(8), 8), RLELossless)))
    files["rle-no-head.dcm"] = raw(nameless, False)[1], "names no transfer syntax"
    return files
