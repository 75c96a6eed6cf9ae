"""Mutations of files: bytes, and what knows the structure of JSON, safetensors, HDF5, PNG, JPEG, DICOM, tables and protocol buffers.

Each takes a random number generator and the bytes, and gives the mutated bytes and a few words that say what was done.
Equal generators give equal mutants.
"""

import copy
import functools
import json
import struct
import zlib

INTERESTING = [
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**40,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 8,
    2**64 - 1,
]

NUMBERS = [
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "0.5",
    "-0.5",
    "1.0",
    "1e2",
    "1e18",
    "1e19",
    "1e30",
    "1e308",
    "1e400",
    "-1e400",
    "1e-400",
    "NaN",
    "Infinity",
    "-Infinity",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "1099511627776",
    "4611686018427387904",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "1" + "0" * 400,
    "0." + "1" * 400,
    "00",
    "01",
    "+1",
    "1.",
    ".5",
    "0x10",
    "1_000",
    "1e",
    "--1",
]
TEXTS = [
    '""',
    '" "',
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u202eabc"',
    '"\\u001b[31mred"',
    '"\\u001b]0;t\\u0007"',
    '"a\\nb\\rc"',
    '"\\u2028"',
    '"\\uFEFF"',
    '"../../../etc/passwd"',
    '"/dev/zero"',
    '"/dev/stdin"',
    '"."',
    '".."',
    '"/"',
    '"\\\\"',
    '"%s%n%d"',
    '"\\u00e9"',
    '"e\\u0301"',
    '"NaN"',
    '"true"',
    '"1"',
    '"-1"',
    '"9223372036854775808"',
]
RAW_TEXTS = [
    b'"a\0b"',
    b'"a\x1b[31mb"',
    b'"a\nb"',
    b'"a\tb"',
    b'"\xff\xfe"',
    b'"\xc3"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"\\x41"',
    b'"\\u12"',
    b'"abc',
    b"'a'",
]
OTHERS = [
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    '{"":0}',
    "[1,2,3]",
    '{"a":{"b":[]}}',
    "",
    ",",
    "nul",
    "True",
]


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


def mutate_bytes(random, data):
    """Bytes flipped, inserted, cut, repeated, or runs of one value."""
    data = bytearray(data)
    kind = random.randrange(9)
    size = len(data)
    at = random.randrange(size) if size else 0
    if kind <= 2 or not size:
        count = random.choice([1, 1, 1, 2, 4, 16])
        for _ in range(count if size else 0):
            at = random.randrange(size)
            data[at] = random.choice([data[at] ^ (1 << random.randrange(8)), random.randrange(256), 0, 255, 0x80, 0x7F])
        return bytes(data), f"{count} bytes changed, the last at {at}"
    length = min(size - at, random.choice([1, 2, 4, 8, 64, 512, 4096]))
    if kind == 3:
        data[at:at] = bytes(random.randrange(256) for _ in range(length))
        return bytes(data), f"{length} bytes inserted at {at}"
    if kind == 4:
        del data[at : at + length]
        return bytes(data), f"{length} bytes left out at {at}"
    if kind == 5:
        end = random.choice([0, 1, at, at, at, size - 1])
        return bytes(data[:end]), f"cut to {end} of {size} bytes"
    if kind == 6:
        data[at:at] = data[at : at + length] * random.choice([1, 2, 50])
        return bytes(data), f"{length} bytes repeated at {at}"
    if kind == 7:
        value = random.choice([0, 255])
        data[at : at + length] = bytes([value]) * length
        return bytes(data), f"{length} bytes of {value} at {at}"
    other = random.randrange(size)
    piece = data[other : other + length]
    data[at : at + len(piece)] = piece
    return bytes(data), f"{length} bytes of {other} copied to {at}"


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


def object_headers(data):
    """Where objects of HDF5's older format begin: addresses in the entries of symbol tables."""
    found, at = [], data.find(b"SNOD")
    while at >= 0 and len(found) < 64:
        count = min(int.from_bytes(data[at + 6 : at + 8], "little"), 32)
        for entry in range(count):
            address = int.from_bytes(data[at + 8 + 40 * entry + 8 : at + 8 + 40 * entry + 16], "little")
            if 0 < address < len(data):
                found.append(address)
        at = data.find(b"SNOD", at + 4)
    return found


