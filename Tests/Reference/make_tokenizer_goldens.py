"""Trains tiny tokenizers of every kind the engine reads and writes them with the reference libraries' answers to
Tests/CarinaTests/Goldens/text. Deterministic. usage: make_tokenizer_goldens.py   needs: tokenizers sentencepiece"""
import json
import os
import random
import shutil
import tempfile

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = os.path.join(os.path.dirname(__file__), "..", "CarinaTests", "Goldens", "text")
STRINGS, ID_ROWS = 300, 60

FINDINGS = ["pleural effusion", "pneumothorax", "consolidation", "cardiomegaly", "a nodule", "atelectasis", "edema"]
PLACES = ["left lung base", "right apex", "mid zone", "both lower lobes", "cardiac silhouette", "left costophrenic angle"]
FRAMES = [
    "There is {f} in the {p}.", "No {f}.", "Is there {f} in the {p}?", "The {p} shows {f}, about {n} cm.",
    "FINDINGS: {f}\n  - {p}\n", "The {p} is clear.", "{f} (unchanged since {n}/2019) near the {p}", "caf\u00e9 na\u00efve \u03b1\u03b2 {f}",
]


def corpus():
    r = random.Random(11)
    return [r.choice(FRAMES).format(f=r.choice(FINDINGS), p=r.choice(PLACES), n=r.randint(1, 30)) for _ in range(1500)]


def random_texts(seed, specials):
    r = random.Random(seed)
    lines = corpus()
    words = [w for l in lines[:60] for w in l.split(" ")]

    def scalar():
        low, high = r.choice([(0, 0x7F), (0x20, 0x7E), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x1100), (0x1100, 0x1200),
                              (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xFFFF), (0x10000, 0x10FFFF),
                              (0x1F300, 0x1FAFF), (0x1D400, 0x1D7FF)])
        return chr(r.randint(low, high))

    def part():
        k = r.randrange(10)
        if k < 3: return r.choice(words)
        if k == 3: return " " * r.randint(1, 4)
        if k == 4: return r.choice(["\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2581", "\u200d", "\ufffd", "  \n "])
        if k == 5: return r.choice(specials)
        if k == 6: return r.choice(["\U0001F468\u200d\u2695\ufe0f", "e\u0301", "\u00e9", "\ufb01", "\u2126", "\u1e9b\u0323", "\u0130", "\u03a3\u03c2", "\uac00\u11a8"])
        return "".join(scalar() for _ in range(r.randint(1, 4)))

    texts = ["", " ", "  ", "\n", "a", " a", "a ", "\u2581", "\x00", "a\x00b"]
    while len(texts) < STRINGS:
        texts.append("".join(part() + r.choice(["", "", " "]) for _ in range(r.randint(1, 6))))
    return texts


