"""Writes Tests/CarinaTests/Goldens/torch-archives: projectors as torch.save writes them, and files that are refused.

    python Tests/Reference/make_torch_archive_goldens.py        (needs torch, safetensors; a second)

Read; the numbers that PyTorch reads from FILE are in FILE.safetensors, under the names of the engine:

  projector_best.bin    state_dict of a module with `self.model = Sequential(Linear, GELU, Linear)`, as ProjectionTrainer's stage 1 saves it
  strided.pth           half precision; one matrix transposed, one a part of a larger one, the biases in one storage; keys `0.weight`, …
  protocol4.pt          bfloat16, pickle protocol 4, parameters instead of tensors, keys `module.model.0.weight`, …
  old-version.bin       double precision; entries as PyTorch 1.6 wrote them: no byteorder

Refused:

  module.bin            the whole module: names of classes
  checkpoint.bin        a state_dict beside other things
  hook.bin              a dictionary that would run a command: of `posix.system`
  script.pt             the entries of a program of TorchScript
"""

import os
import pathlib
import pickle
import shutil
import zipfile

import torch

from model_twins import Projector, generator, randomise
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "torch-archives"
SIZES = (6, 10, 4)


def save(name, state, prefix, **more):
    torch.save(state, ROOT / name, **more)
    again = torch.load(ROOT / name, weights_only="pickle_protocol" not in more)
    save_file({"model." + k.removeprefix(prefix): v.detach().clone().contiguous() for k, v in again.items()}, ROOT / f"{name}.safetensors")


def tensor(seed, *shape):
    return torch.randn(*shape, generator=generator(seed))


class Hook:
    def __reduce__(self):
        return os.system, ("true",)


def rewritten(source, target, change):
    """The archive of a source with entries that `change` gives for a name and its bytes; none for None."""
    with zipfile.ZipFile(ROOT / source) as old, zipfile.ZipFile(ROOT / target, "w") as new:
        for entry in old.infolist():
            data = change(entry.filename.split("/", 1)[1], old.read(entry))
            if data is not None:
                new.writestr(zipfile.ZipInfo(entry.filename), data)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    inputs, hidden, outputs = SIZES
    module = Projector(*SIZES)
    randomise(module, 601)
    save("projector_best.bin", module.state_dict(), "model.")

    biases = tensor(602, hidden + outputs).half()
    save("strided.pth", {
        "0.weight": tensor(603, inputs, hidden).half().t(), "0.bias": biases[:hidden],
        "2.weight": tensor(604, 2 * outputs, hidden + 3).half()[1::2, 2:hidden + 2], "2.bias": biases[hidden:]}, "")

    names = {"module.model." + k.removeprefix("model."): torch.nn.Parameter(v.bfloat16()) for k, v in module.state_dict().items()}
    save("protocol4.pt", names, "module.model.", pickle_protocol=4)

    torch.save({k: v.double() for k, v in module.state_dict().items()}, ROOT / "new.bin")
    rewritten("new.bin", "old-version.bin", lambda name, data: data if name in ("data.pkl", "version") or name.startswith("data/") else None)
    (ROOT / "new.bin").unlink()
    save_file({k: v.double() for k, v in module.state_dict().items()}, ROOT / "old-version.bin.safetensors")

    torch.save(module, ROOT / "module.bin")
    torch.save({"epoch": 3, "state_dict": module.state_dict()}, ROOT / "checkpoint.bin")
    rewritten("projector_best.bin", "hook.bin", lambda name, data: pickle.dumps({"model.0.weight": Hook()}, 2) if name == "data.pkl" else data)
    with zipfile.ZipFile(ROOT / "script.pt", "w") as file:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            file.writestr(zipfile.ZipInfo(f"script/{name}"), b"\x80\x02).")


if __name__ == "__main__":
    main()
