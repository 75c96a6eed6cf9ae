#!/usr/bin/env python3
"""Kills every program by SIGKILL, at random moments and at system calls, and compares what it ends in with an undisturbed run.

usage: check_killed_runs.py --bin .build/release [--count 500] [--seed 1] [--jobs 2] [--only train-stage2,evaluate] [--device cuda] [--keep DIR] [--every-call 1]

For each scenario (killed_scenarios.py) the undisturbed run is made first. Then it is killed and given again until it is done:
at each rename, unlink, fsync and truncate of the run (strace injects the signal on entering the call; where strace is not
installed this part is left out, with a message), and at random moments, up to three times in a row. Checked:

- all files end with the bytes of the undisturbed run (times and `environment` left aside), and nothing else is left behind;
- the exit code of every run that was not killed is 0;
- a training run loses no more than the steps since its promised checkpoint: the newest checkpoint under its name is at most
  the interval behind the log, and the lines of the log up to it stay as they are, times and all: the next run goes on from there.

Exit code 1 when anything failed; what failed is kept in --keep.
"""

import argparse
import json
import multiprocessing
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
from killed_scenarios import log_until, logged_steps, newest_checkpoint, scenarios, tree, whole_checkpoint
from tiny_files import read, write
from tiny_world import ENVIRONMENT, TinyWorld

CALLS = [
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "fsync",
    "fdatasync",
    "truncate",
    "ftruncate",
    "link",
    "linkat",
    "msync",
]
# Some are not there on some processors; strace takes them as they are named here.
TRACED = ",".join("?" + call for call in CALLS)


