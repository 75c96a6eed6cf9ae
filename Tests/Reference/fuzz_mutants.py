"""Makes mutants, runs the programs on them and judges what they did, for `fuzz_files.py`."""

import json
import os
import random
import re
import shlex
import shutil
import signal

import file_mutations
from fuzz_commands import Command
from fuzz_execution import TIMES, content, execute, shards_content
from tiny_files import read

CODES = {0, 64, 65, 66, 73}
SECONDS = 10
MEMORY = 500 << 20
TRACE = re.compile(
    rb"Fatal error|Stack dump|Backtrace|HDF5-DIAG|H5[A-Z]\w*\(\)|terminate called|Thread \d+ crashed|malloc\(\)|free\(\)|corrupted|Sanitizer|Traceback"
)
FOREIGN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NAMED = re.compile(rb"weights|case|out|world|line \d|--\w|[\"'`]|/|\.json|\.h5")


def strict(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def no_constant(word):
    raise ValueError(word)


def meaning(family, data):
    """What a mutant says, in a form in which equal content is equal; None where it is not what the format allows."""
    try:
        if family == "json":
            return json.dumps(
                json.loads(data.decode("utf-8"), object_pairs_hook=strict, parse_constant=no_constant), sort_keys=True
            )
        if family == "jsonl":
            return [meaning("json", line) for line in data.split(b"\n") if line.strip()]
        if family == "safetensors":
            length = int.from_bytes(data[:8], "little")
            return meaning("json", data[8 : 8 + length]), data[8 + length :]
    except (ValueError, RecursionError):
        return None
    return data


class Fuzzer:
    """Runs mutants in a directory of its own."""

    def __init__(self, options, kinds, directory, spaces):
        self.options, self.kinds, self.directory, self.spaces = options, kinds, directory, spaces
        self.bases = {}
        os.makedirs(f"{directory}/temporary")
        os.symlink(os.path.join(os.path.dirname(directory), "world"), f"{directory}/world")

    def fresh(self, kind):
        for name in ("case", "out", "out.partial"):
            shutil.rmtree(f"{self.directory}/{name}", ignore_errors=True)
        shutil.copytree(kind.source, f"{self.directory}/case")

    def answer(self, command, outcome, file):
        """What a command answered, without times and without the digest of the mutated file."""
        found = {}
        if command.shown:
            found["shown"] = TIMES.sub(b"", outcome.out)
        for name in command.outputs:
            path = f"{self.directory}/{name}"
            found[name] = shards_content(path) if os.path.exists(f"{path}/manifest.json") else content(path)
        return found

    def run(self, kind, command, file, seconds=SECONDS):
        arguments = [argument.replace("FILE", file) for argument in command.arguments]
        return execute(self.options.bin, command, arguments, self.directory, self.spaces[command.program], seconds)

    def base(self, kind, number, file):
        """The answer to the unmutated file."""
        key = (kind.name, number, file)
        if key not in self.bases:
            self.fresh(kind)
            command = kind.commands[number]
            outcome = self.run(kind, command, file, 60)
            if outcome.code not in CODES or (outcome.code and kind.name not in ("dicom", "jpeg", "png")):
                raise SystemExit(
                    f"the unmutated {file} of {kind.name} fails in {command.program} {' '.join(command.arguments)}: "
                    f"{outcome.code} {outcome.err.decode(errors='replace')[-600:]}"
                )
            # A check that the unmutated file does not stand knows nothing of these programs.
            checks = kind.check is not None and kind.check(self.directory, file, number) is None
            self.bases[key] = (outcome, self.answer(command, outcome, file), checks)
        return self.bases[key]

    def mutant(self, kind, index):
        """One mutant: a line of the table."""
        dice = random.Random(f"{self.options.seed}/{kind.name}/{index}")
        file = dice.choice(kind.files)
        number = dice.randrange(len(kind.commands))
        command = kind.commands[number]
        base, base_answer, checks = self.base(kind, number, file)
        original = read(os.path.join(kind.source, file))
        data, words = file_mutations.MUTATIONS[kind.family](dice, original)
        self.fresh(kind)
        with open(f"{self.directory}/case/{file}", "wb") as out:
            out.write(data)
        matched = bool(kind.fix and data != original and kind.fix(dice, f"{self.directory}/case", file))
        outcome = self.run(kind, command, file)
        if outcome.code is None:
            # On a busy machine ten seconds may be nobody's fault: once more, with more.
            self.fresh(kind)
            with open(f"{self.directory}/case/{file}", "wb") as out:
                out.write(data)
            if matched:
                dice2 = random.Random(f"{self.options.seed}/{kind.name}/{index}/again")
                while not kind.fix(dice2, f"{self.directory}/case", file):
                    pass
            outcome = self.run(kind, command, file, 3 * SECONDS)
        failures = self.failures(command, outcome, base, file)
        verdict = "refused" if outcome.code else "accepted"
        look = None
        if outcome.code == 0 and not failures:
            answer = self.answer(command, outcome, file)
            same = answer == base_answer and base.code == 0
            said, original_said = meaning(kind.family, data), meaning(kind.family, original)
            wrong = kind.judge(original, data, matched, same) if kind.judge and data != original else None
            if wrong is None and not same and said is not None and said == original_said and not kind.judge:
                # Shards carry the digest of their records, and perhaps checksums over it: what they hold decides.
                if not (os.path.exists(f"{self.directory}/out/manifest.json") and self.shown() == self.shown_before(kind, command, file)):
                    wrong = "the same content gives another answer"
            if wrong is None and checks:
                wrong = kind.check(self.directory, file, number)
            if wrong:
                failures = [wrong]
            elif not same or said is None:
                look = ("other answer" if not same else "same answer") + (
                    ", not what the format allows" if said is None else ""
                )
        result = {
            "kind": kind.name,
            "index": index,
            "file": file,
            "program": command.program,
            "mutation": words[:300],
            "matched": matched,
            "code": outcome.code,
            "seconds": round(outcome.seconds, 3),
            "memory": outcome.memory,
            "verdict": "failed" if failures else verdict,
            "failures": failures,
            "look": look,
        }
        if failures:
            self.keep(kind, index, command, file, data, matched, outcome, result)
        if look:
            result["shown"] = outcome.out[-300:].decode(errors="replace")
            result["shown_before"] = base.out[-300:].decode(errors="replace")
        return result

    def shown(self):
        """What `preprocess inspect` says of the shards in `out`, without digests."""
        inspect = Command("preprocess", ["inspect", "out", "--show", "100", "--threads", "1"])
        outcome = execute(self.options.bin, inspect, inspect.arguments, self.directory, self.spaces["preprocess"], 60)
        return outcome.code, re.sub(rb"[0-9a-f]{16,64}", b"", outcome.out)

    def shown_before(self, kind, command, file):
        """The same of the unmutated file."""
        self.fresh(kind)
        self.run(kind, command, file, 60)
        return self.shown()

    def failures(self, command, outcome, base, file):
        found = []
        if outcome.code is None or outcome.seconds > SECONDS:
            found.append("time")
        if outcome.code is not None and outcome.code < 0:
            found.append(f"signal {signal.Signals(-outcome.code).name}")
        elif outcome.code is not None and outcome.code not in CODES:
            found.append(f"exit code {outcome.code}")
        if outcome.memory > base.memory + MEMORY:
            found.append("memory")
        if outcome.code in CODES - {0}:
            errors = [
                line for line in outcome.err.split(b"\n") if line.startswith(b"error:") or line.startswith(b"Error:")
            ]
            if not errors:
                found.append("no line error:")
            elif not any(NAMED.search(line[6:]) for line in errors):
                found.append("the error names nothing")
            if len(outcome.err) > 20_000 + len(base.err):
                found.append("a very long error")
        if TRACE.search(outcome.err):
            found.append("a stack trace or a library's message")
        screens = [("stderr", outcome.err)] + ([("stdout", outcome.out)] if command.screen else [])
        for name, text in screens:
            try:
                if FOREIGN.search(text.decode("utf-8")):
                    found.append(f"control characters on {name}")
            except UnicodeDecodeError:
                if len(text) < 4 << 20:
                    found.append(f"no UTF-8 on {name}")
        return found

    def keep(self, kind, index, command, file, data, matched, outcome, result):
        folder = f"{self.options.keep}/{kind.name}-{index}"
        if (
            os.path.exists(folder)
            or len([n for n in os.listdir(self.options.keep) if n.startswith(kind.name + "-")])
            >= self.options.keep_most
        ):
            return
        shutil.copytree(f"{self.directory}/case", f"{folder}/case")
        with open(f"{folder}/case/{file}", "wb") as out:
            out.write(data)
        arguments = [argument.replace("FILE", file) for argument in command.arguments]
        with open(f"{folder}/run.sh", "w") as out:
            out.write(
                f"# {'; '.join(result['failures'])}: {file}, {result['mutation']}\n# in a directory with the world (--world DIR --list makes one) as `world`\n"
                f"ulimit -v {self.spaces[command.program] >> 10}\n{'printf %s ' + shlex.quote(command.stdin) + ' | ' if command.stdin else ''}"
                f"timeout 10 ${{BIN:?}}/{command.program} {' '.join(map(shlex.quote, arguments))}\n"
            )
        for name, text in (("stdout", outcome.out), ("stderr", outcome.err)):
            with open(f"{folder}/{name}", "wb") as out:
                out.write(text[:100_000])
        with open(f"{folder}/result.json", "w") as out:
            json.dump(result, out, indent=1)
