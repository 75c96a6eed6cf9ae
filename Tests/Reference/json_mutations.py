"""Mutations of JSON, JSON Lines and safetensors, whose headers are JSON, for `file_mutations.py`."""

import copy
import json
import struct

from byte_mutations import INTERESTING, mutate_bytes

NUMBERS = """
0 -0 -1 1 2 0.5 -0.5 1.0 1e2 1e18 1e19 1e30 1e308 1e400 -1e400 1e-400 NaN Infinity -Infinity 2147483647
2147483648 -2147483649 4294967296 1099511627776 4611686018427387904 9223372036854775807 9223372036854775808
-9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
340282366920938463463374607431768211456 00 01 +1 1. .5 0x10 1_000 1e --1
""".split() + ["1" + "0" * 400, "0." + "1" * 400]
# One a line, as they stand in a file.
TEXTS = r"""
""
" "
"\u0000"
"a\u0000b"
"\ud800"
"\udc00\ud800"
"\u202eabc"
"\u001b[31mred"
"\u001b]0;t\u0007"
"a\nb\rc"
"\u2028"
"\uFEFF"
"../../../etc/passwd"
"/dev/zero"
"/dev/stdin"
"."
".."
"/"
"\\"
"%s%n%d"
"\u00e9"
"e\u0301"
"NaN"
"true"
"1"
"-1"
"9223372036854775808"
""".strip("\n").split("\n")
# fmt: off
RAW_TEXTS = [
    b'"a\x00b"', b'"a\x1b[31mb"', b'"a\nb"', b'"a\tb"', b'"\xff\xfe"', b'"\xc3"', b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"', b'"\\x41"', b'"\\u12"', b'"abc', b"'a'",
]
# fmt: on
# fmt: off
OTHERS = [
    "null", "true", "false", "[]", "{}", "[null]", "[[]]", '{"":0}', "[1,2,3]", '{"a":{"b":[]}}', "", ",", "nul",
    "True",
]
# fmt: on


class Raw:
    """A piece of JSON that is written as it is."""

    def __init__(self, content):
        self.content = content if isinstance(content, bytes) else content.encode()


class Pairs:
    """An object whose names may be there twice."""

    def __init__(self, pairs):
        self.pairs = pairs


def dump(value, indent=None, level=0):
    """JSON of a tree with `Raw` and `Pairs` in it."""
    if isinstance(value, Raw):
        return value.content
    if isinstance(value, (dict, Pairs)):
        pairs = list(value.items()) if isinstance(value, dict) else value.pairs
        parts = [
            (key.content if isinstance(key, Raw) else json.dumps(key, ensure_ascii=False).encode())
            + b": "
            + dump(item, indent, level + 1)
            for key, item in pairs
        ]
        return b"{" + b", ".join(parts) + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(dump(item, indent, level + 1) for item in value) + b"]"
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def paths(value, here=()):
    """Where every node of a tree is."""
    found = [here]
    if isinstance(value, dict):
        for key in value:
            found += paths(value[key], here + (key,))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths(item, here + (index,))
    return found


