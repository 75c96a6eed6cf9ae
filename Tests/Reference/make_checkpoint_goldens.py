"""Writes Tests/CarinaTests/Goldens/checkpoints: checkpoints as people bring them, and what transformers makes of them.

    python Tests/Reference/make_checkpoint_goldens.py      (needs torch, transformers, safetensors, pillow; a minute)

gemma-4b-twin, gemma-270m-twin   small decoders with the oddities of the published sizes (a head size that is not
                                 width / heads, a scalar of its own, linear scaling of the global layers, one layer in
                                 six global), in the two dialects of config.json in which these sizes are published
gemma-untied                     an output head of its own
gemma-joined                     a Gemma3ForConditionalGeneration as save_pretrained writes it; the goldens are those of
                                 its decoder, and vision.* those of its tower
image-settings.json              sets of files, the class and the values that AutoImageProcessor reads from them, and
                                 digest and beginning of its pixel_values for data/images/grey.jpg

The directories of models hold what make_model_goldens.py says of its own.
"""

import copy
import hashlib
import json
import pathlib
import shutil
import tempfile

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import (AutoImageProcessor, Gemma3Config, Gemma3ForConditionalGeneration, Gemma3TextConfig,
                          SiglipVisionConfig)

import model_golden_cases as cases
from model_golden_cases import *

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens"
cases.ROOT = ROOT = GOLDENS / "checkpoints"


def scaled_old_dialect(config):
    """The key set of the published 4B text model: the old dialect with linear scaling."""
    scaling = config["rope_parameters"]["full_attention"]
    kept = old_gemma_dialect(config)
    kept["rope_scaling"] = {"factor": scaling["factor"], "rope_type": "linear"}
    return kept


def twins():
    decoder_case("gemma-4b-twin", 101, [23, 12], scaled_old_dialect, vocab_size=64, hidden_size=24,
                 intermediate_size=33, num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=2, head_dim=10,
                 sliding_window=5, query_pre_attn_scalar=7, max_position_embeddings=128,
                 rope_parameters={FULL: {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
                                  SLIDING: {"rope_type": "default", "rope_theta": 10000.0}})
    decoder_case("gemma-270m-twin", 103, [14, 9], vocab_size=50, hidden_size=20, intermediate_size=32,
                 num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=1, head_dim=8, sliding_window=4,
                 query_pre_attn_scalar=8, max_position_embeddings=64)
    decoder_case("gemma-untied", 107, [13, 8], vocab_size=40, hidden_size=16, intermediate_size=22,
                 num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, head_dim=6, sliding_window=4,
                 query_pre_attn_scalar=6, max_position_embeddings=64, tie_word_embeddings=False,
                 layer_types=[SLIDING, FULL, SLIDING])
    tied_heads()


def tied_heads():
    """What the engine is to do where config.json ties a head that is there, as transformers 5 does it."""
    source = ROOT / "gemma-untied"
    golden = load_file(source / "golden.safetensors")
    facts = json.loads((source / "golden.json").read_text())
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        config = json.loads((source / "config.json").read_text())
        (directory / "config.json").write_text(json.dumps(dict(config, tie_word_embeddings=True)))
        shutil.copy(source / "model.safetensors", directory)
        lm = Gemma3ForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()
        ids = torch.tensor([facts["samples"][0]["ids"]])
        # Other numbers are a head of its own, whatever config.json says.
        assert torch.allclose(lm(ids).logits[0], golden["sample.0.logits"], atol=1e-5)
        tensors = load_file(source / "model.safetensors")
        tensors["model.embed_tokens.weight"] = tensors.pop("lm_head.weight").clone()
        write_tensors(directory / "model.safetensors", tensors)
        tied = Gemma3ForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()(ids).logits
        tensors["lm_head.weight"] = tensors.pop("model.embed_tokens.weight")
        write_tensors(directory / "model.safetensors", tensors)
        alone = Gemma3ForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()(ids).logits
        # A head without an embedding is both.
        assert torch.equal(tied, alone)


def joined():
    text = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
                num_key_value_heads=2, head_dim=6, sliding_window=6, query_pre_attn_scalar=6,
                max_position_embeddings=64, layer_types=[SLIDING, FULL, SLIDING])
    vision = dict(hidden_size=18, intermediate_size=25, num_hidden_layers=2, num_attention_heads=2, image_size=28,
                  patch_size=7, vision_use_head=False)
    config = Gemma3Config(text_config=Gemma3TextConfig(**text), vision_config=SiglipVisionConfig(**vision),
                          mm_tokens_per_image=4, image_token_index=47, boi_token_index=45, eoi_token_index=46,
                          eos_token_id=[1, 5])
    model = randomise(Gemma3ForConditionalGeneration._from_config(config, attn_implementation="eager"), 109)
    with torch.no_grad():
        model.model.language_model.norm.weight.copy_(torch.randn(16, generator=generator(110)) - 1.0)
    case = save_hf(model, ROOT / "gemma-joined")
    model = Gemma3ForConditionalGeneration.from_pretrained(case, attn_implementation="eager").eval()
    lm = Gemma3ForCausalLM._from_config(copy.deepcopy(model.config.text_config), attn_implementation="eager").eval()
    lm.model.load_state_dict(model.model.language_model.state_dict())
    lm.tie_weights()
    facts, tensors = decoder_facts(lm, 109, [15, 10])
    ids = torch.tensor([facts["samples"][0]["ids"]])
    assert torch.allclose(model(ids).logits[0], tensors["sample.0.logits"], atol=1e-5)
    pixels = torch.rand(2, 3, 28, 28, generator=generator(111)) * 2 - 1
    tensors["pixel_values"] = pixels
    vision_tensors(model.model.vision_tower, pixels, tensors)
    finish(case, 109, facts, tensors)


