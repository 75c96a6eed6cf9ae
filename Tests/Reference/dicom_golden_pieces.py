"""What the DICOM goldens are made of: pictures, data sets, tables, codestreams, and files under other encodings."""

import io
import pathlib
import subprocess
import tempfile

import imagecodecs
import jpeg_ls as jpeg_ls_codec
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

SIDE = 24


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


def table(values, first, bits, keyword, signed=False, kind="<u2"):
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(values) % 65536, first, bits])
    if keyword == "ModalityLUTSequence":
        item.ModalityLUTType = "US"
    item.add_new(0x00283006, "OW", np.asarray(values, kind).tobytes())
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
        subprocess.run([name, *options, str(before), str(after)], check=True, stderr=subprocess.DEVNULL)
        return after.read_bytes()


def fixed(data):
    """Without what differs from run to run: DCMTK gives a picture that it changed a new name."""
    ds = pydicom.dcmread(io.BytesIO(data))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "2.25.1"
    for keyword in ("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence", "ContributingEquipmentSequence"):
        if keyword in ds:
            del ds[keyword]
    return encoded(ds)


def under(ds, syntax, *codestreams):
    """The file with other compressed pixels."""
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate(list(codestreams))
    ds["PixelData"].VR = "OB"
    return encoded(ds)


def spoiled(data, *changes):
    """The file with bytes replaced where they are for the first time: later ones are the icon's."""
    for before, after in changes:
        start, end = data.split(before, 1)
        data = start + after + end
    return data


def raw(ds, implicit, little=True):
    """The data set alone, in an encoding."""
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    meta = pydicom.dcmread(io.BytesIO(stream.getvalue()), stop_before_pixels=True).file_meta
    start = 144 + meta.FileMetaInformationGroupLength
    return stream.getvalue()[:start], stream.getvalue()[start:]


def j2k(values, bits, **options):
    """A codestream of OpenJPEG; `bits` is its precision, and signed values give a signed one."""
    return imagecodecs.jpeg2k_encode(values, codecformat="J2K", bitspersample=bits, **options)


def opj_compress(values, bits, *options, signed=False):
    """A codestream with what imagecodecs does not offer."""
    with tempfile.TemporaryDirectory() as directory:
        before, after = pathlib.Path(directory, "a.raw"), pathlib.Path(directory, "b.j2k")
        kind = ">i2" if signed else ">u2"
        before.write_bytes(values.astype(kind if bits > 8 else kind.replace("2", "1")).tobytes())
        shape = f"{values.shape[1]},{values.shape[0]},1,{bits},{'s' if signed else 'u'}"
        subprocess.run(["opj_compress", "-i", before, "-F", shape, "-o", after, *options], check=True, capture_output=True)
        return after.read_bytes()


def jpeg_ls(values, near=0, interleave=0):
    """A codestream of CharLS, by pyjpegls."""
    return jpeg_ls_codec.encode_array(values, lossy_error=near, interleave_mode=interleave)


def jpeg_stream(values, **options):
    stream = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(stream, "JPEG", **options)
    return stream.getvalue()


def jpeg(values, **options):
    return encapsulate([jpeg_stream(values, **options)])


def compressed(ds, syntax):
    ds.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
    return encoded(ds)
