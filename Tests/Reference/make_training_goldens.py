"""Writes Tests/CarinaTests/Goldens/training: ten optimizer steps of every stage on one tiny joined model.

    python Tests/Reference/make_training_goldens.py     (needs torch, transformers, safetensors; under a minute)

siglip/, language_model/, projection_layer/   the weights that every stage starts from (Hugging Face layout)
projection_layer-pooled/, projection_layer-gemma3/    other projectors: an MLP over averages of 3 × 3 patches, and Gemma
                    3's form over all 9, whose rows see each other both ways (the window is shorter than them): what the
                    stages of these names start from, otherwise as the others
data.safetensors    pixel_values [12,3,S,S], one row an image
data.json           text_ids [text][token] and positives [image][text] for stage0-siglip;
                    language [{ids, supervised}] for stage0-language;
                    joined [{ids, supervised, image, image_at}] for stages 1 and 2: the projected patches (post-norm
                    features of siglip's vision tower) stand before text position image_at
STAGE/golden.json   settings, `trainable` (tensor-name prefixes), `no_decay` (tensor names), and steps [{epoch,
                    learning_rate, loss, grad_norm, …}]: `learning_rate` the one used by this step's update, `loss` and
                    `grad_norm` from before it, the norm before clipping.
                    stage0-siglip steps have images and texts (rows of data.json) of the one batch; the others have
                    batches [[sample, …], …], one list per micro-batch, and supervised_tokens; loss and gradient are
                    means over the supervised tokens of the whole step.
                    noise_only: tensors whose exact gradient is zero; Adam turns the rounding into real moves there, which
                    change no output, so their final values mean nothing.
                    sensitivity: largest relative change of a step's loss when all starting weights are multiplied by
                    1 + 1e-6 noise; what no other implementation can be expected to undercut by much.
STAGE/final.safetensors   the trained weights: siglip.KEY, language_model.KEY, projector.KEY with KEY as in the
                    starting files. What is not trained is absent; stage2-vision trains the tower in epoch 0 only.
"""

import copy
import math
import pathlib
import shutil

import safetensors
import torch
import transformers

from model_twins import *

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "training"
SLIDING, FULL = "sliding_attention", "full_attention"
SEED, STEPS, STEPS_PER_EPOCH = 201, 10, 5
SETTINGS = {"peak_learning_rate": 0.004, "weight_decay": 0.1, "warmup_ratio": 0.25, "total_steps": STEPS,
            "betas": [0.9, 0.999], "epsilon": 1e-8}


def build():
    tower = dict(hidden_size=16, intermediate_size=26, num_hidden_layers=2, num_attention_heads=2)
    parts = {
        "siglip.": siglip(SEED, dict(tower, image_size=12, patch_size=4),
                          dict(tower, vocab_size=40, max_position_embeddings=8)),
        "language_model.": gemma(SEED + 1, vocab_size=48, hidden_size=18, intermediate_size=28, num_hidden_layers=3,
                                 num_attention_heads=3, num_key_value_heads=1, head_dim=6, sliding_window=7,
                                 query_pre_attn_scalar=6, max_position_embeddings=64,
                                 layer_types=[SLIDING, FULL, SLIDING]),
        "projector.": randomise(Projector(16, 40, 18), SEED + 2),
    }
    return torch.nn.ModuleDict({k[:-1]: v for k, v in parts.items()})


def other_projectors():
    sizes = {"input_size": 16, "output_size": 18, "grid_size": 3}
    yield "pooled", randomise(PooledMLP(3, 3, 16, 40, 18), SEED + 6), {
        "model_type": "carina_pooled_mlp_projector", "hidden_act": "gelu", "hidden_size": 40, "pool": 3, **sizes}
    yield "gemma3", randomise(Gemma3Projector(3, 9, 16, 18), SEED + 7), {
        "model_type": "carina_gemma3_projector", "mm_tokens_per_image": 9, "rms_norm_eps": 1e-5, **sizes}


def draw_data():
    g = generator(SEED + 3)
    integer = lambda low, high: int(torch.randint(low, high, (1,), generator=g))
    ids = lambda n: torch.randint(3, 48, (n,), generator=g).tolist()
    positives = (torch.rand(12, 9, generator=g) < 0.3).int()
    for image in range(12):
        positives[image, image % 9] = 1
    language, joined = [], []
    for i in range(20):
        body = ids(integer(4, 13))
        language.append({"ids": [BOS] + body + [EOS], "supervised": [0] + [1] * (len(body) + 1)})
        question, answer = ids(integer(2, 7)), ids(integer(1, 7))
        joined.append({"ids": [BOS] + question + answer + [EOS], "image": (5 * i) % 12, "image_at": 1,
                       "supervised": [0] * (1 + len(question)) + [1] * (len(answer) + 1)})
    data = {"text_ids": torch.randint(0, 40, (9, 8), generator=g).tolist(), "positives": positives.tolist(),
            "language": language, "joined": joined}
    return data, torch.rand(12, 3, 12, 12, generator=g) * 2 - 1


