"""A disk as programs see it and as it lies there, for `check_power_loss.py`: what is synced, and what a loss of power drops."""

import os

from tiny_files import read


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
        node.now = bytearray(read(path))
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
