#!/usr/bin/env python3
"""Kills preprocess at random moments and compares what it ends in with a run that was not killed, byte by byte.

usage: check_killed_preprocess.py PREPROCESS [--kills 50] [--images 3000] [--seed 1] [--parts 1] [--dicom 0] [--side 64] [--several]

Draws an archive of phantom radiographs, makes shards of it once without a disturbance, and then again and again with
SIGKILL at a random moment until so many kills have been survived, each run going on from what the one before left.
With --parts N the killed runs are N processes at a time, of which a random one is killed.
With --several each question shows the image of an earlier one too, so that samples reach over shards.
With --dicom N every N-th image becomes a DICOM file, by turns plain, RLE and MONOCHROME1 (needs pydicom, Pillow, numpy).
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def digests(directory):
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = hashlib.sha256(file.read()).hexdigest()
    return found


def to_dicom(archive, every):
    """Turns every N-th image of the records into a DICOM file of 12 bits; how many there are."""
    import numpy
    from PIL import Image
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, RLELossless

    path = f"{archive}/stage2_train.json"
    with open(path) as file:
        records = json.load(file)
    renamed = {}
    for number, image in enumerate(sorted({record["image"] for record in records})[::every]):
        grey = numpy.asarray(Image.open(f"{archive}/{image}").convert("L")).astype(numpy.uint16) * 16
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"2.25.{number + 1}"
        ds.Rows, ds.Columns = grey.shape
        ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
        ds.PhotometricInterpretation = "MONOCHROME1" if number % 3 == 2 else "MONOCHROME2"
        ds.WindowCenter, ds.WindowWidth = 2048, 4096
        ds.PixelData = (4095 - grey if number % 3 == 2 else grey).astype("<u2").tobytes()
        ds["PixelData"].VR = "OW"
        if number % 3 == 1:
            ds.compress(RLELossless, generate_instance_uid=False)
        renamed[image] = image.rsplit(".", 1)[0] + ".dcm"
        ds.save_as(f"{archive}/{renamed[image]}", enforce_file_format=True)
        os.remove(f"{archive}/{image}")
    for record in records:
        record["image"] = renamed.get(record["image"], record["image"])
    with open(path, "w") as file:
        json.dump(records, file)
    return len(renamed)


def to_pairs(archive, moments):
    """Shows with each image a random one of the same patient, in random order of the records; how many pairs there are."""
    path = f"{archive}/stage2_train.json"
    with open(path) as file:
        records = json.load(file)
    of_patient = {}
    for record in records:
        of_patient.setdefault(record["patient"], set()).add(record["image"])
    pairs = 0
    for record in records:
        others = sorted(of_patient[record["patient"]] - {record["image"]})
        if others:
            record["image"] = [record["image"], moments.choice(others)]
            pairs += 1
    moments.shuffle(records)
    with open(path, "w") as file:
        json.dump(records, file)
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preprocess")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--dicom", type=int, default=0)
    parser.add_argument("--several", action="store_true", help="two images a question")
    parser.add_argument("--side", type=int, default=64, help="pixels a side of the images")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    work = tempfile.mkdtemp(prefix="carina-kills-")
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(output, part=None):
        return [
            options.preprocess, "--json", f"{work}/archive/stage2_train.json", "--image-root", f"{work}/archive",
            "--output", f"{work}/{output}", "--image-size", "96", "--shard-size", "32", "--split-by", "patient",
            "--threads", "1", "--window", "voi", *(["--part", f"{part}/{options.parts}"] if part else []),
        ]

    try:
        subprocess.run(
            [options.preprocess, "phantom", "--count", str(options.images), "--seed", "1", "--image-size", str(options.side),
             "--output", f"{work}/archive"], check=True, **quiet)
        dicom = to_dicom(f"{work}/archive", options.dicom) if options.dicom else 0
        pairs = to_pairs(f"{work}/archive", moments) if options.several else 0
        start = time.monotonic()
        subprocess.run(command("whole"), check=True, **quiet)
        seconds = time.monotonic() - start
        expected = digests(f"{work}/whole")
        kills = runs = completed = 0
        parts = list(range(1, options.parts + 1)) if options.parts > 1 else [None]
        while kills < options.kills:
            processes = [subprocess.Popen(command("killed", part), **quiet) for part in parts]
            victim = moments.choice(processes)
            # Short enough that one set of shards takes several runs.
            time.sleep(moments.uniform(0.02, 0.3) * seconds)
            if victim.poll() is None:
                victim.send_signal(signal.SIGKILL)
                kills += 1
            for process in processes:
                process.wait()
            codes = [process.returncode for process in processes]
            if not set(codes) <= {0, -signal.SIGKILL}:
                sys.exit(f"FAILED: exit codes {codes}")
            runs += 1
            if os.path.exists(f"{work}/killed") and not os.path.exists(f"{work}/killed.partial"):
                if digests(f"{work}/killed") != expected:
                    sys.exit(f"FAILED: other bytes after {kills} kills")
                shutil.rmtree(f"{work}/killed")
                completed += 1
        for part in parts:
            if not os.path.exists(f"{work}/killed"):
                subprocess.run(command("killed", part), check=True, **quiet)
        if digests(f"{work}/killed") != expected:
            sys.exit(f"FAILED: other bytes after {kills} kills")
        left = [name for name in os.listdir(work) if name not in ("archive", "whole", "killed", "killed.partial.done")]
        if left:
            sys.exit(f"FAILED: left behind {left}")
        print(
            f"{kills} kills in {runs} runs of {options.parts} processes, {completed + 1} complete sets of "
            f"{len(expected)} files, every one with the bytes of the undisturbed run ({seconds:.1f} s); {dicom} images are DICOM files, {pairs} questions show two images")
    finally:
        shutil.rmtree(work)


main()