SIGNATURES = [
    b"OHDR",
    b"OCHK",
    b"SNOD",
    b"TREE",
    b"HEAP",
    b"GCOL",
    b"FHDB",
    b"FRHP",
    b"BTHD",
    b"BTLF",
    b"BTIN",
    b"FADB",
    b"FAHD",
    b"EAHD",
    b"SMTB",
    b"\x89HDF",
]


def mutate_hdf5(random, data):
    """Half of the changes lie in the structure: superblock, headers of objects, B-trees and heaps, found by their signatures."""
    choice = random.random()
    if choice < 0.25 or len(data) < 128:
        return mutate_bytes(random, data)
    spots = []
    for signature in SIGNATURES:
        at = data.find(signature)
        while at >= 0:
            spots.append(
                (signature.decode("latin-1")[-4:], at, {b"GCOL": 4096, b"HEAP": 256, b"TREE": 600}.get(signature, 330))
            )
            at = data.find(signature, at + 1)
    spots += [("object", at, 400) for at in object_headers(data)] + [("superblock", 0, 96)]
    by_kind = {}
    for spot in spots:
        by_kind.setdefault(spot[0], []).append(spot)
    mutated, words = bytearray(data), []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        kind, start, reach = random.choice(by_kind[random.choice(sorted(by_kind))])
        # Near the start of a structure lie its counts and addresses.
        at = start + (random.randrange(reach) if random.random() < 0.5 else random.randrange(min(reach, 48)))
        width = random.choice([1, 1, 2, 4, 8, 8])
        if random.random() < 0.5:
            at -= (at - start) % width
        at = min(at, len(data) - width)
        old = int.from_bytes(mutated[at : at + width], "little")
        value = random.choice(
            INTERESTING
            + [
                old + 1,
                old - 1,
                old * 2,
                old ^ 1 << random.randrange(8 * width),
                len(data),
                start,
                random.randrange(len(data)),
                2 ** (8 * width) - 1,
                old + 8,
                old + 4096,
            ]
        ) % 2 ** (8 * width)
        mutated[at : at + width] = value.to_bytes(width, "little")
        words.append(f"{kind}+{at - start} ({width} bytes at {at}): {old} to {value}")
    return bytes(mutated), "; ".join(words)


@functools.lru_cache(maxsize=None)
def compressed(value, size):
    """So many bytes of one value, deflated."""
    return zlib.compress(bytes([value]) * size)


