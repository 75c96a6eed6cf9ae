"""Writes Tests/CarinaTests/Goldens/data/records.json: how Python reads the numbers, tables and texts of records.

Needs the standard library alone. Run it from anywhere:
    python make_record_goldens.py

numbers    a JSON number as it is written, and str() of what json reads; then the same of random doubles
tables     the bytes of a table in base64, and its rows as csv reads them (encoding utf-8-sig, newline "")
texts      texts in the order in which they came, and sorted(): that of the code points, and so of the UTF-8 bytes
distinct   lists of texts, and how many of them a set holds
answers    a prediction, a reference, and whether their lower case is equal: no canonical equivalence
encodings  the first bytes of a document in base64, and json.detect_encoding
"""

import base64
import csv
import io
import json
import pathlib
import random
import struct

OUT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "data" / "records.json"

NUMBERS = """
0 -0 7 -7 12345678901234567890 -12345678901234567890 9223372036854775807 9223372036854775808 -9223372036854775808
-9223372036854775809 100000000000000000000000000000000001 100000000000000000000000000000000002 1.0 -0.0 1e3 1E3 1e+3
1.5 0.1 2.50 0.0001 0.00001 0.000123 1e-5 1e15 1e16 12345678901234567.0 1e17 18014398509481984.0 18014398509481988.0
1.8e16 1e21 1e22 1e100 5e-324 1.7976931348623157e308 123456789.123456789 1e-400 10000000000000000.0 9999999999999998.0
1234567890123456.7 -1e16 3.0e0 0e5
""".split()

TABLES = [
    b"id,patient\n1,a\n2,b\n",
    b"id,patient\r\n1,a\r\n2,b\r\n",
    b"id,patient\r1,a\r2,b\r",
    b"\xef\xbb\xbfid,patient\r\n1,a\r\n",
    b"\xef\xbb\xbf\"id\",\"patient\"\n\"1\",\"a, \"\"b\"\"\"\n",
    b"id,text\n1,\"two\r\nlines\"\n2,\"\"\n3,x\"y\n",
    b"id,patient\n100000000000000000000000000000000001,012\n",
    "id,patient\n1,M\u00fcller\n2,Mu\u0308ller\n".encode(),
    b"id,patient\n1,a",
]

TEXTS = ["\u00e9.png", "e\u0301.png", "f.png", "e.png", "\u212a", "K", "k", "\U0001F600", "\uffee", "\ud7ff", "a\u0301", "\u00e1", "b",
         "\u1e9b\u0323", "\u1e9b", "s\u0323\u0307", "", "10", "9", "A", "\u00c5", "A\u030a", "\u212b"]

DISTINCT = [
    ["\u00e9", "e\u0301"], ["\u212b", "\u00c5", "A\u030a"], ["\u037e", ";"], ["\u212a", "K"], ["\uac00", "\u1100\u1161"],
    ["same", "same"],
]

ANSWERS = ["caf\u00e9", "cafe\u0301", "CAF\u00c9", "\uac00", "\u1100\u1161", "\u212bs", "\u00c5s", "A\u030as"]

DOCUMENT = '{"image": "a.png"}'


def main():
    rng = random.Random(20)
    numbers = list(NUMBERS)
    while len(numbers) < 200:
        value = struct.unpack("<d", rng.randbytes(8))[0]
        if value == value and abs(value) != float("inf"):
            numbers.append(json.dumps(value))
    for _ in range(60):
        numbers.append(json.dumps(rng.uniform(-1, 1) * 10.0 ** rng.randint(-8, 20)))
    for digits in range(15, 40):
        numbers.append(str(rng.randint(10 ** (digits - 1), 10 ** digits)))
    tables = [
        {"bytes": base64.b64encode(table).decode(),
         "rows": list(csv.reader(io.TextIOWrapper(io.BytesIO(table), encoding="utf-8-sig", newline="")))}
        for table in TABLES
    ]
    encodings = [
        {"bytes": base64.b64encode(start).decode(), "encoding": json.detect_encoding(start)}
        for start in [DOCUMENT.encode(name) for name in
                      ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]]
        + [b"\xfe\xff" + DOCUMENT.encode("utf-16-be"), b"\x00\x00\xfe\xff" + DOCUMENT.encode("utf-32-be"), b"{}", b"[]",
           "{}".encode("utf-16-le"), "{}".encode("utf-16-be")]
    ]
    golden = {
        "numbers": [[text, str(json.loads(text))] for text in numbers],
        "tables": tables,
        "texts": {"given": TEXTS, "sorted": sorted(TEXTS)},
        "distinct": [[texts, len(set(texts))] for texts in DISTINCT],
        "answers": [[one, other, one.lower() == other.lower()] for one in ANSWERS for other in ANSWERS],
        "encodings": encodings,
    }
    OUT.write_text("{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