def get(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def put(tree, path, value):
    if not path:
        return value
    get(tree, path[:-1])[path[-1]] = value
    return tree


def name_of(path):
    return ".".join(str(part)[:30] for part in path) or "the root"


def pick_path(random, tree):
    """A node; those near the root as often as the many in long lists."""
    every = paths(tree)
    if random.random() < 0.5:
        top = [path for path in every if len(path) <= 2]
        return random.choice(top)
    return random.choice(every)


def mutate_tree(random, tree):
    """One change of a JSON tree: the tree (perhaps with `Raw` and `Pairs`) and what was done."""
    tree = copy.deepcopy(tree)
    path = pick_path(random, tree)
    node = get(tree, path)
    choice = random.random()
    where = name_of(path)
    if choice < 0.34:
        if isinstance(node, (int, float)) and not isinstance(node, bool) and random.random() < 0.4:
            value = random.choice([node + 1, node - 1, -node, node * 2, node * 1000, node + 0.5, node * 10**12])
            return put(tree, path, value), f"{where} = {value}"
        token = random.choice(NUMBERS)
        return put(tree, path, Raw(token)), f"{where} = {token[:24]}"
    if choice < 0.46:
        token = random.choice(TEXTS)
        return put(tree, path, Raw(token)), f"{where} = {token}"
    if choice < 0.50:
        token = random.choice(RAW_TEXTS)
        return put(tree, path, Raw(token)), f"{where} = {token!r}"
    if choice < 0.58:
        token = random.choice(OTHERS)
        return put(tree, path, Raw(token)), f"{where} = {token!r}"
    if choice < 0.62:
        depth = random.choice([30, 100, 600, 3000, 100_000])
        opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
        inner = dump(node) if random.random() < 0.5 else b"1"
        return (
            put(tree, path, Raw(opening * depth + inner + closing * (depth if random.random() < 0.8 else 0))),
            f"{where} nested {depth} deep",
        )
    if choice < 0.66:
        length = random.choice([300, 5000, 70_000, 1_000_000])
        return (
            put(tree, path, random.choice(["a", "\u00e9", "\U0001f600", " ", "\\", "/a"]) * length),
            f"{where} = a text of {length}",
        )
    if choice < 0.69:
        length = random.choice([100, 10_000, 200_000])
        return (
            put(tree, path, Raw(b"[" + b",".join([random.choice([b"0", b"1", b'"a"', b"[]"])] * length) + b"]")),
            f"{where} = a list of {length}",
        )
    if not path:
        return (
            Raw(
                random.choice(
                    [
                        b"",
                        b"null",
                        b"[]",
                        b"{}",
                        dump(tree) * 2,
                        dump(tree) + b"x",
                        b"\xef\xbb\xbf" + dump(tree),
                        dump(tree)[:-1],
                        b" \n" * 50_000 + dump(tree),
                        dump(tree).decode("utf-8", "replace").encode("utf-16"),
                    ]
                )
            ),
            "the whole document",
        )
    parent = get(tree, path[:-1])
    if isinstance(parent, list):
        if choice < 0.80:
            del parent[path[-1]]
            return tree, f"{where} removed"
        if choice < 0.92:
            parent.insert(random.randrange(len(parent) + 1), copy.deepcopy(node))
            return tree, f"{where} doubled"
        other = random.randrange(len(parent))
        parent[path[-1]], parent[other] = parent[other], parent[path[-1]]
        return tree, f"{where} swapped with {other}"
    if choice < 0.80:
        del parent[path[-1]]
        return tree, f"{where} removed"
    if choice < 0.88:
        value = random.choice([node, Raw(random.choice(NUMBERS)), Raw("null"), Raw(random.choice(TEXTS))])
        pairs = list(parent.items())
        pairs.insert(random.randrange(len(pairs) + 1), (path[-1], value))
        return put(tree, path[:-1], Pairs(pairs)), f"{where} twice"
    if choice < 0.94:
        del parent[path[-1]]
        new = random.choice(
            [path[-1] + "x", path[-1].upper(), "", path[-1] + "\0", "\x1b[31m" + path[-1], path[-1] * 3000]
        )
        parent[new] = node
        return tree, f"{where} renamed"
    other = random.choice(list(parent))
    parent[path[-1]], parent[other] = parent[other], parent[path[-1]]
    return tree, f"{where} swapped with {other[:30]}"


def mutate_json(random, data):
    try:
        tree = json.loads(data)
    except ValueError:
        return mutate_bytes(random, data)
    if random.random() < 0.12:
        return mutate_bytes(random, data)
    tree, words = mutate_tree(random, tree)
    text = dump(tree)
    # A second change where the first left something that Python reads.
    if random.random() < 0.25 and len(text) < 100_000 and " deep" not in words and parses(text):
        tree, second = mutate_tree(random, json.loads(text))
        return dump(tree), f"{words}; {second}"
    return text, words


def parses(data):
    """Whether Python's reader takes the bytes as JSON."""
    try:
        json.loads(data)
        return True
    except (ValueError, RecursionError):
        return False


def mutate_jsonl(random, data):
    lines = data.split(b"\n")
    full = [index for index, line in enumerate(lines) if line.strip()]
    choice = random.random()
    if not full or choice < 0.1:
        return mutate_bytes(random, data)
    at = random.choice(full)
    if choice < 0.75:
        lines[at], words = mutate_json(random, lines[at])
        return b"\n".join(lines), f"line {at + 1}: {words}"
    if choice < 0.80:
        lines.insert(random.randrange(len(lines) + 1), lines[at])
        return b"\n".join(lines), f"line {at + 1} again"
    if choice < 0.85:
        del lines[at]
        return b"\n".join(lines), f"line {at + 1} removed"
    if choice < 0.90:
        return (b"\r\n" if random.random() < 0.5 else random.choice([b"\r", b"", b" ", b"\n\n", b"\0\n"])).join(
            lines
        ), "other ends of lines"
    if choice < 0.95:
        return b"[" + b",".join(line for line in lines if line.strip()) + b"]", "as a list"
    return (
        random.choice(
            [
                b"\xef\xbb\xbf" + data,
                data * 3,
                b"",
                b"\n",
                data[:-1],
                data + b"{",
                data + b"\0" * 4096,
                b"x" * 300_000 + data,
            ]
        ),
        "the whole file",
    )


def mutate_safetensors(random, data):
    if len(data) < 16 or random.random() < 0.2:
        return mutate_bytes(random, data)
    length = struct.unpack("<Q", data[:8])[0]
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError:
        return mutate_bytes(random, data)
    body = data[8 + length :]
    choice = random.random()
    names = [name for name in header if name != "__metadata__"]
    name = random.choice(names)
    entry = header[name]
    words = ""
    if choice < 0.15:
        new = random.choice(INTERESTING + [length + 1, length - 1, length + 8, len(data), len(data) - 8, len(data) - 7])
        return struct.pack("<Q", new % 2**64) + data[8:], f"header length {new}"
    if choice < 0.35:
        tree, words = mutate_tree(random, header)
        text = dump(tree)
    else:
        if choice < 0.50:
            place = random.randrange(2)
            entry["data_offsets"][place] = random.choice(
                INTERESTING
                + [
                    -1,
                    entry["data_offsets"][place] + 1,
                    entry["data_offsets"][place] - 2,
                    entry["data_offsets"][1 - place],
                    len(body),
                    len(body) + 1,
                ]
            )
            words = f"{name} data_offsets {entry['data_offsets']}"
        elif choice < 0.60:
            entry["dtype"] = random.choice(
                ["F32", "F16", "BF16", "F64", "I64", "I8", "U8", "BOOL", "F8_E4M3", "f32", "", "X", "I32", "U16", "C64"]
            )
            words = f"{name} dtype {entry['dtype']}"
        elif choice < 0.78:
            shape = entry["shape"]
            kind = random.randrange(5)
            if kind == 0 and shape:
                shape[random.randrange(len(shape))] = random.choice(INTERESTING + [-1, -(2**63)])
            elif kind == 1:
                shape.insert(random.randrange(len(shape) + 1), random.choice([0, 1, 2, 2**62, -1]))
            elif kind == 2:
                shape.reverse()
            elif kind == 3:
                entry["shape"] = [2**32, 2**32, 0] if random.random() < 0.5 else [1] * 5000
            else:
                entry["shape"] = []
            words = f"{name} shape {str(entry['shape'])[:60]}"
        elif choice < 0.86:
            other = random.choice(names)
            entry["data_offsets"] = list(header[other]["data_offsets"])
            words = f"{name} lies over {other}"
        elif choice < 0.92:
            other = random.choice(names)
            header[name], header[other] = header[other], header[name]
            words = f"{name} and {other} swapped"
        elif choice < 0.96:
            del header[name]
            words = f"{name} left out"
        else:
            header[random.choice(["", name + "\0", "\x1b[31m" + name, name * 500, "extra.weight"])] = dict(entry)
            words = f"{name} under a second name"
        text = dump(header)
    if random.random() < 0.8:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body, words
