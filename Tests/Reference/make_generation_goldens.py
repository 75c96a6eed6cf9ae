"""Writes Tests/CarinaTests/Goldens/generation: what transformers' `generate` answers with the tiny models of Goldens/model.

    python Tests/Reference/make_generation_goldens.py        (needs torch, transformers; run make_model_goldens.py first)

answers.json: a list of {model, prompt, image_at?, image?, stop, max_new_tokens, num_beams, length_penalty,
repetition_penalty, tokens, reached_end}. `model` names a directory of Goldens/model; `tokens` are without the stop token.
Every answer is made twice, in float32 and in float64, and only kept where both agree: what hangs on a rounding is no
golden. Prompts are given as embeddings, so that a repetition penalty sees the answer and not the prompt.

warpers.json: {logits, cases: [{temperature, top_k?, top_p?, probabilities}]}: the distribution that sampling draws from,
after transformers' warpers in their order.
"""

import itertools
import json

import torch
from transformers import GenerationConfig
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from model_golden_cases import *

OUTPUT = ROOT.parent / "generation"
DECODERS = ["gemma-window-short", "gemma-1b-style"]
JOINED = ["joined-bare-tower"]


@torch.no_grad()
def answer(lm, prompt, at, patches, **options):
    lm.generation_config = GenerationConfig(
        do_sample=False, pad_token_id=0, bos_token_id=None, eos_token_id=options["stop"],
        max_new_tokens=options["max_new_tokens"], num_beams=options["num_beams"], early_stopping=False,
        length_penalty=options["length_penalty"], repetition_penalty=options["repetition_penalty"])
    x = splice(lm, prompt, at, patches).to(lm.dtype)
    tokens = lm.generate(inputs_embeds=x, attention_mask=torch.ones(x.shape[:2], dtype=torch.long))[0].tolist()
    for place, token in enumerate(tokens):
        if token in options["stop"]:
            return tokens[:place], True
    return tokens, False


def load(directory, dtype):
    return Gemma3ForCausalLM.from_pretrained(directory, dtype=dtype, attn_implementation="eager").eval()


def answers(name, directory, prompts, records):
    models = {dtype: load(directory, dtype) for dtype in (torch.float32, torch.float64)}
    vocab = models[torch.float32].config.vocab_size
    stops = [[vocab // 3], [5, vocab // 2, vocab - 2], list(range(3, vocab, 4))]
    beams = [(1, 1.0), (2, 1.0), (3, 0.0), (3, 2.0), (4, -1.0), (5, 0.6)]
    kept = dropped = 0
    for (prompt, at, image, patches), (num_beams, length_penalty), stop, repetition in itertools.product(
            prompts, beams, stops, [1.0, 1.3]):
        options = dict(stop=stop, max_new_tokens=14, num_beams=num_beams, length_penalty=length_penalty,
                       repetition_penalty=repetition)
        both = [answer(lm, prompt, at, patches, **options) for lm in models.values()]
        if both[0] != both[1]:
            dropped += 1
            continue
        kept += 1
        record = dict(model=name, prompt=prompt, **options, tokens=both[0][0], reached_end=both[0][1])
        if patches is not None:
            record.update(image_at=at, image=image)
        records.append(record)
    print(f"{name:24s} {kept} answers, {dropped} hang on a rounding")


def warper_cases():
    g = generator(3)
    logits = (torch.randn(40, generator=g) * 3).tolist()
    logits[7] = logits[8] = logits[9]
    cases = []
    for temperature, top_k, top_p in [(1.0, None, None), (0.7, None, None), (1.0, 5, None), (2.0, 12, None),
                                      (1.0, None, 0.5), (1.0, None, 0.95), (0.8, None, 0.999999), (1.5, 10, 0.8),
                                      (0.3, 64, 0.9), (1.0, 1, None), (1.0, None, 0.01)]:
        scores = TemperatureLogitsWarper(temperature)(None, torch.tensor([logits], dtype=torch.float64))
        if top_k:
            scores = TopKLogitsWarper(top_k)(None, scores)
        if top_p:
            scores = TopPLogitsWarper(top_p)(None, scores)
        cases.append({"temperature": temperature, "top_k": top_k, "top_p": top_p,
                      "probabilities": scores.softmax(-1)[0].tolist()})
    return {"logits": logits, "cases": cases}


def main():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    records = []
    for name in DECODERS:
        g = generator(5)
        vocab = json.loads((ROOT / name / "config.json").read_text())["vocab_size"]
        prompts = [([BOS] + torch.randint(3, vocab, (n,), generator=g).tolist(), 0, None, None) for n in (3, 9)]
        answers(name, ROOT / name, prompts, records)
    for name in JOINED:
        golden = json.loads((ROOT / name / "golden.json").read_text())
        projected = load_file(ROOT / name / "golden.safetensors")["projected"]
        samples = [(s["prompt"], s["image_at"], s["image"], projected[s["image"]]) for s in golden["generate"]]
        answers(name, ROOT / name / "language_model", samples, records)
    lines = ",\n".join(json.dumps(record) for record in records)
    (OUTPUT / "answers.json").write_text(f"[\n{lines}\n]\n")
    (OUTPUT / "warpers.json").write_text(json.dumps(warper_cases()) + "\n")


if __name__ == "__main__":
    main()
