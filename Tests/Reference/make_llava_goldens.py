"""Writes Tests/CarinaTests/Goldens/llava: tiny random LlavaForConditionalGeneration models with a SigLIP tower and a Gemma 3 decoder, as `save_pretrained` writes them, with
the tokenizer of make_gemma3_prompt_goldens.py, their processor files, a radiograph-like image, and what transformers computes of questions about it.
usage: make_llava_goldens.py   needs: torch transformers safetensors pillow

full: all patches, a tied head, a tower without pooling head. first-patch: `vision_feature_select_strategy` default, a head of its own, a pooling head.
answers.json: {"image_token": id, "rows": N, "answers": [{"question", "prompt", "ids", "text", "margin"}]}; `prompt` holds N image ids, `ids` are greedy, at most 10,
`margin` is the smallest gap between best and second-best logit on the way. golden.safetensors: `pixel_values`, and `logits.I` of the prompt of answer I.
templates.json: the chat template that `infer export --as llava` writes for each layout, and the ids that LlavaProcessor makes with it:
[{"style", "template", "prompts": [{"turns": [[question, answer]…], "system"?, "question", "ids"}]}]."""
import json
import pathlib
import random
import shutil

import numpy
from PIL import Image
from transformers import (Gemma3TextConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerFast, SiglipVisionConfig)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from make_tokenizer_goldens import OUT, corpus
from model_golden_cases import *

HERE = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "llava"
SOFT = "<image_soft_token>"
# Gemma's turns with the image before the question and nothing around it, laid out for reading.
TEMPLATE = """{{ bos_token }}
{%- for message in messages -%}
  {{ '<start_of_turn>user\\n' if message['role'] == 'user' else '<start_of_turn>model\\n' }}
  {%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '""" + SOFT + """' }}{%- else -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}
  {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"""


PARTS = "{% set parts = [{'type': 'text', 'text': message['content']}] if message['content'] is string else message['content'] %}"


def turns(opening, before, user, after, ending):
    return (opening + "{% for message in messages %}{% if message['role'] not in ['user', 'assistant'] %}"
            "{{ raise_exception('the model was trained without a system text') }}{% endif %}" + PARTS + before
            + "{% for part in parts %}{% if part['type'] == 'image' %}{{ '" + SOFT + "' }}{% endif %}{% endfor %}"
            "{% for part in parts %}{% if part['type'] == 'text' %}{{ " + user + " if message['role'] == 'user' else part['text'] }}{% endif %}{% endfor %}"
            + after + "{% endfor %}" + ending + "\n")


# What Sources/CarinaEngine/Checkpoint/Joined/ChatTemplate.swift writes.
TEMPLATES = {
    "gemma": turns("{{ bos_token }}", "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' }}", "part['text'] | trim",
                   "{{ '<end_of_turn>\\n' }}", "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"),
    "plain": turns("{{ bos_token }}", "", "part['text']", "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}", ""),
    "seed": turns("", "{% if message['role'] == 'assistant' %}{{ bos_token }}{% endif %}", "part['text']", "", ""),
    "gemma3": "{{ bos_token }}{% set before = namespace(text='') %}{% for message in messages %}" + PARTS
              + "{% if message['role'] == 'system' %}{% set before.text = parts[0]['text'] + '\\n\\n' %}{% else %}"
              "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + before.text }}{% set before.text = '' %}"
              "{% for part in parts %}{{ '\\n\\n<start_of_image>" + SOFT + "<end_of_image>\\n\\n' if part['type'] == 'image' else part['text'] | trim }}{% endfor %}"
              "{{ '<end_of_turn>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}\n",
}