SIGLIP = {"image_processor_type": "SiglipImageProcessor", "size": {"height": 24, "width": 24}}
GEMMA = {"image_processor_type": "Gemma3ImageProcessor", "size": {"height": 24, "width": 24}}
SETTINGS = {
    "nested alone": {"processor_config.json": {
        "processor_class": "SiglipProcessor", "image_processor": dict(SIGLIP, resample=2, image_mean=[0.4, 0.5, 0.6])}},
    "nested before plain": {
        "processor_config.json": {"image_processor": dict(SIGLIP, resample=2)},
        "preprocessor_config.json": dict(SIGLIP, resample=3, image_std=[0.25, 0.25, 0.25])},
    "nested equal to plain": {
        "processor_config.json": {"image_processor": dict(SIGLIP, resample=3, rescale_factor=1 / 255)},
        "preprocessor_config.json": dict(SIGLIP, image_mean=[0.5, 0.5, 0.5])},
    "legacy processor": {
        "processor_config.json": {"processor_class": "Gemma3Processor", "image_seq_length": 256},
        "preprocessor_config.json": dict(GEMMA, image_seq_length=256, resample=2)},
    "siglip defaults": {"preprocessor_config.json": dict(SIGLIP)},
    # A step that is null is not done, other than one that is not named.
    "null steps": {"preprocessor_config.json": dict(SIGLIP, do_normalize=None, do_rescale=None, do_convert_rgb=None)},
    "gemma defaults": {"preprocessor_config.json": dict(
        GEMMA, do_pan_and_scan=None, pan_and_scan_min_crop_size=256, pan_and_scan_max_num_crops=4,
        pan_and_scan_min_ratio_to_activate=1.2, do_convert_rgb=None)},
    "vit defaults": {"preprocessor_config.json": dict(SIGLIP, image_processor_type="ViTImageProcessor")},
    "fast": {"preprocessor_config.json": dict(SIGLIP, image_processor_type="SiglipImageProcessorFast", resample=1)},
    "feature extractor": {"preprocessor_config.json": {
        "feature_extractor_type": "ViTFeatureExtractor", "size": {"height": 24, "width": 24}, "resample": 3}},
    "one number": {"preprocessor_config.json": dict(SIGLIP, image_mean=0.25, image_std=0.75)},
    "size as a number": {"preprocessor_config.json": dict(GEMMA, size=24)},
    "size as a pair": {"preprocessor_config.json": dict(SIGLIP, size=[24, 24])},
    "not normalized": {"preprocessor_config.json": dict(SIGLIP, do_normalize=False, image_mean=[9, 9, 9])},
    "not rescaled": {"preprocessor_config.json": dict(SIGLIP, do_rescale=False, rescale_factor=7)},
    **{f"filter {number}": {"preprocessor_config.json": dict(SIGLIP, resample=number)} for number in range(6)},
}


def image_settings():
    image = Image.open(GOLDENS / "data" / "images" / "grey.jpg").convert("RGB")
    result = []
    for name, files in SETTINGS.items():
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            (directory / "config.json").write_text(json.dumps({"model_type": "siglip_vision_model"}))
            for file, content in files.items():
                (directory / file).write_text(json.dumps(content))
            processor = AutoImageProcessor.from_pretrained(directory, backend="pil")
        pixels = processor(image, return_tensors="np")["pixel_values"][0].astype(np.float32)
        result.append({
            "name": name, "files": files, "class": type(processor).__name__, "resample": int(processor.resample),
            "sha256": hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest(),
            "first": [float(x) for x in pixels[0, 0, :6]]})
    write_json(ROOT / "image-settings.json", result)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    twins()
    joined()
    image_settings()


if __name__ == "__main__":
    main()