def mutate_png(random, data):
    chunks, at = [], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append([data[at + 4 : at + 8], data[at + 8 : at + 8 + length], True, None])
        at += 12 + length
    if random.random() < 0.3 or not chunks:
        return mutate_bytes(random, data)
    index = random.randrange(len(chunks))
    chunk = chunks[index]
    choice = random.randrange(10)
    words = f"chunk {chunk[0]!r}: "
    if choice == 0:
        header = bytearray(chunks[0][1])
        place = random.choice([0, 4, 8, 9, 10, 11, 12])
        value = random.choice(INTERESTING) if place < 8 else random.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 32, 255])
        header[place : place + (4 if place < 8 else 1)] = (
            (value % 2**32).to_bytes(4, "big") if place < 8 else bytes([value])
        )
        chunks[0][1] = bytes(header)
        words = f"IHDR+{place} = {value}"
    elif choice == 1:
        chunk[3] = random.choice(INTERESTING) % 2**32
        words += f"length {chunk[3]}"
    elif choice == 2:
        chunk[0] = random.choice(
            [
                b"IDAT",
                b"IEND",
                b"IHDR",
                b"PLTE",
                b"tRNS",
                b"abcd",
                b"ABCD",
                b"eXIf",
                b"iCCP",
                b"zTXt",
                b"gAMA",
                b"\0\0\0\0",
            ]
        )
        words += f"named {chunk[0]!r}"
    elif choice == 3:
        chunks.insert(random.randrange(len(chunks) + 1), list(chunk))
        words += "doubled"
    elif choice == 4:
        del chunks[index]
        words += "removed"
    elif choice == 5:
        random.shuffle(chunks)
        words = "chunks shuffled"
    elif choice == 6:
        chunk[2] = False
        words += "wrong checksum"
    elif choice == 7:
        size = random.choice([10, 100_000, 20_000_000])
        for other in chunks:
            if other[0] == b"IDAT":
                other[1] = compressed(random.choice([0, 4, 5, 255]), size)
        words = f"pixel data of {size} bytes"
    elif choice == 8:
        content = random.choice(
            [b"x\0\0" + compressed(97, 30_000_000), b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0", b"\xff" * 300]
        )
        chunks.insert(1, [random.choice([b"zTXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE"]), content, True, None])
        words = f"a chunk {chunks[1][0]!r} of {len(content)} bytes"
    else:
        chunk[1], words2 = mutate_bytes(random, chunk[1])
        words += words2
    out = data[:8]
    for kind, content, right, length in chunks:
        crc = zlib.crc32(kind + content)
        out += (
            struct.pack(">I", len(content) if length is None else length)
            + kind
            + content
            + struct.pack(">I", crc if right else crc ^ 0x1234)
        )
    return out, words


def mutate_jpeg(random, data):
    segments, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA or marker == 0xD9:
            break
        segments.append((at, marker, length))
        at += 2 + length
    if random.random() < 0.4 or not segments:
        return mutate_bytes(random, data)
    out = bytearray(data)
    start, marker, length = random.choice(segments + [(at, 0xDA, 12)])
    choice = random.randrange(6)
    if choice == 0:
        value = random.choice([0, 1, 2, 3, length - 1, length + 1, 65535, 1000]) % 65536
        out[start + 2 : start + 4] = struct.pack(">H", value)
        return bytes(out), f"segment {marker:02x}: length {value}"
    if choice == 1:
        out[start + 1] = random.choice(
            [0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE, 0x01, 0xF7]
        )
        return bytes(out), f"segment {marker:02x} becomes {out[start + 1]:02x}"
    if choice == 2:
        frame = [s for s in segments if s[1] in (0xC0, 0xC1, 0xC2)]
        if frame:
            place = random.choice([4, 5, 6, 7, 8, 9, 10, 11, 12])
            out[frame[0][0] + place] = random.choice([0, 1, 2, 3, 4, 8, 12, 0x11, 0x22, 0x41, 0x44, 255])
            return bytes(out), f"frame header +{place}"
    if choice == 3:
        piece = bytes(out[start : start + 2 + length])
        out[start:start] = piece * random.choice([1, 2, 200])
        return bytes(out), f"segment {marker:02x} repeated"
    if choice == 4:
        del out[start : start + 2 + length]
        return bytes(out), f"segment {marker:02x} removed"
    place = min(start + 4 + random.randrange(max(length - 2, 1)), len(out) - 1)
    out[place] = random.randrange(256)
    return bytes(out), f"segment {marker:02x}: byte {place - start}"


def dicom_elements(data):
    """Elements of an explicit little-endian file: where they begin, header length, VR, value length."""
    found, at = [], 132
    while at + 8 <= len(data) and len(found) < 500:
        vr = data[at + 4 : at + 6]
        if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF"):
            header, length = 12, int.from_bytes(data[at + 8 : at + 12], "little")
        else:
            header, length = 8, int.from_bytes(data[at + 6 : at + 8], "little")
        found.append((at, header, vr, length))
        at += header + (length if length != 0xFFFFFFFF else 0)
    return found


def mutate_dicom(random, data):
    elements = dicom_elements(data)
    if random.random() < 0.3 or not elements:
        return mutate_bytes(random, data)
    out = bytearray(data)
    at, header, vr, length = random.choice(elements)
    tag = f"({int.from_bytes(data[at:at + 2], 'little'):04x},{int.from_bytes(data[at + 2:at + 4], 'little'):04x})"
    choice = random.randrange(7)
    if choice == 0:
        width = 4 if header == 12 else 2
        value = random.choice(INTERESTING + [length + 1, length - 1, length + 2, len(data)]) % 2 ** (8 * width)
        out[at + header - width : at + header] = value.to_bytes(width, "little")
        return bytes(out), f"{tag} length {value}"
    if choice == 1:
        out[at + 4 : at + 6] = random.choice(
            [b"US", b"DS", b"OB", b"OW", b"SQ", b"UN", b"CS", b"IS", b"SS", b"??", b"\0\0", b"FL", b"UT", b"AT"]
        )
        return bytes(out), f"{tag} VR {bytes(out[at + 4:at + 6])!r}"
    if choice == 2:
        group, number = random.choice(
            [
                (0x28, n)
                for n in (
                    2,
                    4,
                    6,
                    8,
                    0x10,
                    0x11,
                    0x100,
                    0x101,
                    0x102,
                    0x103,
                    0x120,
                    0x1050,
                    0x1051,
                    0x1052,
                    0x1053,
                    0x3000,
                    0x3010,
                )
            ]
            + [(0x7FE0, 0x10), (2, 0x10), (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0, 0), (0xFFFF, 0xFFFF)]
        )
        out[at : at + 4] = struct.pack("<HH", group, number)
        return bytes(out), f"{tag} becomes ({group:04x},{number:04x})"
    if choice == 3:
        piece = bytes(out[at : at + header + min(length, 1 << 16)])
        out[at:at] = piece * random.choice([1, 3])
        return bytes(out), f"{tag} doubled"
    if choice == 4:
        del out[at : at + header + min(length, len(out))]
        return bytes(out), f"{tag} removed"
    start, end = at + header, min(at + header + length, len(out))
    if choice == 5 and vr == b"US" and length >= 2:
        value = random.choice([0, 1, 2, 7, 8, 9, 12, 16, 17, 32, 64, 255, 20000, 20001, 65535])
        out[start : start + 2] = struct.pack("<H", value)
        return bytes(out), f"{tag} = {value}"
    if vr in (b"DS", b"IS", b"CS", b"UI", b"PN") and end > start:
        text = random.choice(
            [
                b"0",
                b"-1",
                b"1e400",
                b"NaN",
                b"inf",
                b"1e-400",
                b"9" * 15,
                b"",
                b"\\",
                b"1\\2\\3",
                b"\x1b[31m",
                b"1,5",
                b"0x10",
                b"MONOCHROME1",
                b"RGB",
                b"PALETTE COLOR",
                b"1.2.840.10008.1.2.4.90",
                b"1.2.840.10008.1.2.1.99",
                b"1.2.840.10008.1.2.5",
                b"1.2.840.10008.1.2.2",
            ]
        )
        text = text[:60] + b" " * (len(text) % 2)
        out[start:end] = text
        out[at + 6 : at + 8] = struct.pack("<H", len(text))
        return bytes(out), f"{tag} = {text!r}"
    piece, words = mutate_bytes(random, bytes(out[start:end]))
    out[start:end] = piece
    return bytes(out), f"{tag}: {words}"


def mutate_table(random, data):
    """Tables of commas: lines, cells, quotes, ends of lines, encodings."""
    if random.random() < 0.25:
        return mutate_bytes(random, data)
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    cells = lines[at].split(b",")
    cell = random.randrange(len(cells))
    choice = random.randrange(11)
    if choice <= 3:
        cells[cell] = random.choice(
            [
                b"",
                b'"',
                b'""',
                b'"a',
                b'a"b',
                b'"a,b"',
                b'"a\nb"',
                b"\0",
                b"\x1b[31m",
                b"\xff\xfe",
                b"a" * 200_000,
                b"-1",
                b"1e400",
                b"NaN",
                b"9" * 30,
                b"../../x",
                b"/dev/zero",
                b"1.0",
                b"-1.0",
                b"['",
                b"[]",
                b"['a', [",
                b"\xe2\x80\xae",
                b";",
                b"\t",
                b" ",
                b"[" * 50_000,
                b"2.0",
                b"|||",
            ]
        )
        lines[at] = b",".join(cells)
        return b"\n".join(lines), f"line {at + 1} cell {cell + 1} = {cells[cell][:20]!r}"
    if choice == 4:
        del cells[cell]
        lines[at] = b",".join(cells)
        return b"\n".join(lines), f"line {at + 1} cell {cell + 1} removed"
    if choice == 5:
        cells[cell:cell] = [cells[cell]] * random.choice([1, 5, 20_000])
        lines[at] = b",".join(cells)
        return b"\n".join(lines), f"line {at + 1} cell {cell + 1} repeated"
    if choice == 6:
        del lines[at]
        return b"\n".join(lines), f"line {at + 1} removed"
    if choice == 7:
        lines[at:at] = [lines[at]] * random.choice([1, 3, 3000])
        return b"\n".join(lines), f"line {at + 1} repeated"
    if choice == 8:
        return random.choice([b"\r\n", b"\r", b"\n\n", b"", b"\0"]).join(lines), "other ends of lines"
    if choice == 9:
        header = lines[0].split(b",")
        random.shuffle(header)
        return b"\n".join([b",".join(header)] + lines[1:]), "header shuffled"
    return (
        random.choice(
            [
                b"",
                b"\n",
                b"\xef\xbb\xbf" + data,
                data.decode("utf-8", "replace").encode("utf-16"),
                data.replace(b",", b";"),
                data.replace(b",", b"\t"),
                data + b'"',
                data + b"\0" * 5000,
                b"a" * 2_000_000,
            ]
        ),
        "the whole table",
    )


def mutate_xml(random, data):
    choice = random.random()
    if choice < 0.35 or b"<" not in data:
        return mutate_bytes(random, data)
    at = [i for i in range(len(data)) if data[i : i + 1] == b"<"]
    spot = random.choice(at)
    end = data.find(b">", spot) + 1
    if choice < 0.45:
        return data[:spot] + data[end:], f"tag at {spot} removed"
    if choice < 0.55:
        return data[:spot] + data[spot:end] * random.choice([2, 3, 20_000]) + data[end:], f"tag at {spot} repeated"
    if choice < 0.65:
        entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
        body = data.split(b"?>", 1)[-1].replace(b"XXXX", b"&l11;", 1)
        return b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">' + entities + b"]>" + body, "entities of entities"
    if choice < 0.72:
        source = random.choice([b"/etc/passwd", b"/dev/zero", b"http://127.0.0.1:1/x", b"file:///etc/hostname"])
        body = data.split(b"?>", 1)[-1].replace(b"XXXX", b"&x;", 1)
        return (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "' + source + b'">]>' + body,
            f"an entity from {source.decode()}",
        )
    if choice < 0.80:
        depth = random.choice([100, 1000, 100_000])
        return (
            data[:spot] + b"<a>" * depth + b"</a>" * (depth if random.random() < 0.7 else 0) + data[spot:],
            f"nested {depth} deep",
        )
    piece = random.choice(
        [
            b"&#0;",
            b"&#27;",
            b"&#xD800;",
            b"&unknown;",
            b"&",
            b"<![CDATA[",
            b"<![CDATA[x]]>",
            b"<!--",
            b"<?x",
            b"\0",
            b"\x1b",
            b"\xff",
            b"a" * 500_000,
            b"]]>",
            b"&#x202e;",
        ]
    )
    return data[:end] + piece + data[end:], f"{piece[:12]!r} at {end}"


def mutate_protobuf(random, data):
    if random.random() < 0.5 or len(data) < 8:
        return mutate_bytes(random, data)
    out = bytearray(data)
    # In a sentencepiece model every piece begins with 0x0a and its length.
    spots = [i for i in range(len(data) - 2) if data[i] == 0x0A]
    at = random.choice(spots) + 1
    value = random.choice([0, 1, 5, 127, 128, 2**14, 2**31, 2**63, 2**64 - 1, data[at] + 1, max(data[at] - 1, 0)])
    varint = b""
    while True:
        varint += bytes([value & 127 | (128 if value > 127 else 0)])
        value >>= 7
        if not value:
            break
    out[at : at + 1] = random.choice([varint, b"\x80" * 12, b"\xff" * 9 + b"\x01"])
    return bytes(out), f"length at {at}"


MUTATIONS = {
    "bytes": mutate_bytes,
    "json": mutate_json,
    "jsonl": mutate_jsonl,
    "safetensors": mutate_safetensors,
    "hdf5": mutate_hdf5,
    "png": mutate_png,
    "jpeg": mutate_jpeg,
    "dicom": mutate_dicom,
    "table": mutate_table,
    "xml": mutate_xml,
    "protobuf": mutate_protobuf,
}
