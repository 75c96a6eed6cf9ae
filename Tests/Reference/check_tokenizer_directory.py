"""Opens a directory of tokenizer files that the engine wrote with transformers and tokenizers and compares the ids of random Unicode
with those of `infer tokenize`. usage: check_tokenizer_directory.py DIR [INFER]   needs: tokenizers transformers"""
import json
import os
import subprocess
import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from make_tokenizer_goldens import random_texts

directory = sys.argv[1]
plain = Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))
fast = PreTrainedTokenizerFast.from_pretrained(directory)
auto = AutoTokenizer.from_pretrained(directory)
texts = random_texts(21, ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "\n", "<0x41>"])
expected = [plain.encode(t, add_special_tokens=False).ids for t in texts]
for t, ids in zip(texts, expected):
    for other in (fast, auto):
        assert other.encode(t, add_special_tokens=False) == ids, ascii(t)
        assert other.encode(t) == [plain.token_to_id("<bos>")] + ids, ascii(t)
        assert other.decode(ids, skip_special_tokens=False) == plain.decode(ids, skip_special_tokens=False), ascii(t)
for name in ("bos", "eos", "pad", "unk"):
    assert getattr(fast, f"{name}_token_id") == plain.token_to_id(f"<{name}>"), name
print(f"{len(texts)} texts: transformers and tokenizers agree, <bos> comes once")
if len(sys.argv) > 2:
    lines = "\n".join(json.dumps(t, ensure_ascii=False) for t in texts).encode()
    answer = subprocess.run([sys.argv[2], "tokenize", "--llm-path", directory], input=lines, stdout=subprocess.PIPE, check=True).stdout
    assert [json.loads(line) for line in answer.splitlines()] == expected
    print(f"{len(texts)} texts: infer tokenize agrees")
