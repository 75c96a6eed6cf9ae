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
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import tiny_world
from check_killed_runs import Killer
from killed_scenarios import newest_checkpoint, scenarios, whole_checkpoint
from power_loss_disk import Disk, lay
from power_loss_mount import Mounted, usable
from power_loss_trace import CALLS, Replay
from tiny_files import write


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
            write(f"{folder}/wrong.txt", "\n".join(found) + "\n")
            if os.path.exists(f"{self.directory}/stderr-0"):
                shutil.copy(f"{self.directory}/stderr-0", folder)


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
    # A card would be no part of what lies on a disk.
    options.device = None
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
