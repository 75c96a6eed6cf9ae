"""Writes Tests/CarinaTests/Goldens/gemma3: tiny random Gemma3ForConditionalGeneration models, as `save_pretrained` writes them, and what transformers computes
with them. usage: make_gemma3_goldens.py   needs: torch transformers safetensors; about a minute

The files of a case are those of make_model_goldens.py; `projected` is what the projector gives. A sample has `images` (rows of `pixel_values`) and `segments`, the ids
before, between and behind their soft tokens; `supervised` marks ids of the last segment. Gradients have the keys of model.safetensors.

training/POLICY.json: ten optimizer steps on the model of a case, as make_training_goldens.py has them (`settings`, `steps`, `noise_only`), with `case`, `samples`
[{image, question, answer}] laid out as <bos> image question answer <eos>, and `final`, the sum and the sum of squares of each trained tensor in the end."""
import json
import pathlib
import shutil
import types

from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3TextConfig, SiglipVisionConfig

import make_training_goldens as training
import model_golden_cases
from model_golden_cases import *

HERE = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "gemma3"


PROMPTS = 17


def ids_of(sample, soft, rows):
    ids, kinds, at = [], [], 0
    for i, segment in enumerate(sample["segments"]):
        if i:
            ids += [soft] * rows
            kinds += [1] * rows
        ids += segment
        kinds += [0] * len(segment)
    return torch.tensor([ids]), torch.tensor([kinds])


def run(model, sample, pixels):
    ids, kinds = ids_of(sample, model.config.image_token_id, model.config.mm_tokens_per_image)
    chosen = pixels[sample["images"]] if sample["images"] else None
    return model(input_ids=ids, token_type_ids=kinds, pixel_values=chosen, use_cache=False).logits[0]


