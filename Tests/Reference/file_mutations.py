"""Mutations of files: bytes, and what knows the structure of JSON, safetensors, HDF5, PNG, JPEG, DICOM, tables and protocol buffers.

Each takes a random number generator and the bytes, and gives the mutated bytes and a few words that say what was done.
Equal generators give equal mutants.
"""

import functools
import io
import struct
import zipfile
import zlib

from byte_mutations import INTERESTING, mutate_bytes
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
