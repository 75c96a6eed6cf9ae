#!/usr/bin/env python3
"""Time per image and peak memory of preprocess over archives of growing size.

usage: archive_scale.py PREPROCESS [--counts 10000,100000,1000000] [--image-size 16] [--split-by patient|study|image]
           [--format carina|chexpert|mimic-cxr-jpg|padchest] [--views best] [--directory D]

The archive is simulated: a thousand small phantom radiographs, and as many links to their directory as are needed, so that every image
has a path of its own and no pixels are kept. Every record has an id, a patient, a study and a caption of its own. What is
measured is therefore everything but the decoding of large files: reading records, planning, checking, writing.

With --split-by every image is a file of its own with pixels of its own (16 x 16), because identical pixels in two splits are an error; all
checks are made. Patients are named only where it is they that are split by. Tables of other layouts have the same images.
"""
import argparse
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import zlib


def write_distinct(path, number):
    """A grey PNG of 16 x 16 pixels whose first ones are the number."""
    rows = b"".join(b"\0" + (struct.pack(">Q", number) if row == 0 else bytes(8)) + bytes([60 + 8 * row] * 8) for row in range(16))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def write_records(path, count, image, split_by):
    with open(path, "w") as file:
        for number in range(count):
            record = {
                "id": f"sample-{number:08}", "image": image(number),
                "caption": f"Frontal view number {number}. The heart is of normal size. The lungs are clear.",
                "study": f"s{number // 2:07}", "view": "PA",
            }
            if split_by in (None, "patient"):
                record["patient"] = f"p{number // 3:07}"
            file.write(("[" if number == 0 else ",\n") + json.dumps(record))
        file.write("]\n")
    return path


def write_chexpert(root, count, image):
    labels = ("No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,"
              "Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices")
    with open(f"{root}/train.csv", "w") as file:
        file.write(f"Path,Sex,Age,Frontal/Lateral,AP/PA,{labels}\n")
        for number in range(count):
            # The patient is the folder, whose images share it.
            file.write(f"{image(number)},Female,68,Frontal,AP,,,1.0,0.0,,,-1.0,,,0.0,,,,1.0\n")
    return root


def write_mimic(root, count, image):
    labels = ("Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung Opacity,No Finding,"
              "Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices")
    with open(f"{root}/mimic-cxr-2.0.0-metadata.csv", "w") as meta, open(f"{root}/mimic-cxr-2.0.0-split.csv", "w") as split, open(
            f"{root}/mimic-cxr-2.0.0-chexpert.csv", "w") as chexpert:
        meta.write("dicom_id,subject_id,study_id,ViewPosition\n")
        split.write("dicom_id,study_id,subject_id,split\n")
        chexpert.write(f"subject_id,study_id,{labels}\n")
        for number in range(count):
            subject, study, dicom = image(number).split("/")[-3:]
            subject, study, dicom = subject[1:], study[1:], dicom[:-4]
            meta.write(f"{dicom},{subject},{study},{('PA', 'LATERAL')[number % 2]}\n")
            split.write(f"{dicom},{study},{subject},train\n")
            if number % 2 == 0:
                chexpert.write(f"{subject},{study},1.0,,-1.0,0.0,,,,,,,,,,1.0\n")
    return root


def write_padchest(root, count, image):
    with open(f"{root}/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", "w") as file:
        file.write("ImageID,ImageDir,StudyID,PatientID,Projection,Labels\n")
        for number in range(count):
            folder, name = image(number).split("/")
            file.write(f"{name},{folder},s{number // 2},p{number // 3},PA,\"['cardiomegaly', 'nodule']\"\n")
    return root


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preprocess")
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--image-size", default="16")
    parser.add_argument("--split-by", default=None)
    parser.add_argument("--format", default="carina")
    parser.add_argument("--views", default="all")
    parser.add_argument("--directory", default=None)
    options = parser.parse_args()
    counts = [int(count) for count in options.counts.split(",")]
    work = tempfile.mkdtemp(prefix="carina-scale-", dir=options.directory)
    try:
        subprocess.run(
            [options.preprocess, "phantom", "--count", "1000", "--seed", "1", "--image-size", "16", "--output",
             f"{work}/phantom"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        names = sorted(os.listdir(f"{work}/phantom/images"))
        root = f"{work}/root"
        os.makedirs(root)

        def image(number):
            """Where the image of a number is; a layout that knows patients by their folders has a thousand images in each."""
            if options.format == "chexpert":
                return f"train/patient{number // 1000:06}/study1/{names[number % 1000]}"
            if options.format == "mimic-cxr-jpg":
                subject = 10000000 + number // 2
                return f"files/p{str(subject)[:2]}/p{subject}/s{50000000 + number // 2}/{number:08}.jpg"
            return f"d{number // 1000:04}/{names[number % 1000]}"

        if options.split_by:
            for number in range(max(counts)):
                if number % 1000 == 0:
                    os.makedirs(os.path.dirname(f"{root}/{image(number)}"))
                write_distinct(f"{root}/{image(number)}", number)
        elif options.format == "mimic-cxr-jpg":
            # A link for each study to a folder, and in it files under the names that its images have.
            for number in range(max(counts)):
                path = f"{root}/{image(number)}"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.link(f"{work}/phantom/images/{names[number % 30]}", path)
        else:
            for number in range(0, max(counts), 1000):
                target = os.path.dirname(f"{root}/{image(number)}")
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.symlink(f"{work}/phantom/images", target)
        print(f"{'images':>9}  {'seconds':>8}  {'µs/image':>8}  {'processor µs/image':>18}  {'first image after s':>19}  {'peak MiB':>8}", flush=True)
        for count in counts:
            if options.format == "carina":
                source = write_records(f"{work}/records.json", count, image, options.split_by)
            else:
                os.makedirs(f"{work}/tables", exist_ok=True)
                write = {"chexpert": write_chexpert, "mimic-cxr-jpg": write_mimic, "padchest": write_padchest}[options.format]
                source = write(f"{work}/tables", count, image)
            command = [
                options.preprocess, "--json", source, "--format", options.format, "--image-root", root, "--output", f"{work}/shards",
                "--image-size", options.image_size, "--views", options.views, "--samples", "captions",
            ] + (["--split-by", options.split_by] if options.split_by else [])
            start = time.monotonic()
            with open(f"{work}/log", "w") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)
                first = None
                while first is None and process.poll() is None:
                    time.sleep(0.02)
                    if os.path.exists(f"{work}/shards.partial/shards"):
                        first = time.monotonic() - start
                if first is None:
                    raise SystemExit(open(f"{work}/log").read() or "the run was over before it was looked at")
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
            if status != 0:
                raise SystemExit(open(f"{work}/log").read())
            processor = (usage.ru_utime + usage.ru_stime) / count * 1e6
            print(
                f"{count:9}  {seconds:8.1f}  {seconds / count * 1e6:8.0f}  {processor:18.0f}  {first:19.2f}  "
                f"{usage.ru_maxrss / 1024:8.1f}", flush=True)
            shutil.rmtree(f"{work}/shards")
    finally:
        shutil.rmtree(work)


main()
