"""Writes Tests/CarinaTests/Goldens/model: tiny random models and what transformers computes with them.

    python Tests/Reference/make_model_goldens.py        (needs torch, transformers, safetensors; about a minute)

One directory per case. A single model: config.json, model.safetensors. A joined one: vision/, language_model/ in the same
layout, projection_layer/model.safetensors. Beside them golden.json (integers, scalars) and golden.safetensors (F32):

  pixel_values [B,3,S,S]              images as the tower takes them
  vision.hidden.K [B,N,W]             K = 0: patches plus positions; K = 1…: after layer K-1
  vision.final [B,N,W]                after post_layernorm; vision.pooled [B,W] attention-pooled (MAP), unnormalised
  text.hidden.K, text.final, text.pooled        the text tower, pooled at the last position and through `head`
  image_embeds, text_embeds           the pooled ones over their L2 norms; logits_per_image [images, texts]
  features [B,N',W], projected [B,N',D]         what the projector takes and gives (N' < N with drop_first_patch)
  sample.I.hidden.K [T,D]             K = 0: scaled embeddings with the patches spliced in; K = 1…: after layer K-1
  sample.I.final [T,D], sample.I.logits [T,V]   after the closing norm; the tied head
  grad.KEY                            d loss / d weight, KEY as in model.safetensors; in joined cases with the prefix
                                      `vision.`, `projector.` or `language_model.`

golden.json of a decoder or a joined case: samples [{ids, supervised, image_at?, image?}] where the projected patches of
image row `image` stand before text position `image_at` and `supervised` marks text tokens that are targets; `loss` = mean
over all supervised tokens of all samples; `generate` [{prompt, image_at?, image?, tokens, margin}] with 20 greedy tokens
that ignore the end of text and the smallest gap between best and second-best logit on the way.
golden.json of a SigLIP case: text_ids, positives [images][texts], loss (over those), diagonal {count, loss}.
Both: noise_only, tensors whose exact gradient is zero (softmax ignores a shift of the keys), so that what is stored is
rounding; no_gradient, tensors that the loss does not touch (absent from golden.safetensors).
"""

import shutil

import torch

