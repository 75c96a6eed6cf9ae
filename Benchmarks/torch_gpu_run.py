"""Where a row of torch_on_gpu.py measures and reports, and what rows share."""
import contextlib, dataclasses, gc, traceback

import torch

from torch_gpu_models import BF16, Sizes, Timer, compile_layers

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
