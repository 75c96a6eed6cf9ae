"""Writes Tests/CarinaTests/Goldens/loss: what the loss is taken on, smoothed labels, and batches of like lengths.

    python Tests/Reference/make_loss_goldens.py     (needs torch, transformers, safetensors; under a minute)

smoothing.json        `cases` [{rows, width, vocabulary, targets, smoothing, loss, token_losses}]: torch's cross_entropy
                      with label_smoothing over `hidden.N` times the transposed `head.N`, as a mean over the rows
smoothing.safetensors hidden.N, head.N, and the mean's gradients dhidden.N, dhead.N, of case N
supervise-all.json    `cases` {NAME: {samples, smoothing, loss, tokens, grad_norm}} on the starting weights of
                      ../training: labels are all text ids but the first of a sequence; image rows have none. A sample has
                      ids, images and, for each image, the text position that it stands before (`images_at`).
                      `rendered` has the first joined samples of ../training/data.json, `placed` images further in, several
                      of them with ids between, and two sequences of one image, `smoothed` the same with smoothed labels.
supervise-all.safetensors  NAME.grad.KEY for some of the weights, KEY as in ../training
length-groups.json    `cases` [{lengths, permutation, batch_size, indices}]: transformers' get_length_grouped_indices of
                      that permutation
"""

import pathlib
import shutil

import torch
import transformers.trainer_pt_utils as trainer_utils

from make_training_goldens import build, draw_data
from model_twins import *

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "loss"
SEED = 301
KEPT = ("projector.model.0.weight", "projector.model.2.bias", "language_model.model.embed_tokens.weight",
        "language_model.model.layers.0.self_attn.k_proj.weight", "language_model.model.layers.2.mlp.down_proj.weight",
        "language_model.model.norm.weight")


def smoothing():
    cases, tensors = [], {}
    sizes = [(5, 6, 13, 0.1), (7, 4, 9, 0.5), (3, 5, 1100, 0.1), (4, 3, 7, 1.0), (1, 2, 2, 0.25)]
    for number, (rows, width, vocabulary, amount) in enumerate(sizes):
        g = generator(SEED + number)
        hidden = (torch.randn(rows, width, generator=g) * 2).requires_grad_()
        head = (torch.randn(vocabulary, width, generator=g) * 2).requires_grad_()
        targets = torch.randint(0, vocabulary, (rows,), generator=g)
        logits = hidden @ head.T
        loss = F.cross_entropy(logits, targets, label_smoothing=amount)
        loss.backward()
        each = F.cross_entropy(logits, targets, label_smoothing=amount, reduction="none")
        cases.append({"rows": rows, "width": width, "vocabulary": vocabulary, "smoothing": amount,
                      "targets": targets.tolist(), "loss": loss.item(), "token_losses": each.tolist()})
        tensors.update({f"hidden.{number}": hidden, f"head.{number}": head, f"dhidden.{number}": hidden.grad,
                        f"dhead.{number}": head.grad})
    write_json(ROOT / "smoothing.json", {"cases": cases})
    write_tensors(ROOT / "smoothing.safetensors", tensors)


def placed_samples():
    g = generator(SEED + 20)
    ids = lambda n: [BOS] + torch.randint(3, 48, (n,), generator=g).tolist() + [EOS]
    return [{"ids": ids(9), "images": [4], "images_at": [4]}, {"ids": ids(6), "images": [1], "images_at": [1]},
            {"ids": ids(12), "images": [2, 7], "images_at": [2, 5]}, {"ids": ids(7), "images": [3, 4], "images_at": [3, 3]}]


def all_text_loss(models, sample, pixels, amount):
    """Sum of the losses of all text ids but the first, and their number."""
    lm = models["language_model"]
    seen = features(models["siglip"].vision_model, pixels[sample["images"]])
    rows = models["projector"](seen)
    text = lm.model.embed_tokens(torch.tensor(sample["ids"]))
    parts, labels, start = [], [], 0
    for image, at in zip(rows, sample["images_at"]):
        parts += [text[start:at], image]
        labels += sample["ids"][start:at] + [-100] * image.shape[0]
        start = at
    parts.append(text[start:])
    labels = torch.tensor(labels + sample["ids"][start:])
    logits = lm(inputs_embeds=torch.cat(parts)[None], use_cache=False).logits[0]
    # As transformers shifts them: a row is asked for the label behind it, and the first label is asked of none.
    loss = F.cross_entropy(logits[:-1], labels[1:], ignore_index=-100, reduction="sum", label_smoothing=amount)
    return loss, int((labels[1:] != -100).sum())


def supervise_all():
    models, (data, pixels) = build(), draw_data()
    rendered = [{"ids": s["ids"], "images": [s["image"]], "images_at": [s["image_at"]]} for s in data["joined"][:4]]
    cases, tensors = {}, {}
    for name, samples, amount in (("rendered", rendered, 0), ("placed", placed_samples(), 0),
                                  ("smoothed", placed_samples(), 0.1)):
        models.zero_grad()
        for p in models.parameters():
            p.requires_grad_(True)
        parts = [all_text_loss(models, sample, pixels, amount) for sample in samples]
        tokens = sum(count for _, count in parts)
        loss = sum(part for part, _ in parts) / tokens
        loss.backward()
        named = {n: p.grad for n, p in models.named_parameters()
                 if n.startswith(("projector.", "language_model.")) and p.grad is not None}
        cases[name] = {"samples": samples, "smoothing": amount, "loss": loss.item(), "tokens": tokens,
                       "grad_norm": float(sum(g.double().pow(2).sum() for g in named.values()).sqrt())}
        tensors.update({f"{name}.grad.{key}": named[key] for key in KEPT})
    # The plain case is also what the model says when it is given labels itself: one image, the rows spliced in.
    sample = rendered[0]
    with torch.no_grad():
        lm = models["language_model"]
        seen = features(models["siglip"].vision_model, pixels[sample["images"]])
        x = splice(lm, sample["ids"], 1, models["projector"](seen)[0])
        labels = torch.tensor([sample["ids"][:1] + [-100] * seen.shape[1] + sample["ids"][1:]])
        own = lm(inputs_embeds=x, labels=labels, use_cache=False).loss
        mean, count = all_text_loss(models, sample, pixels, 0)
        assert abs(float(own) - float(mean) / count) < 1e-5
    write_json(ROOT / "supervise-all.json", {"cases": cases})
    write_tensors(ROOT / "supervise-all.safetensors", tensors)


def length_groups():
    cases, permutation = [], torch.randperm
    for count, batch, highest in ((50, 2, 30), (37, 4, 5), (9, 16, 8), (203, 1, 40), (24, 6, 3)):
        g = generator(SEED + count)
        lengths = torch.randint(1, highest, (count,), generator=g).tolist()
        order = permutation(count, generator=g)
        torch.randperm = lambda *_, **__: order
        indices = trainer_utils.get_length_grouped_indices(lengths, batch)
        torch.randperm = permutation
        cases.append({"lengths": lengths, "permutation": order.tolist(), "batch_size": batch, "indices": indices})
    write_json(ROOT / "length-groups.json", {"cases": cases})


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    smoothing()
    supervise_all()
    length_groups()


if __name__ == "__main__":
    main()
