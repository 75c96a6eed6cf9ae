"""Mutations of files: bytes, and what knows the structure of JSON, safetensors, HDF5, PNG, JPEG, DICOM, tables and protocol buffers.

Each takes a random number generator and the bytes, and gives the mutated bytes and a few words that say what was done.
Equal generators give equal mutants.
"""

import io
import zipfile

from byte_mutations import INTERESTING, mutate_bytes
from image_mutations import mutate_dicom, mutate_jpeg, mutate_png
from json_mutations import mutate_json, mutate_jsonl, mutate_safetensors


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


# fmt: off
SIGNATURES = [
    b"OHDR", b"OCHK", b"SNOD", b"TREE", b"HEAP", b"GCOL", b"FHDB", b"FRHP", b"BTHD", b"BTLF", b"BTIN", b"FADB",
    b"FAHD", b"EAHD", b"SMTB", b"\x89HDF",
]
# fmt: on


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


def mutate_torch(random, data):
    """Half of the changes are in an entry, whose checksum fits afterwards: most of them in the description of the tensors."""
    if random.random() < 0.5 or len(data) < 64:
        return mutate_bytes(random, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    number = 0 if random.random() < 0.7 else random.randrange(len(entries))
    name, content = entries[number]
    content, words = mutate_bytes(random, content)
    entries[number] = (name, content)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for entry, content in entries:
            archive.writestr(zipfile.ZipInfo(entry), content)
    return out.getvalue(), f"{name}: {words}"


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
    "torch": mutate_torch,
}
