#!/usr/bin/env python3
"""What a power loss leaves of a run, and whether the next run goes on from it.

usage: check_power_loss.py --bin .build/release [--cuts 150] [--mounts 40] [--seed 1] [--only train-stage2] [--keep DIR]

Three parts, for the scenarios of killed_scenarios.py that have checkpoints, and for evaluate and preprocess:

1. Order. A run is traced (strace). For each file and directory that gets its name by a rename: its content was synced before; the
   directory it appears in is synced before anything is removed or another name is given, and before the program ends; the same
   for directories on the way to it that the run made.
2. Replay. The traced calls are played onto an empty directory, up to a cut, with what was not synced dropped: file content that
   was not synced is gone; names that were not synced are gone (`lost`), are there without the content (`named`), or either by
   chance (`mixed`). After --cuts such losses the same commands run again: exit code 0, the bytes of the undisturbed run,
   nothing left behind; and once a save was over, a whole checkpoint is there.
3. A file system. As root with a loop device: the run lies on ext4, which is shut down without writing its journal out
   (EXT4_IOC_SHUTDOWN, as its developers test losses of power) at a call or at a random moment, mounted again, and the run goes on.

What cannot be done on this machine is left out with a message. Exit code 1 when anything failed.
"""

import argparse
import fcntl
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import tiny_world
from check_killed_runs import Killer
from killed_scenarios import newest_checkpoint, scenarios, whole_checkpoint

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,"
    "truncate,ftruncate,link,linkat,symlink,symlinkat,fallocate,copy_file_range,sendfile,close,lseek,dup,dup2,dup3,fcntl,msync,mmap"
)


def unescape(text):
    """The bytes of a string that strace -xx wrote."""
    return bytes.fromhex(text.replace("\\x", ""))


class Node:
    """A file or directory: content as programs see it, and as it lies on the disk."""

    def __init__(self, is_directory):
        self.is_directory = is_directory
        self.now, self.synced = ({}, {}) if is_directory else (bytearray(), None)


def laid(path):
    """What lies on a disk already."""
    node = Node(os.path.isdir(path))
    if node.is_directory:
        node.now = {name: laid(os.path.join(path, name)) for name in os.listdir(path)}
        node.synced = dict(node.now)
    else:
        node.now = bytearray(tiny_world.read(path))
        node.synced = bytes(node.now)
    return node


class Disk:
    """Plays calls below `root`, where at first lies what lies in `start`."""

    def __init__(self, root, start):
        self.root, self.top, self.problems = root, laid(start), []
        # Changes of names that are not on the disk, in order; each is a list of (directory, name, node or None) that go together.
        self.journal = []
        # Renames that nothing may rely on yet; and for each run the steps of its checkpoints, with the number of the call.
        self.waiting, self.saved = {}, {}

    def change(self, *names):
        """Gives and takes names, all at once."""
        for directory, name, node in names:
            if node is None:
                directory.now.pop(name)
            else:
                directory.now[name] = node
        self.journal.append(names)

    def sync(self, node):
        """What fsync promises: the content of a file, or all changes of names that concern a directory."""
        if not node.is_directory:
            node.synced = bytes(node.now)
            return
        for names in [names for names in self.journal if any(directory is node for directory, _, _ in names)]:
            self.journal.remove(names)
            for directory, name, child in names:
                apply(directory.synced, name, child)

    def find(self, path):
        node = self.top
        for part in path.split("/"):
            if part and part != ".":
                node = node.now.get(part) if node and node.is_directory else None
        return node

    def parent(self, path):
        head, _, name = path.rpartition("/")
        return self.find(head), name

    def inside(self, path, cwd):
        """The path below the root, or None."""
        whole = os.path.normpath(path if path.startswith("/") else f"{cwd}/{path}")
        if whole == self.root:
            return ""
        return whole[len(self.root) + 1 :] if whole.startswith(self.root + "/") else None

    # The rules of the first part.

    def whole_content_synced(self, node):
        if node.is_directory:
            return not any(directory is node for names in self.journal for directory, _, _ in names) and all(
                self.whole_content_synced(child) for child in node.now.values()
            )
        return node.synced == bytes(node.now)

    def durable(self, path):
        """Whether the name and all names on the way to it are on the disk."""
        node = self.top
        for part in path.split("/"):
            child = node.now.get(part)
            if child is None or node.synced.get(part) is not child:
                return False
            node = child
        return True

    def dependent(self, what):
        """Something that relies on what was done before: every earlier rename must be on the disk."""
        for path in [path for path in self.waiting if self.find(path) is not None and not self.durable(path)]:
            self.problems.append(f"{what}, before {path} is on the disk (its directories are not synced)")
        self.waiting.clear()


