"""Plays the trace of a run onto a `Disk`, for `check_power_loss.py`."""

import re

from power_loss_disk import Node

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,"
    "truncate,ftruncate,link,linkat,symlink,symlinkat,fallocate,copy_file_range,sendfile,close,lseek,dup,dup2,dup3,fcntl,msync,mmap"
)


def unescape(text):
    """The bytes of a string that strace -xx wrote."""
    return bytes.fromhex(text.replace("\\x", ""))


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
