"""Rows of torch_on_gpu.py that only compute forwards: towers, prefill, decoding, generation, evaluation."""
import time

import torch

from torch_gpu_models import (BF16, CACHE_ARGUMENT, LayerCache, Work, decoder, fastest_attention, masks, vision_tower)
from torch_gpu_run import attention_shapes, compiled_after_eager, row, tower_shapes


def vision(run, shape, batch):
    flops = Work.vision(shape, batch)
    with run.attempt("tower"), torch.no_grad():
        tower, pixels = vision_tower(shape, run.device), run.pixels(shape, batch)
        order, note = fastest_attention(run.timer, tower_shapes(shape, batch), backward=False)
        compiled_after_eager(run, tower, lambda: tower(pixel_values=pixels).last_hidden_state, order, flops, graph=True, count=batch, unit="images",
                             note=f"attention {note}")


@row("vision384", "SigLIP-L/16 at 384 pixels, batch 32, forward, bf16", quick=True)
def vision384(run):
    vision(run, run.sizes.vision_large, run.sizes.vision_batches[0])


@row("vision896", "SigLIP So400m/14 at 896 pixels (4096 patches), batch 4, forward, bf16", quick=True)
def vision896(run):
    vision(run, run.sizes.vision_so400m, run.sizes.vision_batches[1])


def prefill(run, shape, sizes):
    with torch.no_grad():
        model = decoder(shape, run.device, BF16).eval().requires_grad_(False)
        for batch, rows in sizes:
            inputs, seen = run.normal(batch, rows, shape["hidden_size"]), masks(shape, rows, run.device)

            def body():
                hidden = model.model(inputs_embeds=inputs, attention_mask=seen, use_cache=False).last_hidden_state[:, -1]
                return model.lm_head(hidden).argmax(-1)

            order, note = fastest_attention(run.timer, attention_shapes(shape, batch, rows), backward=False)
            compiled_after_eager(run, model, body, order, Work.blocks(shape, batch, rows) + Work.head(shape, batch), eager=False, graph=True,
                                 prefix=f"{batch} x {rows}, ", count=batch * rows, unit="positions", note=f"attention {note}; no cache is written")


DECODE = ("decoding of the {}'s decoder in bf16, batch 1, one token after {} positions and up to 63 more: layers compiled over a cache of fixed addresses, the whole "
          "step one CUDA graph, greedy; bytes are those of the weights")


@row("decode4b", DECODE.format("4B", 288), quick=True, limit=100)
def decode4b(run):
    decode(run, run.sizes.text4b, run.sizes.prompt, run.sizes.cache_length)


@row("decode1b", DECODE.format("1B", 592), limit=100)
def decode1b(run):
    decode(run, run.sizes.text1b, run.sizes.prompt1b, run.sizes.cache_length1b)


def decode(run, shape, prompt, cache_length):
    s, device = run.sizes, run.device
    with torch.no_grad():
        model = decoder(shape, device, BF16).eval().requires_grad_(False)
        text, steps = model.model, 64 if not s.tiny else 4
        position, ids = torch.zeros(1, device=device, dtype=torch.long), run.ids(shape, 1, 1)
        caches = [LayerCache(1, shape, cache_length, position, device) for _ in text.layers]
        all_positions = torch.arange(cache_length, device=device)
        kinds = model.config.layer_types
        for layer in text.layers:
            layer.self_attn.layer_idx = 0   # Each layer has a cache of its own, so that all share one compilation.
        last = {"head": lambda hidden: model.lm_head(text.norm(hidden)).argmax(-1)}

        def token():
            hidden, at = text.embed_tokens(ids), position[None]
            rotary = {kind: text.rotary_emb(hidden, at, kind) for kind in set(kinds)}
            seen = {"full_attention": (all_positions <= position)[None, None, None]}
            near = (all_positions <= position) & (all_positions > position - shape["sliding_window"])
            seen["sliding_attention"] = near[None, None, None] if cache_length > shape["sliding_window"] else seen["full_attention"]
            for layer, kind, cache in zip(text.layers, kinds, caches):
                hidden = layer(hidden, attention_mask=seen[kind], position_embeddings=rotary[kind], position_ids=at, **{CACHE_ARGUMENT: cache})
            ids.copy_(last["head"](hidden))
            position.add_(1)

        weights = float(sum(p.numel() * p.element_size() for p in model.parameters()))

        def measure(way, step, compiling=0.0):
            def many():
                position.fill_(prompt)
                for _ in range(steps):
                    step()
            found = run.timer.median(many, warm_ups=1, least=5, most=9)
            found.update(seconds=found["seconds"] / steps, best=found["best"] / steps, warming=found["warming"] + compiling)
            run.report(way, found, bytes=weights, count=1, unit="tokens")

        position.fill_(prompt)
        if device == "cuda" and not run.fewer:
            with run.attempt("eager, one CUDA graph"):
                measure("eager, one CUDA graph", run.timer.captured(token))
        for way, settings in (("compiled, one CUDA graph", {}), ("compiled with tuned matrix-vector products, one CUDA graph", {"coordinate_descent_tuning": True})):
            with run.attempt(way), torch._inductor.config.patch(settings):
                run.compile(model)
                last["head"] = torch.compile(lambda hidden: model.lm_head(text.norm(hidden)).argmax(-1), dynamic=False)
                position.fill_(prompt)
                started = time.perf_counter()
                for _ in range(2):
                    token()
                run.timer.synchronize()
                compiling = time.perf_counter() - started
                position.fill_(prompt)
                measure(way, run.timer.captured(token), compiling)


