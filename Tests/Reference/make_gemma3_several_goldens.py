"""Writes Tests/CarinaTests/Goldens/gemma3/several: three radiograph-like images, and what the model of make_gemma3_infer_goldens.py (made before) gives for questions
about two, three and the same one twice: greedy texts, and the loss of a given answer. usage: make_gemma3_several_goldens.py   needs: torch transformers pillow

samples.json: [{"images", "question", "answer", "tokens" (supervised), "loss" (summed over them, in nats), "ids", "text", "margin"}] as in make_gemma3_infer_goldens.py."""
import random
import shutil

import numpy
from PIL import Image
from transformers import Gemma3ForConditionalGeneration, Gemma3Processor, PreTrainedTokenizerFast
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from make_gemma3_goldens import HERE
from make_gemma3_prompt_goldens import TEMPLATE
from make_tokenizer_goldens import OUT, corpus
from model_golden_cases import *


def main():
    shutil.rmtree(HERE / "several", ignore_errors=True)
    (HERE / "several").mkdir()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=OUT + "/gemma3-prompt/tokenizer.json", bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                                        extra_special_tokens={"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"})
    processor = Gemma3Processor(Gemma3ImageProcessorPil(size={"height": 24, "width": 24}), tokenizer, chat_template=TEMPLATE, image_seq_length=4)
    model = Gemma3ForConditionalGeneration.from_pretrained(HERE / "infer", attn_implementation="eager").eval()
    noise, images = numpy.random.default_rng(8), {}
    for number, (name, height, width) in enumerate((("current.png", 37, 30), ("prior.png", 24, 24), ("lateral.png", 28, 45))):
        y, x = numpy.mgrid[0:height, 0:width]
        grey = numpy.clip(120 + 80 * numpy.sin(x / (4 + number)) * numpy.cos(y / (9 - 2 * number)) + noise.normal(0, 12, x.shape), 0, 255).astype(numpy.uint8)
        Image.fromarray(grey).save(HERE / "several" / name)
        images[name] = Image.open(HERE / "several" / name).convert("RGB")
    r, samples, lines = random.Random(9), [], corpus()
    questions = [line for line in lines if line.endswith("?")]
    lists = [["current.png", "prior.png"], ["prior.png", "current.png"], ["lateral.png", "current.png", "prior.png"], ["prior.png", "prior.png"], ["lateral.png"]]
    end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    while len(samples) < 15:
        names, question, answer = lists[len(samples) % len(lists)], r.choice(questions), r.choice(lines)
        parts = [{"type": "image", "image": images[name]} for name in names] + [{"type": "text", "text": question}]
        asked = [{"role": "user", "content": parts}]
        options = dict(tokenize=True, return_dict=True, return_tensors="pt")
        inputs = processor.apply_chat_template(asked, add_generation_prompt=True, **options)
        start = inputs["input_ids"].shape[1]
        out = model.generate(**inputs, do_sample=False, max_new_tokens=10, output_logits=True, return_dict_in_generate=True)
        ids = out.sequences[0, start:].tolist()
        margin = min(float(l[0].topk(2).values.diff().abs()) for l in out.logits)
        if margin < 1e-2 or "\ufffd" in tokenizer.decode(ids) or tokenizer.convert_tokens_to_ids("<image_soft_token>") in ids: continue
        whole = processor.apply_chat_template(asked + [{"role": "assistant", "content": [{"type": "text", "text": answer}]}], **options)
        row = whole["input_ids"][0].tolist()
        assert row[:start] == inputs["input_ids"][0].tolist()
        last = len(row) - 1 - row[::-1].index(end)
        with torch.no_grad():
            logits = model(**whole).logits[0].log_softmax(-1)
        loss = -sum(float(logits[position - 1, row[position]]) for position in range(start, last + 1))
        ended = ids[-1] in (1, end)
        samples.append(dict(images=names, question=question, answer=answer, tokens=last + 1 - start, loss=loss, ids=ids[:-1] if ended else ids,
                            text=tokenizer.decode(ids, skip_special_tokens=True), margin=round(margin, 4)))
    write_json(HERE / "several" / "samples.json", samples)
    print(len({tuple(s["ids"]) for s in samples}), "different answers of", len(samples))


if __name__ == "__main__":
    main()
