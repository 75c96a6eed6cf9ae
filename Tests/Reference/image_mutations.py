"""Mutations of images: PNG, JPEG and DICOM, for `file_mutations.py`."""

import functools
import struct
import zlib

from byte_mutations import INTERESTING, mutate_bytes


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
