"""Runs one program under limits and reads what it answered, for `fuzz_files.py`."""

import hashlib
import json
import os
import re
import resource
import select
import subprocess
import time

from tiny_files import read
from tiny_world import ENVIRONMENT

TIMES = re.compile(
    rb'"(seconds|data_wait_ms|load|image|vision|prefill|decode)": ?[0-9.e-]+|[0-9.]+ ?(s|ms|/s|GiB|MiB)\b'
)


class Outcome:
    """What a program did."""

    def __init__(self, code, seconds, memory, out, err):
        self.code, self.seconds, self.memory, self.out, self.err = code, seconds, memory, out, err


def limits(address_space):
    def set_them():
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))

    return set_them


def execute(binaries, command, arguments, cwd, address_space, seconds):
    """Runs one program under the limits. A program that takes longer is killed and has the code None."""
    texts = [open(os.path.join(cwd, name), "w+b") for name in ("stdout", "stderr")]
    with open(os.path.join(cwd, "stdin"), "w") as file:
        file.write(command.stdin or "")
    start = time.monotonic()
    with open(os.path.join(cwd, "stdin")) as stdin:
        process = subprocess.Popen(
            [os.path.join(binaries, command.program), *arguments],
            cwd=cwd,
            env=dict(ENVIRONMENT, TMPDIR=f"{cwd}/temporary"),
            stdin=stdin,
            stdout=texts[0],
            stderr=texts[1],
            preexec_fn=limits(address_space),
        )
    watch = os.pidfd_open(process.pid)
    ended = select.select([watch], [], [], seconds)[0]
    if not ended:
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    os.close(watch)
    took = time.monotonic() - start
    read_back = []
    for file in texts:
        file.seek(0)
        read_back.append(file.read(4 << 20))
        file.close()
    return Outcome(process.returncode if ended else None, took, usage.ru_maxrss << 10, *read_back)


def content(path):
    """A digest of a file or of all files below a directory, by name."""
    if os.path.isdir(path):
        return {
            os.path.relpath(os.path.join(folder, name), path): content(os.path.join(folder, name))
            for folder, _, names in os.walk(path)
            for name in names
        }
    if not os.path.exists(path):
        return None
    return hashlib.sha256(TIMES.sub(b"", read(path)) if path.endswith((".json", ".jsonl")) else read(path)).hexdigest()


def shards_content(directory):
    """A shard directory's files without the digest of the records that it was made from, which differs for every mutant."""
    if not os.path.exists(f"{directory}/manifest.json"):
        return None
    manifest = json.loads(read(f"{directory}/manifest.json"))
    source = manifest.pop("source")["sha256"].encode()
    for shard in manifest["shards"]:
        shard.pop("sha256")
    found = {"manifest.json": json.dumps(manifest)}
    for name in os.listdir(directory):
        if name != "manifest.json":
            found[name] = hashlib.sha256(read(f"{directory}/{name}").replace(source, bytes(len(source)))).hexdigest()
    return found
