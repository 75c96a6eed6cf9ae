"""Writes Tests/CarinaTests/Goldens/text/gemma3-prompt: a tiny tokenizer of Gemma 3's structure (runs of line breaks and of tabs are single pieces) and the ids
that transformers' Gemma3Processor makes of conversations with images. Deterministic. usage: make_gemma3_prompt_goldens.py   needs: transformers tokenizers pillow torch

prompts.json: {"soft": id, "rows": N, "prompts": [{"system"?, "images", "turns": [[question, answer]…], "question", "answer"?, "ids"}]}; ids end where the answer
to `question` begins, or with the answer's <end_of_turn>; the N soft ids of an image stand in them."""
import json
import os
import random

import numpy
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, trainers
from transformers import Gemma3Processor, PreTrainedTokenizerFast
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from make_tokenizer_goldens import corpus, fresh, random_texts

ROWS = 4
CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"]
# The template of the published checkpoints, laid out for reading.
TEMPLATE = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
  {%- if messages[0]['content'] is string -%}{%- set before = messages[0]['content'] + '\\n\\n' -%}
  {%- else -%}{%- set before = messages[0]['content'][0]['text'] + '\\n\\n' -%}{%- endif -%}
  {%- set rest = messages[1:] -%}
{%- else -%}{%- set before = '' -%}{%- set rest = messages -%}{%- endif -%}
{%- for message in rest -%}
  {%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
  {{ '<start_of_turn>' + role + '\\n' + (before if loop.first else '') }}
  {%- if message['content'] is string -%}{{ message['content'] | trim }}
  {%- else -%}{%- for item in message['content'] -%}
    {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}
    {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
  {%- endfor -%}{%- endif -%}
  {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"""


def tokenizer(path):
    t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Replace(" ", "\u2581")
    names = [f"<0x{i:02X}>" for i in range(256)]
    t.train_from_iterator((l.replace("\n", " ").replace(" ", "\u2581") for l in corpus()[:600]),
                          trainers.BpeTrainer(vocab_size=470, special_tokens=CONTROL + names, show_progress=False))
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if a["content"] not in names]
    j["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    t = Tokenizer.from_str(json.dumps(j))
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    t.add_tokens([AddedToken(c * n, normalized=False) for c, most in (("\n", 31), ("\t", 8)) for n in range(1, most + 1)])
    t.add_special_tokens([AddedToken("<image_soft_token>", normalized=False, special=True)])
    with open(os.path.join(path, "tokenizer.json"), "w", encoding="utf-8") as f: f.write(t.to_str())
    return PreTrainedTokenizerFast(tokenizer_object=t, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                                   extra_special_tokens={"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"})


def main():
    path = fresh("gemma3-prompt")
    processor = Gemma3Processor(Gemma3ImageProcessorPil(size={"height": 8, "width": 8}), tokenizer(path), chat_template=TEMPLATE, image_seq_length=ROWS)
    image = Image.fromarray(numpy.zeros((8, 8, 3), numpy.uint8))
    breaks = ["\n", "\n\n", "\n\n\n", "\t\t", "\x1c", "\u200b", "\u2028", "\x85"]
    texts = [t for t in random_texts(21, breaks)]
    r = random.Random(22)
    edge = lambda: r.choice(["", "", "\n", "\n\n ", " \t", "\u200b", "\x1d", "\u3000\n"])
    text = lambda: edge() + r.choice(texts) + edge()
    prompts = []
    while len(prompts) < 120:
        n = len(prompts)
        p = {"images": n % 4 if n % 8 else 8, "turns": [[text(), text()] for _ in range(r.choice([0, 0, 0, 1, 2]))], "question": text()}
        if n % 3 == 0: p["system"] = r.choice(["", "\n"]) + r.choice(texts) + r.choice(["", "\n", "\n\n"])
        if n % 2 and not p["turns"]:
            p["answer"] = text()
            if not p["answer"].strip(): continue
        part = lambda t: {"type": "text", "text": t}
        messages = [{"role": "system", "content": [part(p["system"])]}] if "system" in p else []
        for i, (q, a) in enumerate(p["turns"] + [[p["question"], p.get("answer")]]):
            seen = [{"type": "image", "image": image}] * p["images"] if i == 0 else []
            messages.append({"role": "user", "content": seen + [part(q)]})
            if a is not None: messages.append({"role": "assistant", "content": [part(a)]})
        out = processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt="answer" not in p)
        ids = out["input_ids"][0] if hasattr(out["input_ids"][0], "__len__") else out["input_ids"]
        ids = [int(i) for i in ids]
        # The template ends a turn with a line break that no sample has.
        p["ids"] = ids[:-1] if "answer" in p else ids
        prompts.append(p)
    soft = processor.tokenizer.convert_tokens_to_ids("<image_soft_token>")
    with open(os.path.join(path, "prompts.json"), "w", encoding="utf-8") as f:
        f.write(json.dumps({"soft": soft, "rows": ROWS})[:-1] + ', "prompts": [\n' + ",\n".join(json.dumps(p) for p in prompts) + "\n]}\n")


if __name__ == "__main__":
    main()
