"""Makes radiographs in DICOM and JPEG 2000 for `bench images --window minmax`, and their peer `dicom_peer.py`.

usage: make_dicom_set.py OUT [COUNT=24]     (pydicom, pylibjpeg-openjpeg, numpy)

2,000 x 2,500 pixels of 12 bits in 16, grain of four levels, lossless: as VinDr-CXR has them."""
import os
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

out, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 24
os.makedirs(out, exist_ok=True)
random = np.random.default_rng(1)
height, width = 2500, 2000
y, x = np.mgrid[0:height, 0:width]
y, x = y / height, x / width
for number in range(count):
    left, right = random.uniform(0.25, 0.35), random.uniform(0.65, 0.75)
    part = 0.8 - sum(0.5 * np.exp(-((x - c) ** 2 / 0.02 + (y - 0.5) ** 2 / 0.06)) for c in (left, right))
    part += 0.05 * np.sin(60 * y + 8 * np.abs(x - 0.5) * 6)
    values = np.clip(part * 3500 + random.normal(0, 4, part.shape), 0, 4095).astype("<u2")
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"2.25.{number + 1}"
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = height, width, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = values.tobytes()
    ds["PixelData"].VR = "OW"
    ds.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    ds.save_as(f"{out}/{number:03}.dcm", enforce_file_format=True)