def case(name, seed, text, vision, tokens, samples):
    shutil.rmtree(HERE / name, ignore_errors=True)
    vocabulary = text["vocab_size"]
    config = Gemma3Config(text_config=Gemma3TextConfig(**text), vision_config=SiglipVisionConfig(vision_use_head=False, **vision), mm_tokens_per_image=tokens,
                          tie_word_embeddings=text.get("tie_word_embeddings", True),
                          image_token_index=vocabulary - 1, boi_token_index=vocabulary - 3, eoi_token_index=vocabulary - 2, eos_token_id=[1, 5])
    model = randomise(Gemma3ForConditionalGeneration._from_config(config, attn_implementation="eager"), seed)
    with torch.no_grad():  # random signs before the tied head, as in make_checkpoint_goldens.py
        model.model.language_model.norm.weight.copy_(torch.randn(text["hidden_size"], generator=generator(seed + 2)) - 1.0)
    where = save_hf(model, HERE / name)
    model = Gemma3ForConditionalGeneration.from_pretrained(where, attn_implementation="eager").eval()
    g = generator(seed + 1)
    size = vision["image_size"]
    pixels = torch.rand(3, 3, size, size, generator=g) * 2 - 1
    boi, eoi, soft = vocabulary - 3, vocabulary - 2, vocabulary - 1
    draw = lambda n: torch.randint(3, vocabulary - 3, (n,), generator=g).tolist()
    facts = {"samples": [], "generate": []}
    tensors = {"pixel_values": pixels}
    for images, before, after in samples:
        segments = [[BOS] + draw(before)]
        for _ in images:
            segments[-1].append(boi)
            segments.append([eoi] + draw(2))
        segments[-1] += draw(after)
        tail = len(segments[-1])
        facts["samples"].append({"images": images, "segments": segments, "supervised": [0] * (tail - after + 2) + [1] * (after - 2)})
    tensors["projected"] = model.model.get_image_features(pixels).pooler_output
    nlls, count = [], 0
    for i, sample in enumerate(facts["samples"]):
        with Tap(types.SimpleNamespace(model=model.model.language_model)) as tap:
            logits = run(model, sample, pixels)
        for k, hidden in enumerate(tap.hidden):
            tensors[f"sample.{i}.hidden.{k}"] = hidden[0]
        tensors[f"sample.{i}.logits"] = logits
        ids, _ = ids_of(sample, soft, tokens)
        start = ids.shape[1] - len(sample["supervised"])
        for j, wanted in enumerate(sample["supervised"]):
            if wanted:
                nlls.append(torch.nn.functional.cross_entropy(logits[start + j - 1][None], ids[0, start + j][None]))
    loss = sum(nlls) / len(nlls)
    loss.backward()
    facts.update(loss=loss.item(), supervised_tokens=len(nlls))
    keys = {}
    for key, parameter in model.named_parameters():
        stored = key.removeprefix("model.").replace("language_model.", "language_model.model.")
        stored = stored if not key.startswith("lm_head") else "language_model." + key
        keys[stored] = parameter.grad
    facts["no_gradient"] = sorted(k for k, v in keys.items() if v is None)
    largest = max(float(v.abs().max()) for v in keys.values() if v is not None)
    facts["noise_only"] = sorted(k for k, v in keys.items() if v is not None and float(v.abs().max()) < 1e-6 * largest)
    tensors.update({"grad." + k: v for k, v in keys.items() if v is not None})
    with torch.no_grad():
        for sample in (facts["samples"] * PROMPTS)[:PROMPTS]:
            for attempt in range(300):
                prompt = dict(sample, segments=sample["segments"][:-1] + [sample["segments"][-1][:3] + draw(3)])
                answer, margin = [], float("inf")
                while len(answer) < 12 and margin > 1e-2 and soft not in answer:
                    grown = dict(prompt, segments=prompt["segments"][:-1] + [prompt["segments"][-1] + answer])
                    top = run(model, grown, pixels)[-1].topk(2)
                    margin = min(margin, float(top.values[0] - top.values[1]))
                    answer.append(int(top.indices[0]))
                if margin > 1e-2 and soft not in answer and len(set(answer)) > 3:
                    break
            else:
                raise SystemExit("no prompt without near-ties: change the seed")
            ids, kinds = ids_of(prompt, soft, tokens)
            chosen = pixels[prompt["images"]] if prompt["images"] else None
            model.generation_config.eos_token_id = None
            seen = {"token_type_ids": kinds, "pixel_values": chosen} if prompt["images"] else {}
            cached = model.generate(input_ids=ids, **seen, do_sample=False, max_new_tokens=len(answer))
            if cached[0, ids.shape[1]:].tolist() != answer: print(name, "cached generation differs", cached[0, ids.shape[1]:].tolist(), answer)
            facts["generate"].append({"images": prompt["images"], "segments": prompt["segments"], "tokens": answer, "margin": round(margin, 4)})
    finish(where, seed, facts, tensors)


def curve(name, case, prefixes, clip, seed):
    """Ten steps; `prefixes` as in make_training_goldens.py, over the names in transformers' memory."""
    where = HERE / case
    model = Gemma3ForConditionalGeneration.from_pretrained(where, attn_implementation="eager").train()
    pixels, g = load_file(where / "golden.safetensors")["pixel_values"], generator(seed)
    rows, vocabulary = model.config.mm_tokens_per_image, model.config.text_config.vocab_size
    draw = lambda low, high: torch.randint(3, vocabulary - 3, (int(torch.randint(low, high, (1,), generator=g)),), generator=g).tolist()
    samples = [{"image": i % 3, "question": draw(2, 7), "answer": draw(1, 7)} for i in range(20)]
    order = training.draw_order(len(samples))

    def nll(sample):
        answer = sample["answer"] + [EOS]
        ids = torch.tensor([[BOS] + [model.config.image_token_id] * rows + sample["question"] + answer])
        kinds = torch.tensor([[0] + [1] * rows + [0] * (len(sample["question"]) + len(answer))])
        logits = model(input_ids=ids, token_type_ids=kinds, pixel_values=pixels[[sample["image"]]], use_cache=False).logits[0]
        return torch.nn.functional.cross_entropy(logits[-len(answer) - 1:-1], torch.tensor(answer), reduction="sum")

    def step(index):
        total = sum(len(samples[i]["answer"]) + 1 for batch in order[index] for i in batch)
        loss = 0.0
        for batch in order[index]:
            part = sum(nll(samples[i]) for i in batch) / total
            part.backward()
            loss += part.item()
        return loss, {"batches": order[index], "supervised_tokens": total}

    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    named, steps, quiet = training.run_stage(model, prefixes, step, clip)
    for n, p in model.named_parameters():
        assert torch.equal(p, before[n]) or training.trains(n, prefixes, 0), f"{n} is frozen and moved"
    (HERE / "training").mkdir(exist_ok=True)
    write_json(HERE / "training" / f"{name}.json", {
        "case": case, "settings": dict(training.SETTINGS, max_grad_norm=clip), "samples": samples, "steps": steps, "noise_only": quiet,
        "final": {n: [float(p.double().sum()), float(p.double().square().sum())] for n, p in named}})
    print(f"{name}: loss {steps[0]['loss']:.4f} -> {steps[-1]['loss']:.4f}, norms {min(s['grad_norm'] for s in steps):.3f} to {max(s['grad_norm'] for s in steps):.3f}, noise {len(quiet)}")


