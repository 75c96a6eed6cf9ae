"""The kinds of case that make_model_goldens.py writes; its head says what each file of a case holds."""

import pathlib

import safetensors
import torch
import transformers
from safetensors.torch import load_file

from model_twins import *

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "model"
SLIDING, FULL = "sliding_attention", "full_attention"


def draw_samples(g, vocab, lengths, image_rows=None, image_at=1, prompt=4):
    """Random ids without the padding id (whose embedding row torch freezes); the tail of each is supervised."""
    samples = []
    for i, length in enumerate(lengths):
        ids = [BOS] + torch.randint(3, vocab, (length - 1,), generator=g).tolist()
        mask = [0] * prompt + [1] * (length - prompt)
        if i == 0 and length > prompt + 4:
            mask[prompt + 2] = 0  # a hole in the supervision, as between two turns
        sample = {"ids": ids, "supervised": mask}
        if image_rows is not None:
            sample.update(image=image_rows[i], image_at=image_at)
        samples.append(sample)
    return samples


def run_samples(lm, samples, tensors, projected=None):
    """Forward of each sample alone, without padding; returns the loss with its graph."""
    nlls, count = [], 0
    for i, sample in enumerate(samples):
        patches = projected[sample["image"]] if projected is not None else None
        with Tap(lm) as tap:
            x = splice(lm, sample["ids"], sample.get("image_at", 0), patches)
            final = lm.model(inputs_embeds=x, use_cache=False).last_hidden_state
        logits = lm.lm_head(final)[0]
        for k, hidden in enumerate(tap.hidden):
            tensors[f"sample.{i}.hidden.{k}"] = hidden[0]
        tensors[f"sample.{i}.final"] = final[0]
        tensors[f"sample.{i}.logits"] = logits
        nll, n = token_nll(logits, sample, 0 if patches is None else patches.shape[0])
        nlls.append(nll)
        count += n
    return sum(nlls) / count, count


@torch.no_grad()
def greedy(lm, sample, projected=None, length=20):
    """Greedy tokens by full forwards from the first random prompt that gives varied text without near-ties."""
    g = generator(7)
    patches = projected[sample["image"]] if projected is not None else None
    at = sample.get("image_at", 0)
    for _ in range(500):
        prompt = [BOS] + torch.randint(3, lm.config.vocab_size, (4,), generator=g).tolist()
        tokens, margin = [], float("inf")
        while len(tokens) < length and margin > 1e-2:
            logits = lm(inputs_embeds=splice(lm, prompt + tokens, at, patches), use_cache=False).logits[0, -1]
            top = logits.topk(2)
            margin = min(margin, float(top.values[0] - top.values[1]))
            tokens.append(int(top.indices[0]))
        if margin > 1e-2 and len(set(tokens)) >= 6:
            break
    else:
        raise SystemExit("no prompt gives varied greedy text without near-ties: change the seed")
    lm.generation_config.eos_token_id = None
    cached = lm.generate(inputs_embeds=splice(lm, prompt, at, patches), do_sample=False, max_new_tokens=length)
    assert cached[0].tolist() == tokens, "transformers' cached generation differs from its uncached one"
    answer = {"prompt": prompt, "tokens": tokens, "margin": round(margin, 4)}
    if patches is not None:
        answer.update(image=sample["image"], image_at=at)
    return answer


def gradients(parts, tensors):
    """Stores every gradient, names those that are absent or only rounding. `parts`: prefix -> module."""
    grads = {f"{prefix}{name}": p.grad for prefix, m in parts.items() for name, p in m.named_parameters()}
    largest = max(float(v.abs().max()) for v in grads.values() if v is not None)
    names = {"no_gradient": sorted(k for k, v in grads.items() if v is None), "noise_only": []}
    for name, value in grads.items():
        if value is None:
            continue
        tensors["grad." + name] = value
        if float(value.abs().max()) < 1e-6 * largest:
            names["noise_only"].append(name)
    names["noise_only"].sort()
    assert all(name.endswith("k_proj.bias") for name in names["noise_only"]), names["noise_only"]
    return names


def finish(case, seed, facts, tensors):
    write_tensors(case / "golden.safetensors", tensors)
    write_json(case / "golden.json", facts)
    write_json(case / "meta.json", {"seed": seed, "torch": torch.__version__, "safetensors": safetensors.__version__,
                                    "transformers": transformers.__version__, "precision": "float32"})
    print(f"{case.name:24s} loss {facts.get('loss'):.6f}")


def decoder_facts(lm, seed, lengths):
    vocab = lm.config.vocab_size
    samples = draw_samples(generator(seed + 1), vocab, lengths)
    tensors = {}
    loss, count = run_samples(lm, samples, tensors)
    loss.backward()
    facts = {"samples": samples, "loss": loss.item(), "supervised_tokens": count,
             "generate": [greedy(lm, samples[0])], **gradients({"": lm}, tensors)}
    return facts, tensors


def decoder_case(name, seed, lengths, rewrite=None, **keys):
    lm = gemma(seed, **keys)
    case = save_hf(lm, ROOT / name, rewrite)
    # What is on disk, in whatever dialect, has to be the model that the goldens come from.
    again = Gemma3ForCausalLM.from_pretrained(case, attn_implementation="eager").eval()
    assert again.config.layer_types == lm.config.layer_types
    assert again.config.rope_parameters == lm.config.rope_parameters
    facts, tensors = decoder_facts(again, seed, lengths)
    finish(case, seed, facts, tensors)


def sharded_case(name, source, max_shard):
    """The same model as `source` in two files and an index; its goldens are those of `source`."""
    lm = Gemma3ForCausalLM.from_pretrained(ROOT / source)
    case = save_hf(lm, ROOT / name, max_shard_size=max_shard)
    shards = sorted(p.name for p in case.glob("model-*.safetensors"))
    assert len(shards) == 2 and (case / "model.safetensors.index.json").exists(), shards
    write_json(case / "golden.json", {"goldens_of": source})


