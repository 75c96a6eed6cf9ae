"""Writes Tests/CarinaTests/Goldens/tower: what a tiny SigLIP with its tokenizer makes of ragged captions, and three steps of tuning it.

    python Tests/Reference/make_tower_goldens.py     (needs torch, transformers, sentencepiece, safetensors; under a minute)

model/              a random SiglipModel with its SentencePiece tokenizer, as transformers saves both
texts.json          [{text, ids, short}]: ids of SiglipTokenizer with padding to the 12 positions of the text tower, and with
                    max_length 6: awkward texts among captions
golden.json         noise_only (gradients that are exactly zero), captions (texts of the pixel rows), ids, loss and logits of SiglipModel(return_loss=True) on them, and
                    steps: {loss, grad_norm, learning_rate} of AdamW on the whole batch with everything trained
golden.safetensors  pixel_values [8,3,S,S] and grad.KEY, the gradient of that loss at the starting weights
final.safetensors   the weights after the steps
"""

import io
import json
import pathlib
import shutil

import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import SiglipTokenizer

from make_tokenizer_goldens import corpus, random_texts
from model_twins import generator, siglip

ROOT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "tower"
POSITIONS, SHORT, IMAGES, SIZE, STEPS = 12, 6, 8, 16, 3
CAPTIONS = [
    "The heart is enlarged.", "No pleural effusion!", "Both lungs are clear, and the heart is of normal size; nothing else to report here.",
    "Pneumothorax on the left", "ATELECTASIS at the right base (unchanged since 3/2019)", "a nodule", "Edema.", "Consolidation in the mid zone - new",
]
AWKWARD = ["", " ", " heart", "- heart", "heart ", "The\tlungs\n\nare   clear", "caf\u00e9 na\u00efve \u03b1\u03b2", "\u039f\u0394\u039f\u03a3 \u03a3\u0391\u03a3.", "\u0130stanbul",
           "\u2581heart\u2581", "a\x1cb\x85c\u00a0d", "...", "{heart} [size] <normal>", "1.5 cm", "\u65e5\u672c \u8a9e", "\u2014 dash \u2019 quote"]


def tokenizer(path):
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.lower().translate(str.maketrans("", "", ".,?!():/-")) for line in corpus()]),
        model_writer=trained, vocab_size=110, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1,
        normalization_rule_name="identity", minloglevel=2)
    (path / "spiece.model").write_bytes(trained.getvalue())
    return SiglipTokenizer(str(path / "spiece.model"), model_max_length=POSITIONS)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    (ROOT / "model").mkdir(parents=True)
    tokens = tokenizer(ROOT / "model")
    tokens.save_pretrained(ROOT / "model")
    tower = dict(hidden_size=16, intermediate_size=26, num_hidden_layers=2, num_attention_heads=2)
    model = siglip(301, dict(tower, image_size=SIZE, patch_size=4),
                   dict(tower, vocab_size=len(tokens), max_position_embeddings=POSITIONS, projection_size=16, pad_token_id=1))
    model.save_pretrained(ROOT / "model")
    with open(ROOT / "model" / "preprocessor_config.json", "w") as file:
        json.dump({"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
                   "image_mean": [0.5] * 3, "image_processor_type": "SiglipImageProcessor", "image_std": [0.5] * 3,
                   "resample": 3, "rescale_factor": 1 / 255, "size": {"height": SIZE, "width": SIZE}}, file, indent=1)

    def ids(texts, length=POSITIONS):
        return tokens(texts, padding="max_length", truncation=True, max_length=length)["input_ids"]

    special = ("</s>", "<unk>", "<pad>")  # what a text spells like a special token is text here
    texts = CAPTIONS + AWKWARD + [t for t in random_texts(7, ["heart"]) if not any(s in t for s in special)][:120]
    with open(ROOT / "texts.json", "w", encoding="utf-8") as file:
        rows = [json.dumps({"text": t, "ids": a, "short": b}, ensure_ascii=False)
                for t, a, b in zip(texts, ids(texts), ids(texts, SHORT))]
        file.write("[\n" + ",\n".join(rows) + "\n]\n")

    pixels = torch.rand(IMAGES, 3, SIZE, SIZE, generator=generator(302)) * 2 - 1
    inputs = {"pixel_values": pixels, "input_ids": torch.tensor(ids(CAPTIONS)), "return_loss": True}
    out = model(**inputs)
    out.loss.backward()
    saved = {"pixel_values": pixels} | {f"grad.{n}": p.grad.clone() for n, p in model.named_parameters()}
    facts = {"captions": CAPTIONS, "ids": ids(CAPTIONS), "loss": out.loss.item(),
             "logits_per_image": out.logits_per_image.tolist(), "steps": [],
             "noise_only": [n for n, _ in model.named_parameters() if n.endswith("k_proj.bias")]}

    decayed = [p for n, p in model.named_parameters() if not ("norm" in n or n.endswith("bias"))]
    others = [p for n, p in model.named_parameters() if "norm" in n or n.endswith("bias")]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                                  lr=0.003, betas=(0.9, 0.999), eps=1e-8)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        facts["steps"].append({"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": 0.003})
    save_file(saved, ROOT / "golden.safetensors")
    save_file({n: p.detach().clone() for n, p in model.named_parameters()}, ROOT / "final.safetensors")
    with open(ROOT / "golden.json", "w") as file:
        json.dump(facts, file)


main()