def draw_order(count):
    """Sample numbers per step: two micro-batches of two, each epoch a fresh permutation of all samples."""
    g = generator(SEED + 4)
    order = torch.cat([torch.randperm(count, generator=g) for _ in range(math.ceil(STEPS * 4 / count))]).tolist()
    return [[order[4 * s:4 * s + 2], order[4 * s + 2:4 * s + 4]] for s in range(STEPS)]


def mutual_masks(length, image, window):
    """What transformers adds to scores of sequences whose image rows see each other both ways, by kind of layer."""
    query, key = torch.arange(length)[:, None], torch.arange(length)[None]
    inside = lambda rows: (rows >= image.start) & (rows < image.stop)
    sees = (key <= query) | (inside(query) & inside(key))
    added = lambda seen: torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)[None, None]
    return {FULL: added(sees), SLIDING: added(sees & (key > query - window))}


def sample_nll(models, sample, pixels):
    patches, masks = None, None
    lm = models["language_model"]
    if "image_at" in sample:
        seen = features(models["siglip"].vision_model, pixels[sample["image"]][None])
        patches = models["projector"](seen).reshape(-1, lm.config.hidden_size)
        if isinstance(models["projector"], Gemma3Projector):
            image = range(sample["image_at"], sample["image_at"] + patches.shape[0])
            masks = mutual_masks(len(sample["ids"]) + patches.shape[0], image, lm.config.sliding_window)
    x = splice(lm, sample["ids"], sample.get("image_at", 0), patches)
    logits = lm(inputs_embeds=x, attention_mask=masks, use_cache=False).logits[0]
    return token_nll(logits, sample, 0 if patches is None else patches.shape[0])


def padded_nll(models, samples, pixels):
    """The same by one right-padded batch with an attention mask: a check that absence of padding changes nothing."""
    lm = models["language_model"]
    seen = features(models["siglip"].vision_model, pixels[[s["image"] for s in samples]])
    rows = [splice(lm, s["ids"], s["image_at"], p)[0] for s, p in zip(samples, models["projector"](seen))]
    longest = max(r.shape[0] for r in rows)
    x = torch.stack([torch.cat([r, torch.zeros(longest - r.shape[0], r.shape[1])]) for r in rows])
    mask = torch.tensor([[1] * r.shape[0] + [0] * (longest - r.shape[0]) for r in rows])
    logits = lm(inputs_embeds=x, attention_mask=mask, use_cache=False).logits
    return sum(token_nll(logits[i, :r.shape[0]], samples[i], seen.shape[1])[0] for i, r in enumerate(rows))


def language_step(models, samples, batches, pixels):
    total = sum(sum(samples[i]["supervised"]) for batch in batches for i in batch)
    loss = 0.0
    for batch in batches:  # the gradient of each micro-batch is added to the last one's, already over the whole count
        nll = sum(sample_nll(models, samples[i], pixels)[0] for i in batch)
        (nll / total).backward()
        loss += nll.item() / total
    return loss, {"batches": batches, "supervised_tokens": total}


def siglip_step(models, data, images, pixels):
    model = models["siglip"]
    table = torch.tensor(data["positives"])
    texts = [t for t in range(table.shape[1]) if table[images, t].any()]
    out = model(pixel_values=pixels[images], input_ids=torch.tensor(data["text_ids"])[texts])
    positives = table[images][:, texts].tolist()
    loss, _ = sigmoid_loss(out.image_embeds, out.text_embeds, model.logit_scale, model.logit_bias, positives)
    loss.backward()
    return loss.item(), {"images": images, "texts": texts}


def trains(name, prefixes, epoch):
    return any(name.startswith(p) and (last is None or epoch <= last) for p, last in prefixes.items())


def run_stage(models, prefixes, step_function, clip):
    """`prefixes`: tensor-name prefix -> last epoch in which it trains, None for all of them."""
    named = [(n, p) for n, p in models.named_parameters() if trains(n, prefixes, 0)]
    groups = [{"params": [p for n, p in named if decays(n)], "weight_decay": SETTINGS["weight_decay"]},
              {"params": [p for n, p in named if not decays(n)], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=SETTINGS["peak_learning_rate"], betas=tuple(SETTINGS["betas"]),
                                  eps=SETTINGS["epsilon"])
    warmup = math.ceil(SETTINGS["warmup_ratio"] * STEPS)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, warmup, STEPS)
    steps, quiet = [], None
    for step in range(STEPS):
        epoch = step // STEPS_PER_EPOCH
        for name, p in models.named_parameters():
            p.requires_grad_(trains(name, prefixes, epoch))
        optimizer.zero_grad(set_to_none=True)
        loss, facts = step_function(step)
        live = [(n, p) for n, p in named if p.grad is not None]
        largest = max(float(p.grad.abs().max()) for _, p in live)
        small = {n for n, p in live if float(p.grad.abs().max()) < 1e-6 * largest}
        quiet = small if quiet is None else quiet & small if epoch == 0 else quiet
        norm = torch.nn.utils.clip_grad_norm_([p for _, p in live], clip)
        steps.append({"epoch": epoch, "loss": loss, "grad_norm": float(norm),
                      "learning_rate": schedule.get_last_lr()[0], **facts})
        optimizer.step()
        schedule.step()
    return named, steps, sorted(quiet)