def half_case(name, source, dtype, lengths):
    """`source` rounded to two bytes on disk, computed in float32 from there."""
    case = ROOT / name
    case.mkdir(parents=True)
    rounded = {k: v.to(dtype) for k, v in load_file(ROOT / source / "model.safetensors").items()}
    write_tensors(case / "model.safetensors", rounded, dtype)
    config = json.loads((ROOT / source / "config.json").read_text())
    (case / "config.json").write_text(json.dumps(dict(config, dtype=str(dtype).split(".")[1]), indent=2) + "\n")
    lm = Gemma3ForCausalLM.from_pretrained(case, dtype=torch.float32, attn_implementation="eager").eval()
    facts, tensors = decoder_facts(lm, 11, lengths)
    facts.pop("noise_only"), facts.pop("no_gradient")
    finish(case, 11, facts, {k: v for k, v in tensors.items() if k.endswith(("logits", "final"))})


def vision_tensors(vision, pixels, tensors):
    with Tap(vision) as tap:
        out = vision(pixel_values=pixels)
    for k, hidden in enumerate(tap.hidden):
        tensors[f"vision.hidden.{k}"] = hidden
    tensors["vision.final"] = out.last_hidden_state
    return out


def siglip_case(name, seed, images, texts, length, positives, vision, text, rewrite=None):
    model = siglip(seed, vision, text)
    case = save_hf(model, ROOT / name, rewrite)
    model = SiglipModel.from_pretrained(case, attn_implementation="eager").eval()
    g = generator(seed + 1)
    size = vision["image_size"]
    pixels = torch.rand(images, 3, size, size, generator=g) * 2 - 1
    ids = torch.randint(0, text["vocab_size"], (texts, length), generator=g)
    tensors = {"pixel_values": pixels}
    seen = vision_tensors(model.vision_model, pixels, tensors)
    with Tap(model.text_model) as tap:
        read = model.text_model(input_ids=ids)
    for k, hidden in enumerate(tap.hidden):
        tensors[f"text.hidden.{k}"] = hidden
    image_embeds = seen.pooler_output / seen.pooler_output.norm(dim=-1, keepdim=True)
    text_embeds = read.pooler_output / read.pooler_output.norm(dim=-1, keepdim=True)
    loss, logits = sigmoid_loss(image_embeds, text_embeds, model.logit_scale, model.logit_bias, positives)
    loss.backward()
    n = min(images, texts)
    own = model(input_ids=ids[:n], pixel_values=pixels[:n], return_loss=True)
    assert torch.allclose(own.logits_per_image, logits[:n, :n], atol=1e-5)
    tensors.update({"vision.pooled": seen.pooler_output, "text.final": read.last_hidden_state,
                    "text.pooled": read.pooler_output, "image_embeds": image_embeds, "text_embeds": text_embeds,
                    "logits_per_image": logits})
    facts = {"text_ids": ids.tolist(), "positives": positives, "loss": loss.item(),
             "diagonal": {"count": n, "loss": own.loss.item()}, **gradients({"": model}, tensors)}
    finish(case, seed, facts, tensors)


def joined_case(name, seed, lengths, image_at, vision, lm, hidden, feature="post-norm", drop=False, vision_rewrite=None):
    case = ROOT / name
    tower = vision.vision_model if hasattr(vision, "vision_model") else vision
    projector = randomise(Projector(tower.config.hidden_size, hidden, lm.config.hidden_size), seed + 2)
    save_hf(vision, case / "vision", vision_rewrite)
    save_hf(lm, case / "language_model")
    (case / "projection_layer").mkdir()
    write_tensors(case / "projection_layer" / "model.safetensors", projector.state_dict())
    g = generator(seed + 1)
    size = tower.config.image_size
    pixels = torch.rand(2, 3, size, size, generator=g) * 2 - 1
    rows = [0, 1, 0][:len(lengths)]  # an image is shared by two samples where there are three
    samples = draw_samples(g, lm.config.vocab_size, lengths, rows, image_at)
    tensors = {"pixel_values": pixels}
    vision_tensors(tower, pixels, tensors)
    tensors["features"] = features(tower, pixels, feature, drop)
    tensors["projected"] = projector(tensors["features"])
    loss, count = run_samples(lm, samples, tensors, tensors["projected"])
    loss.backward()
    prefixes = {"projector.": projector, "language_model.": lm}
    prefixes["vision.vision_model." if tower is not vision else "vision."] = tower
    facts = {"samples": samples, "loss": loss.item(), "supervised_tokens": count, "feature": feature,
             "drop_first_patch": drop, "generate": [greedy(lm, s, tensors["projected"]) for s in samples[:2]],
             **gradients(prefixes, tensors)}
    finish(case, seed, facts, tensors)


def old_tower_case(name, source):
    """The tower of `source` under the keys that transformers 4.x wrote; the goldens are `source`'s vision.*."""
    case = ROOT / name
    case.mkdir(parents=True)
    tensors = load_file(ROOT / source / "vision" / "model.safetensors")
    write_tensors(case / "model.safetensors", {"vision_model." + k: v for k, v in tensors.items()})
    config = json.loads((ROOT / source / "vision" / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype")
    (case / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_json(case / "golden.json", {"goldens_of": source})


def without(*names):
    """Leaves keys out of config.json (and its towers) whose class default is meant."""
    def rewrite(config):
        for part in (config, config.get("vision_config", {}), config.get("text_config", {})):
            for name in names:
                part.pop(name, None)
        return config
    return rewrite
