"""Writes Tests/CarinaTests/Goldens/gemma3/infer: a tiny random Gemma3ForConditionalGeneration with the tokenizer of make_gemma3_prompt_goldens.py, its processor files,
a radiograph-like image, and the greedy texts that transformers gives for questions about it. usage: make_gemma3_infer_goldens.py   needs: torch transformers pillow

answers.json: [{"system"?, "question", "ids", "text", "margin"}], 10 tokens each, the smallest gap between best and second-best logit on the way being `margin`."""
import json
import random
import shutil

import numpy
from PIL import Image
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3Processor, Gemma3TextConfig, PreTrainedTokenizerFast, SiglipVisionConfig
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from make_gemma3_goldens import HERE
from make_gemma3_prompt_goldens import TEMPLATE
from make_tokenizer_goldens import OUT, corpus
from model_golden_cases import *


def main():
    shutil.rmtree(HERE / "infer", ignore_errors=True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=OUT + "/gemma3-prompt/tokenizer.json", bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                                        extra_special_tokens={"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"})
    pieces = {p: tokenizer.convert_tokens_to_ids(p) for p in ("<image_soft_token>", "<start_of_image>", "<end_of_image>", "<end_of_turn>")}
    text = dict(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                sliding_window=16, query_pre_attn_scalar=6, max_position_embeddings=512, layer_types=[SLIDING, FULL, SLIDING])
    vision = dict(hidden_size=12, intermediate_size=17, num_hidden_layers=2, num_attention_heads=2, image_size=24, patch_size=6, vision_use_head=False)
    config = Gemma3Config(text_config=Gemma3TextConfig(**text), vision_config=SiglipVisionConfig(**vision), mm_tokens_per_image=4, image_token_index=pieces["<image_soft_token>"],
                          boi_token_index=pieces["<start_of_image>"], eoi_token_index=pieces["<end_of_image>"], eos_token_id=[1, pieces["<end_of_turn>"]])
    model = randomise(Gemma3ForConditionalGeneration._from_config(config, attn_implementation="eager"), 301)
    with torch.no_grad():
        model.model.language_model.norm.weight.copy_(torch.randn(16, generator=generator(302)) - 1.0)
    where = save_hf(model, HERE / "infer")
    shutil.copy(OUT + "/gemma3-prompt/tokenizer.json", where)
    processor = Gemma3Processor(Gemma3ImageProcessorPil(size={"height": 24, "width": 24}), tokenizer, chat_template=TEMPLATE, image_seq_length=4)
    processor.image_processor.save_pretrained(where)
    model = Gemma3ForConditionalGeneration.from_pretrained(where, attn_implementation="eager").eval()
    noise = numpy.random.default_rng(5)
    y, x = numpy.mgrid[0:41, 0:33]
    grey = numpy.clip(128 + 90 * numpy.sin(x / 5) * numpy.cos(y / 7) + noise.normal(0, 12, x.shape), 0, 255).astype(numpy.uint8)
    Image.fromarray(grey).save(where / "image.png")
    image = Image.open(where / "image.png").convert("RGB")
    r, answers, lines = random.Random(6), [], [l for l in corpus() if l.endswith("?")]
    while len(answers) < 25:
        fact = {"question": r.choice(lines)}
        if len(answers) % 3 == 0: fact["system"] = r.choice(corpus())
        messages = [{"role": "system", "content": [{"type": "text", "text": fact["system"]}]}] if "system" in fact else []
        messages.append({"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": fact["question"]}]})
        inputs = processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt")
        out = model.generate(**inputs, do_sample=False, max_new_tokens=10, output_logits=True, return_dict_in_generate=True)
        ids = out.sequences[0, inputs["input_ids"].shape[1]:].tolist()
        margin = min(float(l[0].topk(2).values.diff().abs()) for l in out.logits)
        # The bytes of a broken character become one sign or several, by who decodes them.
        if margin < 1e-2 or pieces["<image_soft_token>"] in ids or "\ufffd" in tokenizer.decode(ids): continue
        ended = ids[-1] in config.eos_token_id
        answers.append(dict(fact, ids=ids[:-1] if ended else ids, text=tokenizer.decode(ids, skip_special_tokens=True), margin=round(margin, 4)))
    write_json(where / "answers.json", answers)
    print(len({tuple(a["ids"]) for a in answers}), "different answers of", len(answers))


if __name__ == "__main__":
    main()