def main():
    vision = dict(hidden_size=12, intermediate_size=17, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=4)
    text = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=6, sliding_window=64,
                query_pre_attn_scalar=6, max_position_embeddings=128, layer_types=[SLIDING, FULL, SLIDING])
    # Grouped heads, blocks of 2 × 2 patches; an image, none, and two.
    case("grouped", 201, text, vision, 4, [([0], 2, 7), ([], 3, 9), ([1, 2], 1, 6)])
    # A window of 5, shorter than the 9 rows of an image; blocks of one patch.
    case("window-short", 211, dict(text, sliding_window=5, num_key_value_heads=4, num_hidden_layers=4, layer_types=[SLIDING, SLIDING, FULL, SLIDING]),
         dict(vision, image_size=12), 9, [([0], 4, 8), ([2, 1], 2, 6)])
    # One key-value head, blocks of 4 × 4 patches, scaled global positions, an own head; three images.
    case("untied", 221, dict(text, num_key_value_heads=1, sliding_window=12, tie_word_embeddings=False, layer_types=[FULL, SLIDING, FULL],
                             rope_parameters={FULL: {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}, SLIDING: {"rope_type": "default", "rope_theta": 10000.0}}),
         dict(vision, image_size=32), 4, [([2, 0, 1], 1, 7), ([1], 3, 9)])
    # A window of 3, shorter than the 4 rows that blocks of 4 × 4 patches give; two and three images.
    case("pool-4", 231, dict(text, sliding_window=3, num_hidden_layers=2, layer_types=[SLIDING, FULL]), dict(vision, image_size=32), 4,
         [([1, 0], 2, 7), ([2, 1, 0], 1, 6)])
    # As the 27B: a factor on the scores that is not the head's; scaled positions; 16 rows of 2 × 2 patches, longer than the window.
    case("scaled", 241, dict(text, num_key_value_heads=1, query_pre_attn_scalar=9, sliding_window=9, num_hidden_layers=2, layer_types=[SLIDING, FULL],
                             rope_parameters={FULL: {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}, SLIDING: {"rope_type": "default", "rope_theta": 10000.0}}),
         dict(vision, image_size=32), 16, [([2], 3, 8), ([0, 2], 1, 6)])
    # A head of its own over grouped heads and blocks of 2 × 2 patches; two images, then none.
    case("own-head", 251, dict(text, tie_word_embeddings=False, sliding_window=6, num_hidden_layers=2, layer_types=[SLIDING, FULL]), vision, 4,
         [([0, 1], 2, 8), ([], 3, 7)])
    decoder, projector, tower = "model.language_model.", "model.multi_modal_projector.", "model.vision_tower."
    curve("decoder", "grouped", {decoder: None}, 1.0, 301)
    curve("frozen-embeddings", "grouped", {decoder + "layers.": None, decoder + "norm.": None}, 1.0, 302)
    curve("projector", "pool-4", {projector: None}, 2.5, 303)
    curve("vision-first-epoch", "pool-4", {decoder: None, projector: None, tower: 0}, 1.0, 304)
    curve("own-head", "own-head", {decoder: None, "lm_head.": None, projector: None}, 1.0, 305)


if __name__ == "__main__":
    main()