def templates():
    """Prompts of every layout about one image, of one turn and, where a layout has turns, of two."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=OUT + "/gemma3-prompt/tokenizer.json", bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                                        extra_special_tokens={"image_token": SOFT})
    image, r, lines, facts = Image.new("RGB", (24, 24)), random.Random(431), [l for l in corpus() if l.endswith("?")], []
    for style, template in sorted(TEMPLATES.items()):
        processor = LlavaProcessor(SiglipImageProcessorPil(size={"height": 24, "width": 24}), tokenizer, patch_size=6, vision_feature_select_strategy="full",
                                   chat_template=template, image_token=SOFT)
        prompts = []
        for k in range(6):
            count = k % 3 if "gemma" in style else 0
            texts = [r.choice(lines) for _ in range(2 * count + 1)]
            texts[-1] = f"  {texts[-1]}\n" if k == 5 else texts[-1]
            fact = {"turns": [texts[2 * i:2 * i + 2] for i in range(count)], "question": texts[-1]}
            messages = [{"role": ("user", "assistant")[i % 2], "content": [{"type": "text", "text": t}]} for i, t in enumerate(texts)]
            messages[0]["content"].insert(0, {"type": "image", "image": image})
            if style == "gemma3" and k > 2:
                fact["system"] = r.choice(corpus())
                messages.insert(0, {"role": "system", "content": [{"type": "text", "text": fact["system"]}]})
            made = processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt",
                                                 processor_kwargs={"add_special_tokens": False})
            prompts.append(dict(fact, ids=made["input_ids"][0].tolist()))
        facts.append({"style": style, "template": template, "prompts": prompts})
    write_json(HERE / "templates.json", facts)


def case(name, seed, strategy, tied, head):
    where = HERE / name
    shutil.rmtree(where, ignore_errors=True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=OUT + "/gemma3-prompt/tokenizer.json", bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                                        extra_special_tokens={"image_token": SOFT})
    soft, end = tokenizer.convert_tokens_to_ids(SOFT), tokenizer.convert_tokens_to_ids("<end_of_turn>")
    text = dict(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                sliding_window=12, query_pre_attn_scalar=6, max_position_embeddings=512, layer_types=[SLIDING, FULL, SLIDING], tie_word_embeddings=tied)
    vision = dict(hidden_size=12, intermediate_size=17, num_hidden_layers=2, num_attention_heads=2, image_size=24, patch_size=6, vision_use_head=head)
    config = LlavaConfig(text_config=Gemma3TextConfig(**text), vision_config=SiglipVisionConfig(**vision), image_token_index=soft, image_seq_length=16,
                         vision_feature_layer=-1, vision_feature_select_strategy=strategy, tie_word_embeddings=tied)
    model = randomise(LlavaForConditionalGeneration._from_config(config, attn_implementation="eager"), seed)
    with torch.no_grad():
        model.model.language_model.norm.weight.copy_(torch.randn(16, generator=generator(seed + 1)) - 1.0)
    model.generation_config.eos_token_id = [1, end]
    save_hf(model, where)
    shutil.copy(OUT + "/gemma3-prompt/tokenizer.json", where)
    processor = LlavaProcessor(SiglipImageProcessorPil(size={"height": 24, "width": 24}), tokenizer, patch_size=6, vision_feature_select_strategy=strategy,
                               chat_template=TEMPLATE, image_token=SOFT)
    processor.image_processor.save_pretrained(where)
    write_json(where / "processor_config.json", {"image_token": SOFT, "num_additional_image_tokens": 0, "patch_size": 6, "processor_class": "LlavaProcessor",
                                                 "vision_feature_select_strategy": strategy})
    model = LlavaForConditionalGeneration.from_pretrained(where, attn_implementation="eager").eval()
    noise = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:37, 0:45]
    grey = numpy.clip(120 + 90 * numpy.sin(x / 6) * numpy.cos(y / 5) + noise.normal(0, 12, x.shape), 0, 255).astype(numpy.uint8)
    Image.fromarray(grey).save(where / "image.png")
    image = Image.open(where / "image.png").convert("RGB")
    r, answers, tensors, lines = random.Random(seed), [], {}, [l for l in corpus() if l.endswith("?")]
    while len(answers) < 12:
        question = r.choice(lines)
        messages = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": question}]}]
        inputs = processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt")
        out = model.generate(**inputs, do_sample=False, max_new_tokens=10, output_logits=True, return_dict_in_generate=True)
        ids = out.sequences[0, inputs["input_ids"].shape[1]:].tolist()
        margin = min(float(l[0].topk(2).values.diff().abs()) for l in out.logits)
        # The bytes of a broken character become one sign or several, by who decodes them.
        if margin < 1e-2 or soft in ids or "\ufffd" in tokenizer.decode(ids): continue
        if len(answers) < 2:
            with torch.no_grad(): tensors[f"logits.{len(answers)}"] = model(**inputs).logits[0]
            tensors["pixel_values"] = inputs["pixel_values"]
        ended = ids[-1] in (1, end)
        answers.append({"question": question, "prompt": inputs["input_ids"][0].tolist(), "ids": ids[:-1] if ended else ids,
                        "text": tokenizer.decode(ids, skip_special_tokens=True), "margin": round(margin, 4)})
    rows = answers[0]["prompt"].count(soft)
    write_json(where / "answers.json", {"image_token": soft, "rows": rows, "answers": answers})
    write_tensors(where / "golden.safetensors", tensors)
    print(name, rows, "rows,", len({tuple(a["ids"]) for a in answers}), "different answers of", len(answers))


def main():
    case("full", 407, "full", True, False)
    templates()
    case("first-patch", 411, "default", False, True)


if __name__ == "__main__":
    main()
