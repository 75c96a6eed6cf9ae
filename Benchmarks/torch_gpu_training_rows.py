"""Rows of torch_on_gpu.py that train: stages 1 and 2, and adapters."""
import contextlib

import torch

from torch_gpu_models import (BF16, FloatAdamW, MasterAdamW, Work, decoder, fastest_attention, flex_masks, joined_4b, masks, vision_tower)
from torch_gpu_run import attention_shapes, compiled_after_eager, loss_of, row, tower_shapes


def stage2_way(run, way, attention="sdpa", eager=False, whole=False):
    s, device = run.sizes, run.device
    text, tower_shape, tokens = s.text1b, s.vision_large, s.text_tokens
    image_rows = (tower_shape["image_size"] // tower_shape["patch_size"]) ** 2
    rows, width = image_rows + tokens, tower_shape["hidden_size"]
    flops = (Work.vision(tower_shape, s.batch) + Work.projector(s.batch * image_rows, width, s.projector_width, text["hidden_size"])
             + 3 * (Work.blocks(text, s.batch, rows) + Work.head(text, s.batch * s.supervised)))
    with run.attempt(way):
        masters = way.startswith("bf16")
        model = decoder(text, device, BF16 if masters else torch.float32, attention)
        tower = vision_tower(tower_shape, device)
        projector = torch.nn.Sequential(torch.nn.Linear(width, s.projector_width), torch.nn.GELU(), torch.nn.Linear(s.projector_width, text["hidden_size"])
                                        ).to(device, BF16).requires_grad_(False)
        optimizer = (MasterAdamW if masters else FloatAdamW)(model.parameters(), 1e-5)
        pixels, ids = run.pixels(tower_shape, s.batch), run.ids(text, s.batch, tokens)
        seen = flex_masks(text, rows, device) if attention == "flex_attention" else masks(text, rows, device)

        def step():
            with torch.no_grad():
                image = projector(tower(pixel_values=pixels).last_hidden_state)
            with contextlib.nullcontext() if masters else run.amp():
                inputs = torch.cat([image, model.get_input_embeddings()(ids)], 1)
                hidden = model.model(inputs_embeds=inputs, attention_mask=seen, use_cache=False).last_hidden_state
                loss = loss_of(model, hidden, ids, s.supervised)
            loss.backward()
            optimizer.step()

        order, note = fastest_attention(run.timer, attention_shapes(text, s.batch, rows) + tower_shapes(tower_shape, s.batch), backward=True)
        common = dict(count=s.batch, unit="images", note=f"attention {note}")
        if whole:
            model.model.compile(dynamic=False)
            tower.compile(dynamic=False)
            with order():
                run.report(way, run.timer.median(step), flops=flops, **common)
        else:
            compiled_after_eager(run, [model, tower], step, order, flops, eager=eager, prefix=f"{way}, ", **common)


@row("stage2", "stage 2 of the 1B, full fine-tuning, batch 16, 592 positions (576 of the image, 16 of text, 10 supervised): SigLIP-L/16-384 and projector forward, "
     "decoder forward and backward, clipped fused AdamW. bf16 masters: weights and gradients in bf16, masters and moments in fp32", quick=True)
def stage2(run):
    stage2_way(run, "bf16 + fp32 masters", eager=True)


@row("stage2-autocast", "the same, weights in fp32 and autocast to bf16")
def stage2_autocast(run):
    stage2_way(run, "fp32 + autocast")


@row("stage2-flex", "stage 2 with bf16 weights, fp32 masters and flex attention", default=False, limit=120)
def stage2_flex(run):
    stage2_way(run, "bf16 + fp32 masters, flex", attention="flex_attention")


@row("stage2-whole", "stage 2 with bf16 weights and fp32 masters, the whole models compiled and not layer by layer", default=False, limit=240)
def stage2_whole(run):
    stage2_way(run, "bf16 + fp32 masters, compiled as a whole", whole=True)


@row("stage1", "stage 1 of the 1B with kept features, batch 16, 592 positions, 15 supervised: projector (fp32, autocast) trained, decoder in bf16 frozen")
def stage1(run):
    s, device = run.sizes, run.device
    text, tower_shape, tokens = s.text1b, s.vision_large, s.text_tokens
    image_rows, width = (tower_shape["image_size"] // tower_shape["patch_size"]) ** 2, tower_shape["hidden_size"]
    rows, supervised = image_rows + tokens, tokens - 1
    flops = (2.67 * Work.projector(s.batch * image_rows, width, s.projector_width, text["hidden_size"])
             + 2 * (Work.blocks(text, s.batch, rows) + Work.head(text, s.batch * supervised)))
    with run.attempt("bf16 decoder"):
        model = decoder(text, device, BF16).requires_grad_(False)
        projector = torch.nn.Sequential(torch.nn.Linear(width, s.projector_width), torch.nn.GELU(), torch.nn.Linear(s.projector_width, text["hidden_size"])).to(device)
        optimizer = FloatAdamW(projector.parameters(), 1e-4)
        features, ids, seen = run.normal(s.batch, image_rows, width), run.ids(text, s.batch, tokens), masks(text, rows, device)

        def step():
            with run.amp():
                image = projector(features)
            inputs = torch.cat([image.to(BF16), model.get_input_embeddings()(ids)], 1)
            hidden = model.model(inputs_embeds=inputs, attention_mask=seen, use_cache=False).last_hidden_state
            loss_of(model, hidden, ids, supervised).backward()
            optimizer.step()

        order, note = fastest_attention(run.timer, attention_shapes(text, s.batch, rows), backward=True)
        compiled_after_eager(run, model, step, order, flops, eager=False, count=s.batch, unit="images", note=f"attention {note}")


@row("lora1b", "a step of adapters of rank 16 beside every linear layer of the 1B's decoder (PEFT, adapters fp32, base bf16), batch 16, 592 positions with the "
     "image's rows given, 16 tokens of text, 12 supervised")
def lora1b(run):
    from peft import LoraConfig, get_peft_model
    s, device = run.sizes, run.device
    text, tower_shape, batch, rank = s.text1b, s.vision_large, s.batch, 16
    image_rows = (tower_shape["image_size"] // tower_shape["patch_size"]) ** 2
    rows, supervised = image_rows + s.text_tokens, s.text_tokens - s.text_tokens // 4
    flops = 2 * (Work.blocks(text, batch, rows) + Work.head(text, batch * supervised)) + 6.0 * batch * rows * Work.adapters(text, rank)
    with run.attempt("PEFT"):
        model = decoder(text, device, BF16).requires_grad_(False)
        adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=32, lora_dropout=0.0, target_modules=r".*(q|k|v|o|gate|up|down)_proj"))
        adapted.train()
        optimizer = FloatAdamW([p for p in adapted.parameters() if p.requires_grad], 1e-4, capturable=device == "cuda")
        image, ids, seen = run.normal(batch, image_rows, text["hidden_size"], scale=0.02), run.ids(text, batch, s.text_tokens), masks(text, rows, device)

        def step():
            with run.amp():
                hidden = model.model(inputs_embeds=torch.cat([image, model.get_input_embeddings()(ids)], 1), attention_mask=seen, use_cache=False).last_hidden_state
                loss = loss_of(model, hidden, ids, supervised)
            loss.backward()
            optimizer.step()

        order, note = fastest_attention(run.timer, attention_shapes(text, batch, rows), backward=True)
        compiled_after_eager(run, model, step, order, flops, graph=True, count=batch, unit="images", note=f"attention {note}")


def lora_way(run, batch, pixels_too, adapt_tower=False):
    from peft import LoraConfig, get_peft_model
    s, device = run.sizes, run.device
    text, tower_shape, tokens, rank = s.text4b, s.vision_so400m, s.adapter_text, 16
    rows = s.soft_tokens + tokens
    flops = (2 * (Work.blocks(text, batch, rows) + Work.head(text, batch * s.adapter_supervised)) + 6.0 * batch * rows * Work.adapters(text, rank))
    with run.attempt("PEFT"):
        model = joined_4b(s, device)
        linear = r".*(q|k|v|o|out|gate|up|down)_proj|.*\.fc[12]" if adapt_tower else r".*language_model.*(q|k|v|o|gate|up|down)_proj"
        adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=32, lora_dropout=0.0, target_modules=linear))
        adapted.train()
        trained = [p for p in adapted.parameters() if p.requires_grad]
        optimizer = FloatAdamW(trained, 1e-4, capturable=device == "cuda")
        soft, ids = run.normal(batch, s.soft_tokens, text["hidden_size"], scale=0.02), run.ids(text, batch, tokens)
        seen, pixels = masks(text, rows, device, image_rows=s.soft_tokens), run.pixels(tower_shape, batch)
        inner, embed = model.model, model.get_input_embeddings()

        def step(from_pixels=False):
            image = soft
            if from_pixels and not adapt_tower:
                with torch.no_grad():
                    image = inner.get_image_features(pixel_values=pixels).pooler_output
            with run.amp():
                if adapt_tower:
                    image = inner.get_image_features(pixel_values=pixels).pooler_output
                hidden = inner.language_model(inputs_embeds=torch.cat([image.to(BF16), embed(ids)], 1), attention_mask=seen, use_cache=False).last_hidden_state
                loss = loss_of(model, hidden, ids, s.adapter_supervised)
            loss.backward()
            optimizer.step()

        note = f"{sum(p.numel() for p in trained)} trained"
        order, chosen = fastest_attention(run.timer, attention_shapes(text, batch, rows, image=True) + (tower_shapes(tower_shape, batch) if pixels_too else []), True)
        common = dict(count=batch, unit="images", note=f"{note}; attention {chosen}")
        if not adapt_tower:
            compiled_after_eager(run, inner.language_model, step, order, flops, eager=batch == 1, graph=True, prefix="features given, ", **common)
        if pixels_too and not run.fewer or adapt_tower:
            compiled_after_eager(run, inner.vision_tower if not adapt_tower else inner, lambda: step(True), order,
                                 flops + Work.vision(tower_shape, batch) * (2 if adapt_tower else 1), eager=False, graph=True, prefix="from pixels, ", **common)


LORA = ("a step of adapters of rank 16 beside every linear layer of the decoder of the joined 4B (PEFT, adapters fp32, base bf16), batch {}, 256 rows of an image "
        "that see each other, 64 tokens of text, 48 supervised; with the rows given, and from pixels (896, So400m/14 forward)")


@row("lora4b-b4", LORA.format(4), quick=True, limit=100)
def lora4b_batch4(run):
    lora_way(run, 4 if not run.sizes.tiny else 2, pixels_too=True)


@row("lora4b-b1", LORA.format(1), quick=True, limit=100)
def lora4b_batch1(run):
    lora_way(run, 1, pixels_too=True)


@row("lora4b-tower", "the same at batch 1 with adapters beside the linear layers of the vision tower too", default=False, limit=150)
def lora4b_tower(run):
    lora_way(run, 1, pixels_too=True, adapt_tower=True)
