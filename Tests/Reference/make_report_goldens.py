"""Writes Tests/CarinaTests/Goldens/data/reports: files as people reported them in public, and what the references make of them.

usage: python make_report_goldens.py     (needs what make_dicom_goldens.py needs, without the programs)
reports.json: "grey" has for each DICOM file and --window policy the SHA-256 of its pixels in 8 bits, pydicom's as in
make_dicom_goldens.py, or null where pydicom raises; "conversations" has conversations of LLaVA's form and the pairs that are
questions with the answer right behind them, found here by the speakers alone; "formats" has images that Pillow writes in
formats that are not read, base64, and the name that Pillow gives to each.
"""

import base64
import hashlib
import io
import json
import pathlib
import shutil
import struct
import warnings

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import RLELossless

from dicom_golden_pieces import dataset, encoded, picture, table
from make_dicom_goldens import grey, read

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "CarinaTests" / "Goldens" / "data" / "reports"
POLICIES = ["voi", "minmax", "percentile:5.0,90.0", "full"]


def raw(ds, keyword, vr, value):
    """The file with an element of any type and any bytes."""
    value += b" " * (len(value) % 2)
    tag = Tag(keyword)
    ds[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return ds


def radiograph(**more):
    return dataset(picture(12), 12, **{"WindowCenter": "2000", "WindowWidth": "3000"} | more)


def types(ds):
    """The numbers that pixels need, each of another type than the dictionary's."""
    raw(ds, "Rows", "UL", struct.pack("<I", 24))
    raw(ds, "Columns", "IS", b"24")
    raw(ds, "BitsStored", "SS", struct.pack("<h", 12))
    raw(ds, "HighBit", "SL", struct.pack("<i", 11))
    raw(ds, "PixelRepresentation", "IS", b"0")
    raw(ds, "NumberOfFrames", "US", struct.pack("<H", 1))
    raw(ds, "WindowCenter", "FL", struct.pack("<f", 2000))
    raw(ds, "WindowWidth", "US", struct.pack("<H", 3000))
    return raw(ds, "PixelPaddingValue", "IS", b"1900")


def files():
    for name, width in (("zero", b"0"), ("negative", b"-100"), ("fraction", b"0.5")):
        yield f"width-{name}.dcm", raw(radiograph(), "WindowWidth", "DS", width)
    for name, center in (("comma", b"2048,5"), ("words", b"WINDOW1"), ("brackets", b"[2048, 100]"), ("blank", b"20 48")):
        yield f"center-{name}.dcm", raw(radiograph(), "WindowCenter", "DS", center)
    yield "center-plus.dcm", raw(radiograph(), "WindowCenter", "DS", b"+2.0E+03")
    yield "function-unknown.dcm", raw(radiograph(), "VOILUTFunction", "CS", b"LIN")
    yield "function-lower.dcm", raw(radiograph(), "VOILUTFunction", "CS", b"linear_exact")
    short = dataset(picture(12), 12, VOILUTSequence=table(range(4096), 0, 12, "VOILUTSequence"))
    short.VOILUTSequence[0][0x00283006].value = short.VOILUTSequence[0][0x00283006].value[:4000]
    yield "table-short.dcm", short
    yield "slope-comma.dcm", raw(radiograph(RescaleIntercept="0"), "RescaleSlope", "DS", b"1,5")
    yield "types.dcm", types(radiograph())
    compressed = radiograph()
    compressed.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    yield "types-rle.dcm", types(compressed)


CONVERSATIONS = [
    ["gpt: Hello.", "human: <image>\nWhat is it?", "gpt: A chest."],
    ["human: A?", "gpt: B.", "gpt: C.", "human: D?", "gpt: E."],
    ["human: A?", "human: B?", "gpt: C."],
    ["user: A?", "assistant: B."],
    ["system: Be brief.", "gpt: Hi.", "human: A?", "gpt: B.", "human: C?"],
]


def pairs(turns):
    """Questions with the answer right behind them; a system's words do not stand between."""
    spoken = [turn.split(": ", 1) for turn in turns if not turn.startswith("system")]
    asks = {"human", "user"}
    return [[first[1].replace("<image>", "").strip(), second[1]] for first, second in zip(spoken, spoken[1:])
            if first[0] in asks and second[0] not in asks]


def main():
    warnings.simplefilter("ignore")
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    golden = {"pydicom": pydicom.__version__, "grey": {}, "conversations": [], "formats": {}}
    for name, ds in files():
        data = encoded(ds)
        (OUT / name).write_bytes(data)
        cases = golden["grey"][name] = {}
        for policy in POLICIES:
            try:
                pixels = grey(read(data), policy)
                cases[policy] = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
            except Exception as error:
                print(name, policy, type(error).__name__, str(error)[:90])
                cases[policy] = None
    golden["conversations"] = [{"turns": turns, "pairs": pairs(turns)} for turns in CONVERSATIONS]
    square = Image.fromarray(picture(8).astype(np.uint8)).resize((8, 8))
    for name in ("WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM"):
        stream = io.BytesIO()
        square.save(stream, name)
        assert Image.open(stream).format == name
        golden["formats"][name] = base64.b64encode(stream.getvalue()).decode()
    (OUT / "reports.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