def random_ids(seed, count, byte_ids):
    r = random.Random(seed)
    rows = [[r.randrange(count) for _ in range(r.randint(0, 8))] for _ in range(ID_ROWS // 2)]
    encoded = "\u00e9\u65e5\U0001F600".encode()
    while byte_ids and len(rows) < ID_ROWS:
        row = []
        for _ in range(r.randint(1, 4)):
            piece = r.choice([encoded, encoded[:3], encoded[1:4], b"\xff", b"\xed\xa0\x80", b"\xf0\x9f", b"\xc0\x80", b"A"])
            row += [byte_ids[b] for b in piece] + ([r.randrange(count)] if r.random() < 0.4 else [])
        rows.append(row)
    return rows


def write(name, encode, decode, texts, rows, decode_skipping=None):
    vectors = []
    for t in texts:
        ids = encode(t)
        vectors.append({"text": t, "ids": ids, "decoded": decode(ids)})
    decoded = [{"ids": ids, "decoded": decode(ids)} for ids in rows]
    if decode_skipping:
        for d in decoded: d["skipping"] = decode_skipping(d["ids"])
    with open(os.path.join(OUT, name, "vectors.json"), "w", encoding="utf-8") as f:
        f.write('{"vectors": [\n' + ",\n".join(json.dumps(v, ensure_ascii=False) for v in vectors))
        f.write('\n], "decodings": [\n' + ",\n".join(json.dumps(v, ensure_ascii=False) for v in decoded) + "\n]}\n")


def fresh(name):
    path = os.path.join(OUT, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def byte_pairs(name, seed, tokenizer, special, added, vocabulary, change=lambda j: None):
    path = fresh(name)
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False))
    j = json.loads(tokenizer.to_str())
    byte_names = [f"<0x{i:02X}>" for i in range(256)]
    j["added_tokens"] = [a for a in j["added_tokens"] if a["content"] not in byte_names]
    change(j)
    tokenizer = Tokenizer.from_str(json.dumps(j))
    tokenizer.add_tokens(added)
    with open(os.path.join(path, "tokenizer.json"), "w", encoding="utf-8") as f: f.write(tokenizer.to_str())
    specials = [a["content"] for a in json.loads(tokenizer.to_str())["added_tokens"]] + ["<0x41>"]
    count = tokenizer.get_vocab_size()
    vocabulary = tokenizer.get_vocab()
    byte_ids = [vocabulary[b] for b in byte_names] if byte_names[0] in vocabulary else None
    write(name, lambda t: tokenizer.encode(t, add_special_tokens=False).ids, lambda i: tokenizer.decode(i, skip_special_tokens=False),
          random_texts(seed, specials), random_ids(seed, count, byte_ids), lambda i: tokenizer.decode(i, skip_special_tokens=True))


def bpe_gemma():
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Replace(" ", "\u2581")
    t.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])

    def change(j):
        j["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    byte_pairs("bpe-gemma", 1, t, special + [f"<0x{i:02X}>" for i in range(256)],
               [AddedToken("\n", normalized=False), AddedToken("\n\n", normalized=False)], 560, change)


def bpe_variants():
    """What Gemma does not use: no byte fallback, unknown runs, merges as one string each, Unicode steps, every kind of added token."""
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(" ", "\u2581"), normalizers.Prepend("\u2581")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split("\u2581", "merged_with_next"), pre_tokenizers.Split(".", "isolated"), pre_tokenizers.Split(",", "merged_with_previous")])
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.Fuse()])

    def change(j):
        j["model"]["merges"] = [" ".join(m) for m in j["model"]["merges"]]
        j["model"]["ignore_merges"] = True
    byte_pairs("bpe-variants", 2, t, ["<unk>", "<eos>"],
               [AddedToken("<L>", lstrip=True, special=True), AddedToken("<R>", rstrip=True), AddedToken("lung", single_word=True),
                AddedToken("The Heart", normalized=True), AddedToken("<B>", lstrip=True, rstrip=True, normalized=False)], 300, change)


