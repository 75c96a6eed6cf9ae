"""The vision tower of a SigLIP in 8 bits by OpenVINO on the same weights: weights and activations, as nncf rounds them.

usage: openvino_peer.py MODEL_DIR [--repeats 5] [--kind int8|bf16|fp32] [--calibration 8] [--keep DIR]     environment: THREADS=2

MODEL_DIR is a SigLIP checkpoint in Hugging Face layout. Needs torch, transformers, openvino and, for int8, nncf. Calibration
and timing images are random. --keep DIR keeps the converted model there for the next call, which takes minutes to make. Prints the median of one image, the relative error of the features against torch in fp32,
and the peak of memory of the runs (a process of its own, without torch)."""
import argparse, os, resource, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--kind", default="int8", choices=["int8", "bf16", "fp32"])
parser.add_argument("--calibration", type=int, default=8)
parser.add_argument("--keep", metavar="DIR")
parser.add_argument("--run", metavar="XML", help=argparse.SUPPRESS)
options = parser.parse_args()
threads = int(os.environ.get("THREADS", "2"))

import numpy as np
import openvino as ov


def compiled(path):
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32" if options.kind == "fp32" else "bf16"}
    return ov.Core().compile_model(path, "CPU", settings)


def images(count, size, seed):
    return np.random.default_rng(seed).standard_normal((count, 3, size, size), dtype=np.float32)


if options.run:
    path = options.run
    expected = np.load(path + ".npz")
    model = compiled(path)
    found = model(expected["pixels"])[0]
    seconds = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        model(expected["pixels"])
        seconds.append(time.perf_counter() - start)
    difference = np.linalg.norm(found - expected["features"]) / np.linalg.norm(expected["features"])
    print(f"median {statistics.median(seconds):.3f} s, error {difference:.4f}, "
          f"peak RSS GiB {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}")
    sys.exit()


def run(path):
    sys.exit(subprocess.run([sys.executable, __file__, options.model, "--kind", options.kind, "--repeats", str(options.repeats), "--run", path]).returncode)


kept = os.path.join(options.keep, f"tower-{options.kind}.xml") if options.keep else None
if kept and os.path.exists(kept + ".npz"):
    run(kept)

import torch
from transformers import AutoConfig, SiglipVisionModel

torch.set_num_threads(threads)
config = AutoConfig.from_pretrained(options.model)
size = getattr(config, "vision_config", config).image_size
model = SiglipVisionModel.from_pretrained(options.model, dtype=torch.float32, attn_implementation="sdpa").eval()


class Features(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model(pixel_values=pixels).last_hidden_state


pixels = images(1, size, 1)
with torch.no_grad():
    features = Features()(torch.from_numpy(pixels)).numpy()
    graph = ov.convert_model(Features(), example_input=torch.from_numpy(pixels), input=[1, 3, size, size])
del model
if options.kind == "int8":
    import nncf

    graph = nncf.quantize(graph, nncf.Dataset([image[None] for image in images(options.calibration, size, 2)]),
                          model_type=nncf.ModelType.TRANSFORMER, subset_size=options.calibration)
with tempfile.TemporaryDirectory() as folder:
    path = kept or os.path.join(folder, "tower.xml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    ov.save_model(graph, path, compress_to_fp16=False)
    np.savez(path + ".npz", pixels=pixels, features=features)
    run(path)
