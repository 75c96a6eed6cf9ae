"""Shapes, random models, operation counts and timers of torch_on_gpu.py.

Weights are drawn on the device from configurations; nothing is read from disk. Counts follow `bench steps`: two operations a multiplication and addition of a
product, scores of the decoder halved (the future is not looked at), forward once, gradients of inputs once, gradients of weights once."""
import contextlib, dataclasses, inspect, statistics, time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import (Gemma3Config, Gemma3ForCausalLM, Gemma3ForConditionalGeneration, Gemma3TextConfig, SiglipVisionConfig, SiglipVisionModel)
from transformers.models.gemma3.modeling_gemma3 import Gemma3DecoderLayer

CACHE_ARGUMENT = "past_key_values" if "past_key_values" in inspect.signature(Gemma3DecoderLayer.forward).parameters else "cache"
BF16 = torch.bfloat16


@dataclasses.dataclass
class Sizes:
    """What the rows are measured on: true shapes, or shapes small enough to try the script on a processor."""
    tiny: bool

    def __post_init__(self):
        def pick(full, tiny):
            return tiny if self.tiny else full
        ropes = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
        ends = dict(bos_token_id=2, eos_token_id=1, pad_token_id=0)
        small = dict(vocab_size=600, hidden_size=64, intermediate_size=96, num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
        self.text1b = dict(pick(dict(vocab_size=262144, hidden_size=1152, intermediate_size=6912, num_hidden_layers=26, num_attention_heads=4,
                                     num_key_value_heads=1, head_dim=256, sliding_window=512, max_position_embeddings=32768),
                                dict(small, sliding_window=24)), query_pre_attn_scalar=pick(256, 16), **ends)
        self.text4b = dict(pick(dict(vocab_size=262208, hidden_size=2560, intermediate_size=10240, num_hidden_layers=34, num_attention_heads=8,
                                     num_key_value_heads=4, head_dim=256, sliding_window=1024, max_position_embeddings=131072),
                                dict(small, sliding_window=64)), query_pre_attn_scalar=pick(256, 16), rope_parameters=ropes, **ends)
        few = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2)
        self.vision_large = dict(pick(dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=384, patch_size=16),
                                      dict(few, image_size=96, patch_size=16)), vision_use_head=False)
        self.vision_so400m = dict(pick(dict(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16, image_size=896, patch_size=14),
                                       dict(few, image_size=112, patch_size=14)), vision_use_head=False)
        self.soft_tokens = pick(256, 4)
        self.projector_width = pick(10240, 64)
        self.batch, self.text_tokens, self.supervised = pick(16, 2), pick(16, 6), pick(10, 3)
        self.adapter_text, self.adapter_supervised = pick(64, 8), pick(48, 5)
        self.vision_batches = pick((32, 4), (2, 1))
        self.prefill4b, self.prefill1b = pick(((1, 288), (8, 288), (1, 1024)), ((1, 24), (2, 16))), pick(((1, 592), (8, 592)), ((1, 42), (2, 42)))
        self.cache_length, self.decoded, self.prompt = pick(512, 33), pick(64, 4), pick(288, 8)
        self.cache_length1b, self.prompt1b = pick(768, 33), pick(592, 8)
        self.questions, self.answer_tokens = pick(32, 2), pick(16, 3)
        self.product, self.copied_bytes = pick(8192, 256), pick(4 << 30, 1 << 20)


