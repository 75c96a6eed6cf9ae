"""Files that the tiny world and the fuzzer write themselves, without a library."""

import json
import math
import os
import struct
import zipfile


def write(path, content):
    """Writes a text or bytes, making the directories."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def dicom(rows, columns, pixels, extra=()):
    """An uncompressed DICOM file (explicit, little-endian) of 12 bits; `extra` are (tag, VR, value) of the data set."""

    def element(group, number, vr, value):
        if isinstance(value, str):
            value = (
                value.encode() + b"\0" * (len(value) % 2) if vr == "UI" else (value + " " * (len(value) % 2)).encode()
            )
        elif isinstance(value, int):
            value = struct.pack("<H", value)
        long = vr in ("OB", "OW", "SQ", "UN", "UT")
        head = struct.pack("<HH", group, number) + vr.encode()
        return head + (struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))) + value

    meta = (
        element(2, 1, "OB", b"\0\1")
        + element(2, 2, "UI", "1.2.840.10008.5.1.4.1.1.1")
        + element(2, 3, "UI", "2.25.1")
        + element(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    )
    body = [
        (0x08, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.1"),
        (0x08, 0x18, "UI", "2.25.1"),
        (0x08, 0x60, "CS", "DX"),
        (0x10, 0x10, "PN", "Nobody"),
        (0x28, 0x02, "US", 1),
        (0x28, 0x04, "CS", "MONOCHROME2"),
        (0x28, 0x10, "US", rows),
        (0x28, 0x11, "US", columns),
        (0x28, 0x100, "US", 16),
        (0x28, 0x101, "US", 12),
        (0x28, 0x102, "US", 11),
        (0x28, 0x103, "US", 0),
        (0x28, 0x1050, "DS", "2048"),
        (0x28, 0x1051, "DS", "4096"),
        (0x28, 0x1052, "DS", "0"),
        (0x28, 0x1053, "DS", "1"),
        *extra,
        (0x7FE0, 0x10, "OW", pixels),
    ]
    return (
        b"\0" * 128
        + b"DICM"
        + element(2, 0, "UL", struct.pack("<I", len(meta)))
        + meta
        + b"".join(element(*one) for one in sorted(body, key=lambda one: one[:2]))
    )


def split_safetensors(directory):
    """Divides `model.safetensors` into two files and their index, as large checkpoints lie."""
    with open(f"{directory}/model.safetensors", "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    weight_map, total = {}, 0
    for number, part in enumerate([names[: len(names) // 2], names[len(names) // 2 :]]):
        file_name, offset, head, body = f"model-0000{number + 1}-of-00002.safetensors", 0, {}, b""
        for name in part:
            start, end = header[name]["data_offsets"]
            head[name] = dict(header[name], data_offsets=[offset, offset + end - start])
            body += data[8 + length + start : 8 + length + end]
            offset += end - start
            weight_map[name] = file_name
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 8)
        write(f"{directory}/{file_name}", struct.pack("<Q", len(text)) + text + body)
        total += offset
    os.remove(f"{directory}/model.safetensors")
    write(
        f"{directory}/model.safetensors.index.json",
        json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=1),
    )


def write_torch_archive(source, target):
    """The tensors of a safetensors file in F32 as `torch.save` writes a state_dict, without torch."""
    data = read(source)
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def tuple_of(numbers):
        return b"(" + b"".join(b"J" + struct.pack("<i", number) for number in numbers) + b"t"

    body, storages = b"\x80\x02}q\x00(", []
    for number, (name, entry) in enumerate(header.items()):
        assert entry["dtype"] == "F32"
        shape, steps = entry["shape"], []
        for axis in range(len(shape)):
            steps.append(math.prod(shape[axis + 1 :]))
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(number)) + text("cpu")
        storage += b"J" + struct.pack("<i", math.prod(shape)) + b"tQ"
        body += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + tuple_of(shape) + tuple_of(steps)
        body += b"\x89ccollections\nOrderedDict\n)RtR"
        start, end = entry["data_offsets"]
        storages.append(data[8 + length + start : 8 + length + end])
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("projector/data.pkl"), body + b"u.")
        archive.writestr(zipfile.ZipInfo("projector/byteorder"), b"little")
        for number, storage in enumerate(storages):
            archive.writestr(zipfile.ZipInfo(f"projector/data/{number}"), storage)
        archive.writestr(zipfile.ZipInfo("projector/version"), b"3\n")