def apply(names, name, node):
    """One change in the names of a directory."""
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


class Replay:
    """Parses a trace and plays it, calling back after each call that changes something."""

    def __init__(self, root, cwd):
        self.root, self.cwd, self.steps = root, cwd, []
        self.unknown = set()

    def read(self, trace):
        """Operations in their order: (name, arguments) with descriptors resolved by the trace's own paths."""
        started = {}
        with open(trace, errors="replace") as file:
            for line in file:
                match = re.match(r"(\d+) +(.*)", line.rstrip("\n"))
                if not match:
                    continue
                pid, rest = match.groups()
                if rest.endswith("<unfinished ...>"):
                    started[pid] = rest[: -len("<unfinished ...>")]
                    continue
                resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
                if resumed:
                    rest = started.pop(pid, "") + resumed.group(1)
                call = re.match(r"(\w+)\((.*)\) += (-?\d+)(.*)$", rest)
                if call and int(call.group(3)) >= 0:
                    yield call.group(1), call.group(2), int(call.group(3)), call.group(4)

    def play(self, trace, disk, after):
        files = {}
        strings = lambda text: [
            unescape(piece).decode(errors="surrogateescape") for piece in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', text)
        ]
        number = 0
        for name, text, result, rest in self.read(trace):
            changed, words, sync = False, "", False
            descriptor = re.match(r"(\d+)<((?:\\x[0-9a-f]{2})*)>", text)
            fd = int(descriptor.group(1)) if descriptor else None
            # Numbers are used again for what is not traced, such as pipes.
            if (
                descriptor
                and name != "close"
                and not unescape(descriptor.group(2)).decode(errors="surrogateescape").startswith(self.root)
            ):
                fd = None
            if name in ("open", "openat", "creat"):
                path = disk.inside(strings(text)[0], self.cwd)
                if path is None:
                    files.pop(result, None)
                    continue
                node = Node(False) if "O_TMPFILE" in text else disk.find(path)
                if node is None:
                    node = Node(False)
                    parent, base = disk.parent(path)
                    disk.change((parent, base, node))
                    changed, words = True, f"create {path}"
                elif "O_TRUNC" in text and not node.is_directory and node.now:
                    node.now = bytearray()
                    changed, words = True, f"truncate {path}"
                files[result] = [node, len(node.now) if "O_APPEND" in text else 0, "O_APPEND" in text, path]
            elif name == "closeall":
                files.clear()
            elif name == "close":
                files.pop(fd, None)
            elif fd in files and name in ("write", "writev"):
                node, at, append, path = files[fd]
                data = b"".join(unescape(piece) for piece in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', text))[:result]
                at = len(node.now) if append else at
                node.now[len(node.now) :] = bytes(max(at - len(node.now), 0))
                node.now[at : at + len(data)] = data
                files[fd][1] = at + len(data)
                changed, words = True, f"write {path}"
            elif fd in files and name in ("pwrite64", "pwritev"):
                node, _, _, path = files[fd]
                data = unescape(re.search(r'"((?:\\x[0-9a-f]{2})*)"', text).group(1))[:result]
                at = int(text.rsplit(",", 1)[1])
                node.now[len(node.now) :] = bytes(max(at - len(node.now), 0))
                node.now[at : at + len(data)] = data
                changed, words = True, f"write {path}"
            elif fd in files and name == "lseek":
                files[fd][1] = result
            elif fd in files and name in ("dup", "dup2", "dup3", "fcntl"):
                if name != "fcntl" or "F_DUPFD" in text:
                    files[result] = files[fd]
            elif fd in files and name in ("ftruncate", "fallocate"):
                node, _, _, path = files[fd]
                numbers = [int(part) for part in re.findall(r", (\d+)", text)]
                if name == "ftruncate":
                    node.now[numbers[0] :] = bytes(max(numbers[0] - len(node.now), 0))
                elif "KEEP_SIZE" not in text:
                    node.now[len(node.now) :] = bytes(max(sum(numbers[-2:]) - len(node.now), 0))
                changed, words = True, f"{name} {path}"
            elif fd in files and name in ("fsync", "fdatasync"):
                disk.sync(files[fd][0])
                changed, words, sync = True, f"{name} {files[fd][3] or '.'}", True
            elif name in ("mkdir", "mkdirat"):
                path = disk.inside(strings(text)[0], self.cwd)
                if path:
                    parent, base = disk.parent(path)
                    disk.change((parent, base, Node(True)))
                    changed, words = True, f"mkdir {path}"
            elif name in ("unlink", "unlinkat", "rmdir"):
                path = disk.inside(strings(text)[0], self.cwd)
                if path and descriptor and name == "unlinkat":
                    self.unknown.add("unlinkat below an open directory")
                if path and disk.find(path) is not None:
                    if ".partial" not in path:
                        disk.dependent(f"{path} is removed")
                    parent, base = disk.parent(path)
                    disk.change((parent, base, None))
                    changed, words = True, f"remove {path}"
            elif name in ("rename", "renameat", "renameat2", "link", "linkat"):
                source, target = (disk.inside(one, self.cwd) for one in strings(text)[:2])
                if source and target:
                    node = disk.find(source)
                    whole = target.split("/")
                    final = not any(".partial" in part for part in whole)
                    if final:
                        if not disk.whole_content_synced(node):
                            disk.problems.append(f"{target} gets its name before its content is on the disk")
                        disk.dependent(f"{target} gets its name")
                        disk.waiting[target] = True
                    one, base = disk.parent(source)
                    two, other = disk.parent(target)
                    disk.change((two, other, node), *([(one, base, None)] if name.startswith("rename") else []))
                    step = re.search(r"^(.*)/checkpoints/step-(\d+)$", "/" + target)
                    if step and final:
                        disk.saved.setdefault(step.group(1).strip("/"), []).append((int(step.group(2)), number))
                    changed, words = True, f"rename {source} to {target}"
            elif name in ("truncate",):
                path = disk.inside(strings(text)[0], self.cwd)
                if path:
                    self.unknown.add("truncate of a path")
            elif name == "mmap" and fd in files and "MAP_SHARED" in text and "PROT_WRITE" in text:
                self.unknown.add(f"{files[fd][3]} is written through memory")
            elif fd in files and name in ("copy_file_range", "sendfile", "symlink", "symlinkat", "sync_file_range"):
                self.unknown.add(f"{name} of {files[fd][3]}")
            if changed:
                number += 1
                after(number, words, sync, disk)
        disk.dependent("the program ends")


def lay(disk, path, how, dice):
    """Writes what a power loss leaves of the disk."""
    names = {}
    if how == "mixed":
        for change in disk.journal[: dice.randrange(len(disk.journal) + 1)]:
            for directory, name, child in change:
                apply(names.setdefault(id(directory), dict(directory.synced)), name, child)

    def content(node):
        if how != "mixed":
            return node.synced or b""
        old, new = node.synced or b"", bytes(node.now)
        return dice.choice([old, new, new[: dice.randrange(len(old), len(new) + 1)] if new.startswith(old) else old])

    def write(node, path):
        os.makedirs(path, exist_ok=True)
        for name, child in (node.now if how == "named" else names.get(id(node), node.synced)).items():
            if child.is_directory:
                write(child, f"{path}/{name}")
            else:
                with open(f"{path}/{name}", "wb") as file:
                    file.write(content(child))

    write(disk.top, path)


class Loss:
    """The checks of one scenario."""

    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.killer = Killer(options, directory)

    def trace(self, scenario):
        """A trace of the undisturbed run, in one file for all commands."""
        self.killer.undisturbed(scenario)
        self.killer.clear(scenario)
        start = f"{self.directory}/start"
        shutil.rmtree(start, ignore_errors=True)
        shutil.copytree(f"{self.directory}/run", start)
        with open(f"{self.directory}/trace", "w") as whole:
            for number, command in enumerate(scenario.commands):
                part = f"{self.directory}/trace-{number}"
                self.killer.start(
                    command,
                    [
                        "strace",
                        "-f",
                        "-qq",
                        "-y",
                        "-xx",
                        "-s",
                        "100000000",
                        "-e",
                        "trace=" + ",".join("?" + call for call in CALLS.split(",")),
                        "-o",
                        part,
                    ],
                ).wait()
                with open(part, errors="replace") as file:
                    shutil.copyfileobj(file, whole)
                whole.write("0 closeall() = 0\n")
        return f"{self.directory}/trace"

    def replay(self, scenario, cuts, dice):
        trace = self.trace(scenario)
        run = f"{self.directory}/run"
        counted = []
        disk = Disk(run, f"{self.directory}/start")
        player = Replay(run, self.directory)
        player.play(trace, disk, lambda number, words, sync, disk: counted.append((words, sync)))
        order = {}
        for problem in disk.problems:
            kind = re.sub(r"\.\d+\.partial|\d+", "N", problem)
            order[kind] = order.get(kind, 0) + 1
        wrong = [f"{scenario.name}, order: {kind} ({count} times)" for kind, count in sorted(order.items())]
        # Most losses at what orders things, as nothing else changes what is on the disk for good.
        total = len(counted)
        places = [
            number for number, (words, sync) in enumerate(counted, 1) if sync or words.startswith(("rename", "remove"))
        ]
        chosen = {}
        for turn in range(cuts):
            cut = dice.choice(places) if dice.random() < 0.8 else dice.randrange(1, total + 1)
            chosen.setdefault(cut, {})[["lost", "named", "mixed"][turn % 3]] = None
        states = []

        def after(number, words, sync, disk):
            for how in chosen.get(number, []):
                target = f"{self.directory}/state-{number}-{how}"
                lay(disk, target, how, random.Random(f"{self.options.seed}/{number}"))
                # A save is over when something else than a sync follows.
                over = {
                    one: [step for step, at in steps if any(not s for _, s in counted[at + 1 : number])]
                    for one, steps in disk.saved.items()
                }
                saved = {one: max(steps) for one, steps in over.items() if steps}
                states.append((target, number, words, how, saved))

        player.play(trace, Disk(run, f"{self.directory}/start"), after)
        for target, number, words, how, saved in states:
            what = f"{scenario.name}, loss ({how}) after call {number} of {total} ({words[:120]})"
            found = []
            for one, step in saved.items():
                present = newest_checkpoint(f"{target}/{one}")
                if not (present >= step and whole_checkpoint(f"{target}/{one}/checkpoints/step-{present}")):
                    # A finished run needs none.
                    if not os.path.exists(f"{target}/{one}/final_model"):
                        found.append(
                            f"{what}: the checkpoint of step {step} was saved, and there is no whole one at or after it in {one}"
                        )
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(target, run)
            found += self.killer.settle(scenario, what)
            if found:
                self.keep(scenario, f"replay-{number}-{how}", target, found)
            wrong += found[:3]
            shutil.rmtree(target)
        return len(states), total, wrong, player.unknown

    def keep(self, scenario, name, state, found):
        folder = f"{self.options.keep}/{scenario.name}-{name}"
        if not os.path.exists(folder):
            shutil.copytree(state, f"{folder}/run", symlinks=True)
            tiny_world.write(f"{folder}/wrong.txt", "\n".join(found) + "\n")
            if os.path.exists(f"{self.directory}/stderr-0"):
                shutil.copy(f"{self.directory}/stderr-0", folder)


class Mounted:
    """An ext4 in a file, mounted on `run`."""

    # _IOR('X', 125, __u32) of linux/ext4.h, with EXT4_GOING_FLAGS_NOLOGFLUSH.
    SHUTDOWN, NO_LOG = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125, 2

    def __init__(self, directory):
        self.image, self.point, self.device = f"{directory}/disk.img", f"{directory}/run", None

    def make(self):
        shutil.rmtree(self.point, ignore_errors=True)
        os.makedirs(self.point)
        with open(self.image, "wb") as file:
            file.truncate(96 << 20)
        subprocess.run(
            ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.image],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.mount()
        os.rmdir(f"{self.point}/lost+found")
        os.sync()

    def mount(self, how="noauto_da_alloc"):
        # A device of its own each time: one that is still in use would bring back the file system that was shut down.
        found = subprocess.run(
            ["losetup", "-f", "--show", self.image], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.device = found.stdout.decode().strip()
        subprocess.run(
            ["mount", "-t", "ext4", "-o", how, self.device, self.point],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def unmount(self):
        if os.path.ismount(self.point):
            subprocess.run(["umount", self.point], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.device:
            subprocess.run(
                ["losetup", "-d", self.device], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self.device = None

    def lose_power(self):
        point = os.open(self.point, os.O_RDONLY)
        fcntl.ioctl(point, self.SHUTDOWN, struct.pack("I", self.NO_LOG))
        os.close(point)


def usable(directory):
    """Whether an ext4 can be mounted and shut down here; else why not."""
    disk = Mounted(directory)
    try:
        disk.make()
        tiny_world.write(f"{disk.point}/kept", b"1")
        os.sync()
        tiny_world.write(f"{disk.point}/dropped", b"2")
        disk.lose_power()
        disk.unmount()
        disk.mount()
        found = sorted(os.listdir(disk.point))
        disk.unmount()
        return None if found == ["kept"] else f"after a shutdown there is {found}"
    except (OSError, subprocess.CalledProcessError) as problem:
        disk.unmount()
        return str(problem)


def on_ext4(loss, scenario, count, dice):
    """Losses of power on a mounted ext4: how many fell, and what is wrong."""
    killer, disk, wrong = loss.killer, Mounted(loss.directory), []
    killer.undisturbed(scenario)
    _, seconds = killer.made[scenario.name]
    calls = [
        one
        for one in killer.calls(scenario)
        if one[1] in ("rename", "fsync", "unlink", "rmdir", "unlinkat", "ftruncate")
    ]
    fell = 0
    for turn in range(count):
        disk.make()
        how = dice.choice(["noauto_da_alloc", "noauto_da_alloc,data=writeback", "defaults"])
        disk.unmount()
        disk.mount(how)
        try:
            number = dice.randrange(len(scenario.commands))
            scenario.setup(disk.point)
            os.sync()
            for command in scenario.commands[:number]:
                killer.start(command).wait()
            if calls and dice.random() < 0.6:
                number, call, nth = dice.choice([one for one in calls if one[0] == number] or calls)
                what = f"{scenario.name}, power lost ({how}) at {call} {nth}"
                killer.start(
                    scenario.commands[number],
                    [
                        "strace",
                        "-f",
                        "-qq",
                        "-o",
                        "/dev/null",
                        "-e",
                        f"trace={call}",
                        "-e",
                        f"inject={call}:signal=KILL:when={nth}",
                    ],
                ).wait()
                seen = killer.lost(scenario)
                disk.lose_power()
            else:
                share = dice.uniform(0.1, 1.0)
                what = f"{scenario.name}, power lost ({how}) after {share:.2f} of its time"
                process = killer.start(scenario.commands[number])
                time.sleep(share * seconds / len(scenario.commands))
                process.send_signal(signal.SIGSTOP)
                seen = killer.lost(scenario)
                disk.lose_power()
                process.kill()
                process.wait()
            fell += 1
            disk.unmount()
            disk.mount()
            found = []
            for run, (_, saved, done) in seen.items():
                present = newest_checkpoint(f"{disk.point}/{run[4:]}")
                if saved > scenario.every and not done and present < saved - scenario.every:
                    found.append(f"{what}: {run} had a checkpoint of step {saved}, and now has one of step {present}")
            snapshot = f"{loss.directory}/snapshot"
            shutil.rmtree(snapshot, ignore_errors=True)
            shutil.copytree(disk.point, snapshot, symlinks=True)
            found += killer.settle(scenario, what)
            if found:
                loss.keep(scenario, f"ext4-{turn}", snapshot, found)
            wrong += found[:3]
        finally:
            disk.unmount()
    os.rmdir(disk.point)
    return fell, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--cuts", type=int, default=150, help="losses replayed, over all scenarios")
    parser.add_argument("--mounts", type=int, default=40, help="losses on ext4, over all scenarios")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", help="scenarios whose names begin with one of these, joined by commas")
    parser.add_argument("--keep", default="power-failures")
    options = parser.parse_args()
    options.bin, options.keep = os.path.abspath(options.bin), os.path.abspath(options.keep)
    scratch = tempfile.mkdtemp(prefix="carina-power-")
    try:
        world = tiny_world.TinyWorld(options.bin, scratch).make()
        chosen = [
            one
            for one in scenarios(world)
            if not one.together and one.name not in ("preprocess-inspect", "preprocess-phantom", "preprocess-splits")
        ]
        if options.only:
            chosen = [one for one in chosen if one.name.startswith(tuple(options.only.split(",")))]
        failed = 0
        kinds = {}

        def tell(wrong):
            for one in wrong:
                kind = re.sub(r"\d+(\.\d+)?", "N", re.sub(r"\(.*?\)", "", one))
                kinds[kind] = kinds.get(kind, 0) + 1
                if kinds[kind] <= 2:
                    print(f"FAILED {one}", flush=True)

        if shutil.which("strace"):
            for scenario in chosen:
                loss = Loss(options, scratch)
                count, total, wrong, unknown = loss.replay(
                    scenario, max(options.cuts // len(chosen), 3), random.Random(f"{options.seed}/{scenario.name}")
                )
                tell(wrong)
                failed += len(wrong)
                print(
                    f"{scenario.name:24} {total:4} calls traced, {count:3} losses replayed, {len(wrong)} findings"
                    + (f"; not followed: {', '.join(sorted(unknown))}" if unknown else ""),
                    flush=True,
                )
        else:
            print("strace is not installed: order and replay are left out (apt-get install strace)", flush=True)
        reason = usable(scratch) if options.mounts else "--mounts 0"
        if reason is None:
            for scenario in chosen:
                loss = Loss(options, scratch)
                fell, wrong = on_ext4(
                    loss,
                    scenario,
                    max(options.mounts // len(chosen), 1),
                    random.Random(f"{options.seed}/ext4/{scenario.name}"),
                )
                tell(wrong)
                failed += len(wrong)
                print(f"{scenario.name:24} {fell:3} losses of power on ext4, {len(wrong)} findings", flush=True)
        else:
            print(f"losses on a mounted ext4 are left out: {reason}", flush=True)
        print(f"{failed} findings (seed {options.seed})" + (f", kept in {options.keep}" if failed else ""))
        sys.exit(1 if failed else 0)
    finally:
        if os.path.ismount(f"{scratch}/run"):
            subprocess.run(["umount", f"{scratch}/run"])
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