class Killer:
    """Runs scenarios in one directory."""

    def __init__(self, options, directory):
        self.options, self.directory, self.run_directory = options, directory, f"{directory}/run"
        self.made = {}
        os.makedirs(f"{directory}/temporary", exist_ok=True)

    def start(self, command, prefix=(), number=0):
        name, arguments = command
        return subprocess.Popen(
            [
                *prefix,
                os.path.join(self.options.bin, name),
                *arguments,
                *tiny_world.device_options(name, arguments, self.options.device),
            ],
            cwd=self.directory,
            env=dict(ENVIRONMENT, TMPDIR=f"{self.directory}/temporary"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(f"{self.directory}/stderr-{number}", "wb"),
        )

    def finish(self, scenario):
        """Gives all commands again; exit codes and what they wrote to stderr."""
        codes, texts = [], []
        processes = []
        for number, command in enumerate(scenario.commands):
            processes.append(self.start(command, number=number))
            if not scenario.together:
                processes[-1].wait()
        for number, process in enumerate(processes):
            process.wait()
            codes.append(process.returncode)
            texts.append(read(f"{self.directory}/stderr-{number}").decode(errors="replace"))
        return codes, "".join(texts)

    def clear(self, scenario):
        shutil.rmtree(self.run_directory, ignore_errors=True)
        os.makedirs(self.run_directory)
        scenario.setup(self.run_directory)

    def undisturbed(self, scenario):
        """The files of the run without a kill, its seconds, and how often it makes each call."""
        if scenario.name not in self.made:
            self.clear(scenario)
            start = time.monotonic()
            codes, text = self.finish(scenario)
            seconds = time.monotonic() - start
            if any(codes):
                raise SystemExit(f"{scenario.name} fails undisturbed: {text[-600:]}")
            self.made[scenario.name] = (tree(self.run_directory, scenario.ignore), seconds)
        return self.made[scenario.name]

    def calls(self, scenario):
        """(number of the command, call, how often) of an undisturbed run."""
        self.clear(scenario)
        found = []
        for number, command in enumerate(scenario.commands):
            trace = f"{self.directory}/trace"
            self.start(command, ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={TRACED}"]).wait()
            counts = {}
            with open(trace, errors="replace") as file:
                for line in file:
                    match = re.match(r"(\d+) +(\w+)\(", line)
                    if match:
                        counts[match.groups()] = counts.get(match.groups(), 0) + 1
            for call in CALLS:
                most = max((count for (_, name), count in counts.items() if name == call), default=0)
                found += [(number, call, turn) for turn in range(1, most + 1)]
        return found

    def lost(self, scenario):
        """For each run directory: the steps that its log has, and those of its newest checkpoint."""
        return {
            run: (
                logged_steps(f"{self.directory}/{run}"),
                newest_checkpoint(f"{self.directory}/{run}"),
                os.path.exists(f"{self.directory}/{run}/final_model"),
            )
            for run in scenario.runs
        }

    def after_kill(self, scenario, words):
        """Checks what a kill left, before the next run."""
        return [
            f"{words}: {run} has {steps} steps in its log and its newest checkpoint is of step {saved}; an interval is {scenario.every}"
            for run, (steps, saved, done) in self.lost(scenario).items()
            if not done and steps - saved > scenario.every
        ]

    def settle(self, scenario, words):
        """Runs to the end and compares; what is wrong."""
        expected, _ = self.undisturbed_known(scenario)
        kept = {
            run: (saved, log_until(f"{self.directory}/{run}", saved))
            for run, (_, saved, _) in self.lost(scenario).items()
        }
        branched = {}
        for run in scenario.runs if scenario.back else []:
            branches = json.loads(read(f"{self.directory}/{run}/run.json")).get("branches", [])
            branched[run] = bool(branches) and not branches[-1]["pending"]
        codes, text = self.finish(scenario)
        wrong = []
        # Parts that are all done refuse to be done again.
        if any(codes) and not (
            len(scenario.commands) > 1 and set(codes) <= {0, 64} and "All parts may be done" in text
        ):
            wrong.append(
                f"{words}: the next run ends with {codes}: {text.strip().splitlines()[-1][:300] if text.strip() else ''}"
            )
        for run, (saved, lines) in kept.items():
            if scenario.back and not branched[run]:
                saved, lines = scenario.back, lines[: scenario.back]
            if log_until(f"{self.directory}/{run}", saved) != lines:
                wrong.append(f"{words}: the next run did steps again that the checkpoint of step {saved} in {run} has")
        found = tree(self.run_directory, scenario.ignore)
        for path in sorted(set(expected) | set(found)):
            # One more checkpoint, a whole one, is no dirt: its removal did not come about.
            checkpoint = re.match(r"(.*/checkpoints/step-\d+)/", path)
            if path not in expected and checkpoint and whole_checkpoint(f"{self.directory}/{checkpoint.group(1)}"):
                continue
            if expected.get(path) != found.get(path):
                wrong.append(
                    f"{words}: {path} "
                    + (
                        "is left behind"
                        if path not in expected
                        else "is missing" if path not in found else "has other bytes"
                    )
                )
        return wrong

    def undisturbed_known(self, scenario):
        return self.made[scenario.name]

    def kill_at_call(self, scenario, number, call, turn):
        """A kill on entering a call: (whether it fell, what was wrong)."""
        self.undisturbed(scenario)
        self.clear(scenario)
        for command in scenario.commands[:number]:
            self.start(command).wait()
        # The tracer dies of the signal that it gives, so the exit code says whether it fell.
        process = self.start(
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
                f"inject={call}:signal=KILL:when={turn}",
            ],
        )
        process.wait()
        words = f"{scenario.name}, killed at {call} {turn} of command {number + 1}"
        fell = process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
        wrong = self.after_kill(scenario, words) if fell else []
        if not fell and process.returncode:
            wrong.append(f"{words}: exit code {process.returncode}")
        return int(fell), wrong + self.settle(scenario, words)

    def kill_at_random(self, scenario, dice):
        """Up to three kills in a row, each of a run that goes on from the one before."""
        _, seconds = self.undisturbed(scenario)
        self.clear(scenario)
        kills, wrong, words = 0, [], f"{scenario.name}, killed"
        for _ in range(dice.choice([1, 1, 2, 3])):
            number = dice.randrange(len(scenario.commands))
            share = dice.uniform(0.02, 1.0)
            if scenario.together:
                processes = [self.start(command, number=place) for place, command in enumerate(scenario.commands)]
                victim = processes[number]
            else:
                processes = []
                for command in scenario.commands[:number]:
                    self.start(command).wait()
                victim = self.start(scenario.commands[number])
                processes.append(victim)
            time.sleep(share * seconds / (1 if scenario.together else len(scenario.commands)))
            if victim.poll() is None:
                victim.kill()
                kills += 1
                words += f" after {share:.3f} of its time"
            for process in processes:
                process.wait()
                # A part that comes after all parts were done is turned away with 64.
                if process.returncode not in (0, -signal.SIGKILL) and not (
                    len(scenario.commands) > 1 and process.returncode == 64
                ):
                    wrong.append(
                        f"{words}: exit code {process.returncode}: {read(f'{self.directory}/stderr-0').decode(errors='replace')[-300:]}"
                    )
            wrong += self.after_kill(scenario, words)
        return kills, wrong + self.settle(scenario, words)


def work(options, scratch, worker, jobs, tasks, results):
    try:
        directory = f"{scratch}/worker-{worker}"
        os.makedirs(directory)
        os.symlink(f"{scratch}/world", f"{directory}/world")
        killer = Killer(options, directory)
        for scenario, task in tasks[worker::jobs]:
            if task[0] == "call":
                kills, wrong = killer.kill_at_call(scenario, *task[1:])
            else:
                killer.undisturbed(scenario)
                kills, wrong = killer.kill_at_random(
                    scenario, random.Random(f"{options.seed}/{scenario.name}/{task[1]}")
                )
            if wrong:
                folder = f"{options.keep}/{scenario.name}-{'-'.join(map(str, task))}"
                if not os.path.exists(folder):
                    shutil.copytree(killer.run_directory, f"{folder}/run", symlinks=True)
                    write(f"{folder}/wrong.txt", "\n".join(wrong) + "\n")
                    shutil.copy(f"{directory}/stderr-0", folder)
            results.put((scenario.name, task[0], kills, wrong))
        results.put(None)
    except BaseException as problem:
        import traceback

        results.put(("", "broken", 0, ["".join(traceback.format_exception(problem))[-2000:]]))
        results.put(None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--count", type=int, default=500, help="kills at least, two in five of them at random moments")
    parser.add_argument("--every-call", type=int, default=1, help="take each N-th call only")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="scenarios whose names begin with one of these, joined by commas")
    parser.add_argument("--device", help="where the programs compute, as their --device; what they choose where left out")
    parser.add_argument("--keep", default="killed-failures")
    options = parser.parse_args()
    options.bin, options.keep = os.path.abspath(options.bin), os.path.abspath(options.keep)
    scratch = tempfile.mkdtemp(prefix="carina-killed-")
    try:
        world = TinyWorld(options.bin, scratch, options.device).make()
        every = [
            one for one in scenarios(world) if not options.only or one.name.startswith(tuple(options.only.split(",")))
        ]
        tasks = []
        if shutil.which("strace"):
            os.makedirs(f"{scratch}/count")
            os.symlink(f"{scratch}/world", f"{scratch}/count/world")
            counter = Killer(options, f"{scratch}/count")
            for scenario in every:
                if not scenario.together:
                    found = counter.calls(scenario)[:: options.every_call]
                    tasks += [(scenario, ("call", *one)) for one in found]
            print(
                f"{len(tasks)} calls of {', '.join(sorted({task[1][2] for task in tasks}))} in {len(every)} scenarios",
                flush=True,
            )
        else:
            print("strace is not installed: kills at system calls are left out (apt-get install strace)", flush=True)
        moments = max(options.count - len(tasks), options.count * 2 // 5)
        tasks += [(every[n % len(every)], ("moment", n)) for n in range(moments)]
        results = multiprocessing.Queue()
        workers = [
            multiprocessing.Process(target=work, args=(options, scratch, n, options.jobs, tasks, results), daemon=True)
            for n in range(options.jobs)
        ]
        for worker in workers:
            worker.start()
        sums, failures, running, begun = {}, {}, len(workers), time.monotonic()
        while running:
            result = results.get()
            if result is None:
                running -= 1
                continue
            name, how, kills, wrong = result
            row = sums.setdefault(name, {"call": 0, "moment": 0, "runs": 0, "wrong": 0, "broken": 0})
            row[how] += kills
            row["runs"] += 1
            row["wrong"] += bool(wrong)
            for one in wrong[:3]:
                kind = re.sub(r"\d+(\.\d+)?", "N", one)
                failures[kind] = failures.get(kind, 0) + 1
                if failures[kind] <= 2:
                    print(f"FAILED {one}", flush=True)
        total = sum(row["call"] + row["moment"] for row in sums.values())
        for name in sorted(sums):
            row = sums[name]
            print(
                f"{name:26} {row['call']:4} kills at calls, {row['moment']:4} at random moments, {row['runs']:4} runs compared, {row['wrong']:3} wrong"
            )
        wrong = sum(row["wrong"] for row in sums.values())
        print(
            f"{total} kills in {time.monotonic() - begun:.0f} s (seed {options.seed}); {wrong} runs are not as they should be"
            + (f", kept in {options.keep}" if wrong else "")
        )
        sys.exit(1 if wrong else 0)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