def generation(run, shape, batch, image_rows, text_rows, new_tokens, **options):
    """`generate` of transformers: seconds of all, and of one token, after a first run."""
    model = decoder(shape, run.device, BF16).eval().requires_grad_(False)
    inputs = torch.cat([run.normal(batch, image_rows, shape["hidden_size"]), model.get_input_embeddings()(run.ids(shape, batch, text_rows))], 1)
    attended = torch.ones(inputs.shape[:2], device=run.device, dtype=torch.long)

    def generate(count):
        return model.generate(inputs_embeds=inputs, attention_mask=attended, min_new_tokens=count, max_new_tokens=count, do_sample=False, **options)

    everything = run.timer.median(lambda: generate(new_tokens), warm_ups=1, least=3, most=3)
    first = run.timer.median(lambda: generate(1), warm_ups=1, least=3, most=3)
    return model, generate, everything, first


def generated_tokens(run, way, **options):
    shape, weights = run.sizes.text4b, None
    with run.attempt(way), torch.no_grad():
        model, _, everything, first = generation(run, shape, 1, run.sizes.soft_tokens, 32, run.sizes.decoded, **options)
        weights = float(sum(p.numel() * p.element_size() for p in model.parameters()))
        run.report(f"{way}, prefill of {run.sizes.soft_tokens + 32}", first, flops=Work.blocks(shape, 1, run.sizes.soft_tokens + 32))
        run.report(f"{way}, a token", dict(everything, seconds=(everything["seconds"] - first["seconds"]) / (run.sizes.decoded - 1)), bytes=weights, count=1,
                   unit="tokens")


@row("prefill4b", "forward of the 4B's decoder over 1 x 288, 8 x 288 and 1 x 1024 positions, logits of the last", limit=75)
def prefill4b(run):
    with run.attempt("prefill"):
        prefill(run, run.sizes.text4b, run.sizes.prefill4b)


@row("prefill1b", "forward of the 1B over 1 x 592 and 8 x 592 positions, logits of the last", limit=75)
def prefill1b(run):
    with run.attempt("prefill"):
        prefill(run, run.sizes.text1b, run.sizes.prefill1b)


@row("generate4b", "generate of transformers as it is, the 4B's decoder, 288 positions, 33 tokens")
def generate4b(run):
    generated_tokens(run, "generate")


@row("generate4b-static", "generate of transformers with a static cache, which compiles the whole decoder", default=False, limit=200)
def generate4b_static(run):
    generated_tokens(run, "generate, static cache", cache_implementation="static")


def evaluation(run, way, **options):
    s, text, tower_shape = run.sizes, run.sizes.text1b, run.sizes.vision_large
    image_rows, width = (tower_shape["image_size"] // tower_shape["patch_size"]) ** 2, tower_shape["hidden_size"]
    with run.attempt(way), torch.no_grad():
        tower = vision_tower(tower_shape, run.device)
        projector = torch.nn.Sequential(torch.nn.Linear(width, s.projector_width), torch.nn.GELU(), torch.nn.Linear(s.projector_width, text["hidden_size"])
                                        ).to(run.device, BF16)
        pixels = run.pixels(tower_shape, s.questions)
        seeing = run.timer.median(lambda: projector(tower(pixel_values=pixels).last_hidden_state), least=3, most=5)
        _, _, everything, first = generation(run, text, s.questions, image_rows, s.text_tokens, s.answer_tokens, **options)
        common = dict(count=s.questions, unit="answers")
        run.report(f"{way}: tower and projector", seeing, **dict(common, unit="images"))
        run.report(f"{way}: prefill and a token", first, **common)
        run.report(f"{way}: answers, rows of images given", everything, **common)
        run.report(f"{way}: answers from pixels", dict(everything, seconds=everything["seconds"] + seeing["seconds"]), **common)


@row("evaluation", "batched evaluation: 32 questions with an image each (592 positions), 16 new tokens, greedy, generate of transformers as it is")
def evaluation_plain(run):
    evaluation(run, "generate")


@row("evaluation-static", "the same with a static cache, which compiles the whole decoder", default=False, limit=200)
def evaluation_static(run):
    evaluation(run, "generate, static cache", cache_implementation="static")