def stage(name, start, prefixes, make_step, clip=1.0):
    """`clip`: the global-norm limit; where it is not 1 some steps stay below it and some do not."""
    models = copy.deepcopy(start)
    named, steps, quiet = run_stage(models, prefixes, make_step(models), clip)
    before = dict(start.named_parameters())
    for n, p in models.named_parameters():
        assert torch.equal(p, before[n]) or trains(n, prefixes, 0), f"{n} is frozen and moved"
    nudged = copy.deepcopy(start)
    g = generator(9)
    with torch.no_grad():
        for p in nudged.parameters():
            p.mul_(1 + 1e-6 * torch.randn(p.shape, generator=g))
    _, again, _ = run_stage(nudged, prefixes, make_step(nudged), clip)
    sensitivity = max(abs(a["loss"] / b["loss"] - 1) for a, b in zip(again, steps))
    case = ROOT / name
    case.mkdir(parents=True)
    moved = {n: p for n, p in named if not torch.equal(p, before[n])}
    write_tensors(case / "final.safetensors", moved)
    write_json(case / "golden.json", {
        "settings": dict(SETTINGS, max_grad_norm=clip), "trainable": {k: "all epochs" if v is None else f"epochs 0 to {v}"
                                            for k, v in prefixes.items()},
        "no_decay": sorted(n for n in moved if not decays(n)), "noise_only": quiet, "steps": steps,
        "sensitivity": float(f"{sensitivity:.2g}")})
    norms = [s["grad_norm"] for s in steps]
    print(f"{name:18s} loss {steps[0]['loss']:.4f} -> {steps[-1]['loss']:.4f}, norm {min(norms):.3f} to "
          f"{max(norms):.3f}, sensitivity {sensitivity:.1e}, tensors {len(moved)}, noise {len(quiet)}")


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    start, (data, pixels) = build(), draw_data()
    save_hf(start["siglip"], ROOT / "siglip")
    save_hf(start["language_model"], ROOT / "language_model")
    (ROOT / "projection_layer").mkdir()
    write_tensors(ROOT / "projection_layer" / "model.safetensors", start["projector"].state_dict())
    write_tensors(ROOT / "data.safetensors", {"pixel_values": pixels})
    write_json(ROOT / "data.json", data)
    write_json(ROOT / "meta.json", {"seed": SEED, "torch": torch.__version__, "safetensors": safetensors.__version__,
                                    "transformers": transformers.__version__, "precision": "float32"})
    with torch.no_grad():
        alone = sum(sample_nll(start, s, pixels)[0] for s in data["joined"][:6])
        assert abs(float(padded_nll(start, data["joined"][:6], pixels) / alone) - 1) < 1e-5

    order = draw_order(20)
    g = generator(SEED + 5)
    images = [torch.randperm(12, generator=g)[:4].tolist() for _ in range(STEPS)]
    language = lambda samples: lambda models: lambda s: language_step(models, data[samples], order[s], pixels)
    stage("stage0-siglip", start, {"siglip.": None}, lambda m: lambda s: siglip_step(m, data, images[s], pixels), clip=9.0)
    stage("stage0-language", start, {"language_model.": None}, language("language"), clip=4.0)
    stage("stage1", start, {"projector.": None}, language("joined"), clip=2.5)
    stage("stage2", start, {"language_model.": None}, language("joined"))
    stage("stage2-projector", start, {"language_model.": None, "projector.": None}, language("joined"))
    everything = {"language_model.": None, "projector.": None, "siglip.vision_model.": 0}
    stage("stage2-vision", start, everything, language("joined"))
    for name, projector, config in other_projectors():
        parts = copy.deepcopy(start)
        parts["projector"] = projector
        (ROOT / f"projection_layer-{name}").mkdir()
        write_tensors(ROOT / f"projection_layer-{name}" / "model.safetensors", projector.state_dict())
        write_json(ROOT / f"projection_layer-{name}" / "projector_config.json", config)
        stage(f"stage1-{name}", parts, {"projector.": None}, language("joined"), clip=2.5)
        stage(f"stage2-{name}", parts, everything, language("joined"))


if __name__ == "__main__":
    main()