def sentence_pieces(name, seed, **settings):
    path = fresh(name)
    with tempfile.TemporaryDirectory() as work:
        text = os.path.join(work, "corpus.txt")
        with open(text, "w", encoding="utf-8") as f: f.write("\n".join(l.replace("\n", " ") for l in corpus()))
        rules = settings.pop("rules", None)
        if rules:
            table = os.path.join(work, "rules.tsv")
            with open(table, "w") as f:
                for a, b in rules: f.write(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n")
            settings["normalization_rule_tsv"] = "rules.tsv"
        here = os.getcwd()
        os.chdir(work)
        sentencepiece.SentencePieceTrainer.train(input="corpus.txt", model_prefix="tokenizer", num_threads=1, hard_vocab_limit=False, minloglevel=2, **settings)
        os.chdir(here)
        shutil.copy(os.path.join(work, "tokenizer.model"), path)
    p = sentencepiece.SentencePieceProcessor(model_file=os.path.join(path, "tokenizer.model"))
    count = p.get_piece_size()
    byte_ids = [p.piece_to_id(f"<0x{i:02X}>") for i in range(256)] if settings.get("byte_fallback") else None
    specials = settings.get("user_defined_symbols", []) + settings.get("control_symbols", []) + ["<s>", "</s>", "<unk>", "<0x41>"]
    write(name, p.encode, p.decode, random_texts(seed, specials), random_ids(seed, count, byte_ids))


def cut(text):
    """The words of the engine's trainer: a run of letters, one digit or one other sign, each with the space before it (a digit without)."""
    words, word, last = [], "", "break"
    for c in text:
        kind = "space" if c == " " else "break" if c == "\n" else "digit" if c.isdecimal() else "letter" if c.isalpha() else "other"
        if not (last == "space" and kind not in ("space", "digit")) and not (last == "letter" == kind):
            words.append(word)
            word = ""
        last = kind
        if kind != "break": word += "\u2581" if kind == "space" else c
    return [w for w in words + [word] if w]


def trained():
    """What the reference's trainer makes of the same words, in a file of Gemma's structure; the engine's trainer must write the same file."""
    path = fresh("trained")
    texts = corpus()[:400] + ["aaaa aaa 12.5 cm ((x)) \u65e5\u672c\u8a9e \u65e5\u672c", "<bos>sta\u0142y\n\n  two  spaces\ttab"]
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    t.train_from_iterator((w for x in texts for w in cut(x)), trainers.BpeTrainer(
        vocab_size=480, min_frequency=2, special_tokens=special + ["\n"] + [f"<0x{i:02X}>" for i in range(256)], show_progress=False))
    t.normalizer = normalizers.Replace(" ", "\u2581")
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    t.post_processor = processors.TemplateProcessing(single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", 2)])
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if a["id"] <= 6]
    j["added_tokens"][6]["special"] = False
    t = Tokenizer.from_str(json.dumps(j))
    with open(os.path.join(path, "tokenizer.json"), "w", encoding="utf-8") as f: f.write(t.to_str())
    with open(os.path.join(path, "corpus.json"), "w", encoding="utf-8") as f: json.dump(texts, f, ensure_ascii=False, indent=0)
    byte_ids = [t.token_to_id(f"<0x{i:02X}>") for i in range(256)]
    write("trained", lambda x: t.encode(x, add_special_tokens=False).ids, lambda i: t.decode(i, skip_special_tokens=False),
          random_texts(7, special + ["<0x41>"]), random_ids(7, t.get_vocab_size(), byte_ids), lambda i: t.decode(i, skip_special_tokens=True))


# A character map small enough to be committed: folding, one to many, many to one, one to nothing, spaces.
RULES = [(chr(c), chr(c + 32)) for c in range(65, 91)] + [
    ("\u00c9", "\u00e9"), ("e\u0301", "\u00e9"), ("\ufb01", "fi"), ("\u3000", " "), ("\u00a0", " "), ("\t", " "), ("\n", " "), ("\u200d", ""),
    ("\u2126", "\u03c9"), ("\u03a3", "\u03c3"), ("fi\u0301x", "FIX"), ("\ufffd", " "), ("\u00a8", " \u0308")]

if __name__ == "__main__":
    bpe_gemma()
    bpe_variants()
    trained()
    gemma = dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3, split_digits=True, byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False,
                 normalization_rule_name="identity", user_defined_symbols=["<start_of_turn>", "<end_of_turn>", "\n", "\n\n"])
    sentence_pieces("spm-bpe", 3, model_type="bpe", vocab_size=560, **gemma)
    sentence_pieces("spm-bpe-prefixed", 4, model_type="bpe", vocab_size=260, rules=RULES, control_symbols=["<ctl>"], user_defined_symbols=["<sep>"], character_coverage=0.995)
    sentence_pieces("spm-unigram", 5, model_type="unigram", vocab_size=240, rules=RULES, unk_id=2, bos_id=-1, eos_id=1, pad_id=0)
    sentence_pieces("spm-unigram-bytes", 6, model_type="unigram", vocab_size=500, byte_fallback=True, user_defined_symbols=["<sep>", "left lung", "\u2581right"],
                    normalization_rule_name="identity", remove_extra_whitespaces=False)
