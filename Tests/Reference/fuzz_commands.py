"""What the kinds of files of `fuzz_kinds.py` are made of: a command that reads a case, and a kind of files with its commands.

Commands run in a directory with `world` (the tiny world, never changed), `case` (a copy with one mutated file) and `out`.
"""

ONE = ["--threads", "1"]
ASK = [
    "--image-path",
    "world/phantom/one.png",
    "--question",
    "Is the heart enlarged?",
    "--max-new-tokens",
    "2",
    "--precision",
    "fp32",
    *ONE,
]


class Command:
    """One way to read a case.

    - outputs: files or directories whose content is the answer, beside standard output when `shown`.
    - shown: whether standard output is the answer; `screen` whether it is text for people, in which nothing foreign may be raw.
    - codes: exit codes of the unmutated case.
    """

    def __init__(self, program, arguments, outputs=(), shown=True, screen=True, stdin=None):
        self.program, self.arguments, self.outputs = program, arguments, list(outputs)
        self.shown, self.screen, self.stdin = shown, screen, stdin


class Kind:
    """Files of one kind.

    - source: the directory that is copied to `case`; files: what is mutated there, by the mutation of the name `family`.
    - fix: called with random, `case` and the file's name after the mutation: true when it made checksums match.
    - judge: called with the unmutated and the mutated bytes, whether checksums were made to match, and whether the answer is the
      same, for what was accepted; None when all is well, else what is wrong.
    - check: called with the directory, the file's name and the number of the command for what was accepted: computes what the
      answer must be in another way; None when it is so or nobody knows.
    """

    def __init__(self, name, source, files, family, commands, weight=2, fix=None, judge=None, check=None):
        self.name, self.source, self.family, self.commands, self.weight = name, source, family, commands, weight
        self.files = [files] if isinstance(files, str) else files
        self.fix, self.judge, self.check = fix, judge, check
