"""The rows of torch_on_gpu.py: each a function of a Run, which measures one piece of work in one or several ways and reports each as soon as it is measured."""
import contextlib, dataclasses, gc, time, traceback

import torch

from torch_gpu_models import (BF16, CACHE_ARGUMENT, FloatAdamW, LayerCache, MasterAdamW, Sizes, Timer, Work, compile_layers, decoder, fastest_attention,
                              flex_masks, joined_4b, layers, masks, vision_tower)

ROWS = {}


@dataclasses.dataclass
class Row:
    body: object
    what: str
    quick: bool
    default: bool
    limit: int


def row(name, what, quick=False, default=True, limit=75):
    def keep(body):
        ROWS[name] = Row(body, what, quick, default, limit)
        return body
    return keep


class Run:
    """Where a row measures and reports."""

    def __init__(self, name, sizes: Sizes, device, seconds, mode, compiles, write, fewer=False):
        self.name, self.sizes, self.device, self.mode, self.compiles, self.write, self.fewer = name, sizes, device, mode, compiles, write, fewer
        self.timer = Timer(device, seconds)

    def report(self, way, measured, **more):
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        self.write(dict(row=self.name, way=way, **measured, **more, graphs=graphs))

    @contextlib.contextmanager
    def attempt(self, way):
        """What fails inside is reported as that way's failure and hides nothing else; a time limit ends the row."""
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        try:
            yield
        except TimeoutError:
            raise
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            self.write(dict(row=self.name, way=way, error=f"{type(error).__name__}: {error}"[:400], trace=traceback.format_exc()[-1500:]))
        finally:
            gc.collect()
            if self.device == "cuda":
                torch.cuda.empty_cache()

    def compile(self, model, **options):
        if self.compiles:
            compile_layers(model, **({"mode": self.mode} if self.mode != "default" else {}), **options)

    def ids(self, shape, *size):
        return torch.randint(3, shape["vocab_size"] - 8, size, device=self.device)

    def normal(self, *size, scale=1.0):
        return torch.randn(*size, device=self.device, dtype=BF16) * scale

    def pixels(self, shape, batch):
        return self.normal(batch, 3, shape["image_size"], shape["image_size"])

    def amp(self):
        return torch.autocast(self.device, dtype=BF16)


def loss_of(model, hidden, ids, supervised):
    """Cross-entropy of the last `supervised` tokens; logits are formed at these rows only."""
    logits = model.lm_head(hidden[:, -supervised - 1:-1]).float()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, -supervised:].flatten())


def attention_shapes(shape, batch, rows, image=False):
    """What `fastest_attention` is asked for a decoder: layers that attend causally, and layers with a mask."""
    total, every = shape["num_hidden_layers"], (batch, shape["num_attention_heads"], shape["num_key_value_heads"], rows, shape["head_dim"])
    masked = total if image else total - total // 6 if rows > shape["sliding_window"] else 0
    return [(count, *every, is_masked, True) for count, is_masked in ((total - masked, False), (masked, True)) if count]


def tower_shapes(shape, batch):
    heads = shape["num_attention_heads"]
    return [(shape["num_hidden_layers"], batch, heads, heads, (shape["image_size"] // shape["patch_size"]) ** 2, shape["hidden_size"] // heads, False, False)]


def compiled_after_eager(run, model, body, order, flops, eager=True, graph=False, prefix="", **more):
    """Measures `body` as it is (its layers not compiled), then with layers compiled, then that captured as one graph."""
    with order():
        if eager and not (run.fewer and run.compiles):
            with run.attempt(prefix + "eager"):
                run.report(prefix + "eager", run.timer.median(body, warm_ups=2, least=3, most=5), flops=flops, **more)
        with run.attempt(prefix + "compiled"):
            for part in model if isinstance(model, (list, tuple)) else [model]:
                run.compile(part)
            run.report(prefix + "compiled", run.timer.median(body), flops=flops, **more)
            if graph and run.device == "cuda":
                torch.cuda.reset_peak_memory_stats()
                replay = run.timer.captured(body)
                captured = torch.cuda.max_memory_allocated() / 2**30   # What a graph holds does not count as allocated while it is replayed.
                measured = run.timer.median(replay)
                measured["peak_gib"] = max(captured, measured["peak_gib"])
                run.report(prefix + "compiled, one CUDA graph", measured, flops=flops, **more)
                del replay


@row("ceilings", "a product of 8192 x 8192 x 8192 in bf16 on random numbers; a copy of 4 GiB (bytes read plus written); a sum of 4 GiB (bytes read)", quick=True, limit=30)
def ceilings(run):
    n = run.sizes.product
    a, b = run.normal(n, n), run.normal(n, n)
    out = torch.empty_like(a)
    run.report("product", run.timer.median(lambda: torch.mm(a, b, out=out)), flops=2.0 * n ** 3)
    del a, b, out
    source = torch.randn(run.sizes.copied_bytes // 4, device=run.device)
    target = torch.empty_like(source)
    run.report("copy", run.timer.median(lambda: target.copy_(source)), bytes=2.0 * run.sizes.copied_bytes)
    run.report("read", run.timer.median(lambda: source.sum()), bytes=1.0 * run.sizes.copied_bytes)


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


FIRST = ["ceilings", "stage2", "vision384", "vision896", "decode4b", "lora4b-b1", "lora4b-b4", "evaluation", "generate4b", "stage1", "prefill4b", "stage2-autocast",
         "prefill1b", "lora1b", "decode1b"]
ROWS = {name: ROWS[name] for name in [*FIRST, *(name for name in ROWS if name not in FIRST)]}