from model_golden_cases import *


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    window_short = dict(vocab_size=61, hidden_size=20, intermediate_size=28, num_hidden_layers=5, num_attention_heads=4,
                        num_key_value_heads=2, head_dim=6, sliding_window=5, query_pre_attn_scalar=9,
                        max_position_embeddings=64, layer_types=[SLIDING, SLIDING, FULL, SLIDING, FULL])
    decoder_case("gemma-window-short", 11, [17, 9], **window_short)
    decoder_case("gemma-window-long", 23, [13, 7, 10], vocab_size=47, hidden_size=21, intermediate_size=37,
                 num_hidden_layers=4, num_attention_heads=3, num_key_value_heads=3, head_dim=10, sliding_window=64,
                 query_pre_attn_scalar=10, rms_norm_eps=1e-5, max_position_embeddings=128,
                 layer_types=[FULL, SLIDING, FULL, SLIDING],
                 rope_parameters={FULL: {"rope_type": "default", "rope_theta": 50000.0},
                                  SLIDING: {"rope_type": "default", "rope_theta": 300.0}})
    decoder_case("gemma-1b-style", 31, [19, 12], old_gemma_dialect, vocab_size=67, hidden_size=16,
                 intermediate_size=25, num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=1, head_dim=8,
                 sliding_window=6, query_pre_attn_scalar=8, max_position_embeddings=64)
    decoder_case("gemma-middle-dialect", 41, [11], middle_gemma_dialect, vocab_size=43, hidden_size=12,
                 intermediate_size=15, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, head_dim=4,
                 sliding_window=2, query_pre_attn_scalar=4, max_position_embeddings=64,
                 layer_types=[SLIDING, FULL, SLIDING],
                 rope_parameters={FULL: {"rope_type": "default", "rope_theta": 7000.0},
                                  SLIDING: {"rope_type": "default", "rope_theta": 90.0}})
    sharded_case("gemma-sharded", "gemma-window-short", "50KB")
    half_case("gemma-bf16", "gemma-window-short", torch.bfloat16, [17])
    half_case("gemma-f16", "gemma-window-short", torch.float16, [17])
    siglip_case("siglip-tanh", 51, images=3, texts=5, length=7,
                positives=[[1, 0, 1, 0, 0], [0, 1, 1, 0, 1], [0, 0, 0, 1, 1]],
                vision=dict(hidden_size=20, intermediate_size=34, num_hidden_layers=3, num_attention_heads=4,
                            image_size=15, patch_size=5),
                text=dict(hidden_size=12, intermediate_size=22, num_hidden_layers=2, num_attention_heads=3,
                          vocab_size=53, max_position_embeddings=7, projection_size=20),
                rewrite=without("hidden_act", "layer_norm_eps", "vision_use_head", "num_channels"))
    # 17 over 5 leaves two pixel rows and columns that no patch covers, as 384 over 14 does in a published model.
    siglip_case("siglip-gelu", 61, images=4, texts=4, length=9, positives=torch.eye(4, dtype=torch.int).tolist(),
                vision=dict(hidden_size=18, intermediate_size=29, num_hidden_layers=2, num_attention_heads=3,
                            image_size=17, patch_size=5, hidden_act="gelu", layer_norm_eps=1e-4),
                text=dict(hidden_size=18, intermediate_size=27, num_hidden_layers=3, num_attention_heads=2,
                          vocab_size=41, max_position_embeddings=12, hidden_act="gelu", layer_norm_eps=1e-4),
                rewrite=without("projection_size"))
    joined_case("joined-bare-tower", 71, [12, 9, 15], 1,
                siglip_vision(72, hidden_size=14, intermediate_size=23, num_hidden_layers=2, num_attention_heads=2,
                              image_size=12, patch_size=4),
                gemma(73, vocab_size=59, hidden_size=18, intermediate_size=26, num_hidden_layers=4,
                      num_attention_heads=3, num_key_value_heads=1, head_dim=6, sliding_window=8,
                      query_pre_attn_scalar=6, max_position_embeddings=128, layer_types=[SLIDING, FULL, SLIDING, FULL]),
                hidden=33)
    joined_case("joined-full-siglip", 81, [11, 14], 3,
                siglip(82, dict(hidden_size=12, intermediate_size=19, num_hidden_layers=2, num_attention_heads=4,
                                image_size=15, patch_size=3, hidden_act="gelu"),
                       dict(hidden_size=10, intermediate_size=13, num_hidden_layers=1, num_attention_heads=2,
                            vocab_size=31, max_position_embeddings=6, projection_size=12)),
                gemma(83, vocab_size=53, hidden_size=15, intermediate_size=22, num_hidden_layers=3,
                      num_attention_heads=3, num_key_value_heads=3, head_dim=4, sliding_window=64,
                      query_pre_attn_scalar=5, max_position_embeddings=128, layer_types=[SLIDING, FULL, SLIDING]),
                hidden=21)
    joined_case("joined-pre-norm", 91, [10, 8], 0,
                siglip_vision(92, hidden_size=10, intermediate_size=17, num_hidden_layers=2, num_attention_heads=2,
                              image_size=9, patch_size=3, vision_use_head=False),
                gemma(93, vocab_size=37, hidden_size=14, intermediate_size=18, num_hidden_layers=2,
                      num_attention_heads=2, num_key_value_heads=1, head_dim=6, sliding_window=4,
                      query_pre_attn_scalar=6, max_position_embeddings=64, layer_types=[SLIDING, FULL]),
                hidden=19, feature="pre-norm", drop=True)
    old_tower_case("vision-old-keys", "joined-bare-tower")


if __name__ == "__main__":
    main()
