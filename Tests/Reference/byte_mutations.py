"""Mutations that know nothing of a structure, for `file_mutations.py`."""

# fmt: off
INTERESTING = [
    0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1,
    2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1,
]
# fmt: on


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