class Work:
    """Operations of the products of a decoder or a vision tower, as `bench steps` counts them."""

    @staticmethod
    def blocks(c, batch, rows):
        per_row = (2 * c["hidden_size"] * c["head_dim"] * (c["num_attention_heads"] + c["num_key_value_heads"])
                   + 3 * c["hidden_size"] * c["intermediate_size"])
        scores = rows * rows * c["num_attention_heads"] * c["head_dim"]
        return 2.0 * batch * c["num_hidden_layers"] * (rows * per_row + scores)

    @staticmethod
    def head(c, rows):
        return 2.0 * rows * c["vocab_size"] * c["hidden_size"]

    @staticmethod
    def vision(c, batch):
        patches, width = (c["image_size"] // c["patch_size"]) ** 2, c["hidden_size"]
        per_patch = 4 * width * width + 2 * width * c["intermediate_size"]
        return 2.0 * batch * (c["num_hidden_layers"] * (patches * per_patch + 2 * patches * patches * width) + patches * width * 3 * c["patch_size"] ** 2)

    @staticmethod
    def projector(rows, before, between, after):
        return 2.0 * rows * between * (before + after)

    @staticmethod
    def adapters(c, rank):
        """Weights of adapters of `rank` beside every linear layer of the blocks."""
        width, heads, kv, inner = c["hidden_size"], c["num_attention_heads"] * c["head_dim"], c["num_key_value_heads"] * c["head_dim"], c["intermediate_size"]
        return c["num_hidden_layers"] * rank * (2 * (width + heads) + 2 * (width + kv) + 3 * (width + inner))


@contextlib.contextmanager
def made_on(device, dtype):
    """Modules made inside have their weights on `device`, of type `dtype`."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def decoder(shape, device, dtype, attention="sdpa"):
    with made_on(device, dtype):
        return Gemma3ForCausalLM(Gemma3TextConfig(**shape, attn_implementation=attention))


def vision_tower(shape, device, dtype=BF16):
    with made_on(device, dtype):
        return SiglipVisionModel(SiglipVisionConfig(**shape, attn_implementation="sdpa")).eval().requires_grad_(False)


def joined_4b(sizes, device, dtype=BF16):
    config = Gemma3Config(text_config=Gemma3TextConfig(**sizes.text4b), vision_config=SiglipVisionConfig(**sizes.vision_so400m), attn_implementation="sdpa",
                          mm_tokens_per_image=sizes.soft_tokens, boi_token_index=sizes.text4b["vocab_size"] - 3, eoi_token_index=sizes.text4b["vocab_size"] - 2,
                          image_token_index=sizes.text4b["vocab_size"] - 1)
    with made_on(device, dtype):
        model = Gemma3ForConditionalGeneration(config).eval().requires_grad_(False)
        model.model.multi_modal_projector.mm_input_projection_weight.normal_(0, 0.02)
    return model


def layers(model):
    return [m for m in model.modules() if type(m).__name__ in ("Gemma3DecoderLayer", "SiglipEncoderLayer")]


def compile_layers(model, **options):
    """Compiles each block: blocks of one kind share one compilation, so that a whole model takes seconds, not minutes, and large products run as fast."""
    for layer in layers(model):
        layer.compile(dynamic=False, **options)


def masks(shape, rows, device, image_rows=0):
    """What each kind of layer attends to: none where it is causal alone, which the fastest kernels want. `image_rows` first positions see each other."""
    position = torch.arange(rows, device=device)
    q, k = position[:, None], position[None, :]
    seen = k <= q
    if image_rows:
        seen = seen | ((q < image_rows) & (k < image_rows))
    local = seen & (k > q - shape["sliding_window"])
    return {"full_attention": seen[None, None] if image_rows else None,
            "sliding_attention": local[None, None] if image_rows or rows > shape["sliding_window"] else None}


def flex_masks(shape, rows, device):
    """The causal masks of `masks` for flex attention."""
    from torch.nn.attention.flex_attention import create_block_mask
    window = shape["sliding_window"]
    kinds = {"full_attention": lambda b, h, q, k: k <= q, "sliding_attention": lambda b, h, q, k: (k <= q) & (k > q - window)}
    return {name: create_block_mask(kind, None, None, rows, rows, device=device) for name, kind in kinds.items()}


class Timer:
    """Medians with events of the device, after warming up."""

    def __init__(self, device, seconds):
        self.device, self.seconds, self.on_gpu = device, seconds, device == "cuda"

    def synchronize(self):
        if self.on_gpu:
            torch.cuda.synchronize()

    def once(self, body):
        if not self.on_gpu:
            started = time.perf_counter()
            body()
            return time.perf_counter() - started
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        body()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1000

    def median(self, body, warm_ups=3, least=5, most=40):
        """Median, best and number of runs, seconds of warming up (compilation is in it), and peak memory in GiB of the timed runs."""
        started = time.perf_counter()
        for _ in range(warm_ups):
            body()
        self.synchronize()
        warming = time.perf_counter() - started
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        first = self.once(body)
        runs = [self.once(body) for _ in range(max(least, min(most, int(self.seconds / max(first, 1e-6)))))]
        peak = torch.cuda.max_memory_allocated() / 2**30 if self.on_gpu else 0.0
        return dict(seconds=statistics.median(runs), best=min(runs), runs=len(runs), warming=warming, peak_gib=peak)

    def captured(self, body):
        """`body` as one graph of the device's operations, whose replay costs the host one launch."""
        if not self.on_gpu:
            return body
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                body()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            body()
        return graph.replay


def fastest_attention(timer, shapes, backward):
    """The order of PyTorch's attention kernels that is fastest on `shapes`: (count, batch, heads, key heads, rows, head size, masked, causal) each.
    Measured on the spot, as an expert would; a kernel that cannot do a shape is passed over."""
    if not timer.on_gpu:
        return contextlib.nullcontext, "default"
    import itertools
    kernels = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]
    found = {}
    for index, (_, batch, heads, key_heads, rows, size, masked, causal) in enumerate(shapes):
        q = torch.randn(batch, rows, heads, size, device="cuda", dtype=BF16).transpose(1, 2).requires_grad_(backward)
        k, v = (torch.randn(batch, rows, heads if masked else key_heads, size, device="cuda", dtype=BF16).transpose(1, 2).requires_grad_(backward) for _ in range(2))
        mask = torch.ones(rows, rows, device="cuda", dtype=torch.bool).tril()[None, None] if masked else None
        out = torch.randn(batch, heads, rows, size, device="cuda", dtype=BF16)
        for kernel in kernels:
            def body():
                with sdpa_kernel(kernel):
                    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and not masked,
                                                                         enable_gqa=not masked and heads != key_heads)
                    if backward:
                        torch.autograd.grad(y, (q, k, v), out)
            try:
                for _ in range(3):
                    body()
                found[index, kernel] = statistics.median(timer.once(body) for _ in range(5))
            except Exception:
                found[index, kernel] = None

    def cost(order):
        total = 0.0
        for index, shape in enumerate(shapes):
            usable = [found[index, kernel] for kernel in order if found[index, kernel] is not None]
            total += shape[0] * (usable[0] if usable else 0.0)
        return total

    order = min(itertools.permutations(kernels), key=cost)
    names = {SDPBackend.CUDNN_ATTENTION: "cudnn", SDPBackend.FLASH_ATTENTION: "flash", SDPBackend.EFFICIENT_ATTENTION: "efficient"}
    times = "; ".join(",".join(f"{names[kernel]} {found[index, kernel] * 1e6:.0f}us" if found[index, kernel] else f"{names[kernel]} -" for kernel in kernels)
                      for index in range(len(shapes)))
    return (lambda: sdpa_kernel([*order, SDPBackend.MATH], set_priority=True)), f"{'>'.join(names[kernel] for kernel in order)} ({times})"


