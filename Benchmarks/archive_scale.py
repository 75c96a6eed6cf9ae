#!/usr/bin/env python3
"""Time per image and peak memory of preprocess over archives of growing size.

usage: archive_scale.py PREPROCESS [--counts 10000,100000,1000000] [--image-size 16] [--split-by patient] [--directory D]

The archive is simulated: a thousand small phantom radiographs, and as many links to their directory as are needed, so that every image
has a path of its own and no pixels are kept. Every record has an id, a patient, a study and a caption of its own. What is
measured is therefore everything but the decoding of large files: reading records, planning, checking, writing.
"""
import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preprocess")
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--image-size", default="16")
    parser.add_argument("--split-by", default=None)
    parser.add_argument("--directory", default=None)
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="carina-scale-", dir=options.directory)
    try:
        subprocess.run(
            [options.preprocess, "phantom", "--count", "1000", "--seed", "1", "--image-size", "16", "--output",
             f"{work}/phantom"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        names = sorted(os.listdir(f"{work}/phantom/images"))
        print(f"{'images':>9}  {'seconds':>8}  {'µs/image':>8}  {'processor µs/image':>18}  {'first image after s':>19}  {'peak MiB':>8}", flush=True)
        for count in map(int, options.counts.split(",")):
            root = f"{work}/root-{count}"
            os.makedirs(root)
            for number in range((count + len(names) - 1) // len(names)):
                os.symlink(f"{work}/phantom/images", f"{root}/d{number:04}")
            with open(f"{root}/records.json", "w") as file:
                for number in range(count):
                    record = {
                        "id": f"sample-{number:08}", "image": f"d{number // len(names):04}/{names[number % len(names)]}",
                        "caption": f"Frontal view number {number}. The heart is of normal size. The lungs are clear.",
                        "patient": f"p{number // 3:07}", "study": f"s{number // 2:07}", "view": "PA",
                    }
                    file.write(("[" if number == 0 else ",\n") + json.dumps(record))
                file.write("]\n")
            command = [
                options.preprocess, "--json", f"{root}/records.json", "--image-root", root, "--output", f"{work}/shards",
                "--image-size", options.image_size,
            ] + (["--split-by", options.split_by, "--allow-known-leak", "carina"] if options.split_by else [])
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
            shutil.rmtree(root)
    finally:
        shutil.rmtree(work)


main()