class MasterAdamW:
    """Fused AdamW over masters in fp32 of weights in bf16; the gradients' norm is clipped at 1."""

    def __init__(self, parameters, rate, capturable=False):
        self.parameters = list(parameters)
        self.masters = [p.detach().float() for p in self.parameters]
        for master in self.masters:
            master.grad = torch.zeros_like(master)
        self.adamw = torch.optim.AdamW(self.masters, lr=rate, weight_decay=0.01, fused=True, capturable=capturable)

    def step(self):
        torch._foreach_copy_([master.grad for master in self.masters], [p.grad for p in self.parameters])
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0, foreach=True)
        self.adamw.step()
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.masters)
        for p in self.parameters:
            p.grad = None


class FloatAdamW:
    """Fused AdamW over weights in fp32; the gradients' norm is clipped at 1."""

    def __init__(self, parameters, rate, capturable=False):
        self.parameters = list(parameters)
        self.adamw = torch.optim.AdamW(self.parameters, lr=rate, weight_decay=0.01, fused=True, capturable=capturable)

    def step(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)


class LayerCache:
    """Keys and values of one layer at fixed addresses, filled at `position`; what a decoder layer asks of a cache."""

    def __init__(self, batch, shape, length, position, device):
        self.keys, self.values = (torch.randn(batch, shape["num_key_value_heads"], length, shape["head_dim"], device=device, dtype=BF16) for _ in range(2))
        self.position = position

    def update(self, keys, values, *_, **__):
        self.keys.index_copy_(2, self.position, keys)
        self.values.index_copy_(2, self.position, values)
        return self.keys, self.values
