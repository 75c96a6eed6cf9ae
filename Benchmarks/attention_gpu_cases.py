"""Cases of attention on a GPU: the kernels of Sources/CarinaCUDA/Kernels launched as the backend does, checked against softmax in fp32, and timed."""
import statistics
import time

import cupy
import numpy as np
import torch
import torch.nn.functional as F

from kernel_source import kernel_source

started = time.time()
multiprocessors = torch.cuda.get_device_properties(0).multi_processor_count
modules = {}
torch.manual_seed(1)
torch.backends.cuda.matmul.allow_tf32 = False
table = []


def module(file, size, change=None):
    """A compiled file; `change` replaces text of the source (to try variants)."""
    key = (file, size, change)
    if key not in modules:
        source = kernel_source(file)
        for old, new in change or ():
            assert old in source, old
            source = source.replace(old, new)
        options = ("--std=c++17", "-default-device", f"-DHEAD_SIZE={size}")
        modules[key] = cupy.RawModule(code=source, backend="nvrtc", options=options)
        modules[key].compile()
    return modules[key]


def launch(function, grid, threads, shared, *arguments):
    values = []
    for argument in arguments:
        if argument is None:
            values.append(np.uint64(0))
        elif isinstance(argument, torch.Tensor):
            values.append(np.uint64(argument.data_ptr()))
        elif isinstance(argument, float):
            values.append(np.float32(argument))
        else:
            values.append(np.int32(argument))
    if shared > 48 << 10:
        function.max_dynamic_shared_size_bytes = shared
    with cupy.cuda.ExternalStream(torch.cuda.current_stream().cuda_stream):
        function(grid, (threads,), tuple(values), shared_mem=shared)


class Tiles:
    """The tile sizes of attention.cu and attention_float.cu (AttentionTiles.swift)."""

    def __init__(self, size):
        self.stride = size + 8 if size % 16 == 0 else size
        row = self.stride * 2
        self.rows = 128 if size <= 128 else 64
        stages = 2 if size <= 128 else 1
        step = 64 if size <= 80 else 32
        shares = size > 128
        self.keys = 128 if size <= 80 else 64
        step_rows = 32 if size <= 80 else 64
        self.key_threads = 256 if shares else 128
        self.forward_bytes = (self.rows + 2 * stages * 64) * row
        self.query_bytes = (2 * self.rows + 2 * stages * step) * row
        self.key_bytes = (2 * self.keys + 4 * step_rows) * row + 2 * step_rows * 16
        if shares:
            self.key_bytes += 2 * self.keys * (step_rows + 8) * 2


class Plan:
    """Blocks and ranges of sequences of one length (AttentionPlan.swift)."""

    def __init__(self, sequences, queries, keys, causal, window, query_tile, key_tile, alignment=128):
        row = np.arange(queries)
        last = keys - queries + row + 1 if causal else np.full(queries, keys)
        first = np.maximum(0, last - (window or keys)) if causal else np.zeros(queries, int)
        self.pairs = int((last - first).sum()) * sequences
        self.first, self.last = first, last
        aligned = -(-queries // alignment) * alignment
        ranges = np.zeros((sequences, aligned, 2), np.int32)
        ranges[:, :queries, 0], ranges[:, :queries, 1] = first, last
        query_blocks, key_blocks = [], []
        for s in range(sequences):
            for start in range(0, queries, query_tile):
                part = slice(start, min(queries, start + query_tile))
                query_blocks.append((s * queries + start, part.stop - start, s * keys, s * aligned + start,
                                     first[part].min(), last[part].max(), first[part].max(), last[part].min()))
            for start in range(0, keys, key_tile):
                end = min(keys, start + key_tile)
                seen = np.flatnonzero((first < end) & (last > start))
                full = np.flatnonzero((first <= start) & (last >= end))
                key_blocks.append((s * keys + start, end - start, s * queries, queries, s * aligned,
                                   *((seen[0], seen[-1] + 1) if len(seen) else (0, 0)),
                                   *((full[0], full[-1] + 1) if len(full) else (queries, 0)), start))
        query_blocks.sort(key=lambda b: b[4] - b[5])
        key_blocks.sort(key=lambda b: b[5] - b[6])
        self.query_count, self.key_count, self.padded = len(query_blocks), len(key_blocks), sequences * aligned
        self.query_blocks = torch.tensor(np.array(query_blocks, np.int32)).cuda()
        self.key_blocks = torch.tensor(np.array(key_blocks, np.int32)).cuda()
        self.ranges = torch.tensor(ranges).cuda()


def milliseconds(body, budget=0.25, graphed=True):
    """The median time of one call, from replays of a graph of several where it can be captured."""
    body()
    torch.cuda.synchronize()
    before = time.time()
    body()
    torch.cuda.synchronize()
    once = max(time.time() - before, 1e-5)
    inner = max(1, min(20, int(0.004 / once)))

    def replay():
        for _ in range(inner):
            body()
    if graphed:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            replay()
        replay = graph.replay
    times = []
    replay()
    for _ in range(max(5, min(30, int(budget / (once * inner))))):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        replay()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / inner)
    return statistics.median(times)


def relative(result, expected):
    return float((result.double() - expected.double()).norm() / expected.double().norm())


def poisoned(*shape, type):
    return torch.full(shape, float("nan"), dtype=type, device="cuda")


class Case:
    def __init__(self, name, sequences, length, heads, key_heads, size, causal=False, window=None, type=torch.bfloat16):
        self.name, self.type = name, type
        self.sequences, self.length, self.heads, self.key_heads, self.size = sequences, length, heads, key_heads, size
        self.causal, self.window = causal, window
        self.scale = size**-0.5
        rows = sequences * length
        make = lambda heads: torch.randn(rows, heads * size, device="cuda").to(type)
        self.q, self.k, self.v, self.dout = make(heads), make(key_heads), make(key_heads), make(heads)
        self.tiles = Tiles(size)
        narrow = type == torch.bfloat16
        self.plan = Plan(sequences, length, length, causal, window, self.tiles.rows if narrow else 64,
                         self.tiles.keys if narrow else 64)
        self.out, self.dq = poisoned(rows, heads * size, type=type), poisoned(rows, heads * size, type=type)
        self.dk, self.dv = (poisoned(rows, key_heads * size, type=type) for _ in range(2))
        self.lse, self.delta = (poisoned(heads, self.plan.padded, type=torch.float32) for _ in range(2))

    def forward(self, change=None):
        plan, common = self.plan, (self.heads, self.key_heads, self.plan.padded, self.scale)
        arguments = (self.q, self.k, self.v, self.out, self.lse, plan.query_blocks, plan.ranges, *common)
        grid = (self.heads, plan.query_count)
        if self.type == torch.bfloat16:
            f = module("attention", self.size, change=change).get_function("attention_forward")
            launch(f, grid, 128, self.tiles.forward_bytes, *arguments)
        else:
            f = module("attention_float", self.size).get_function("attention_float_forward")
            launch(f, grid, 256, 0, *arguments)

    def backward_part(self, part):
        plan, common = self.plan, (self.heads, self.key_heads, self.plan.padded, self.scale)
        narrow = self.type == torch.bfloat16
        file = "attention_backward_keys" if part == "keys" else "attention_backward_queries"
        f = module(file if narrow else "attention_float", self.size)
        prefix = "attention_" if narrow else "attention_float_"
        grid, threads = (self.heads, plan.query_count), 128 if narrow else 256
        inputs = (self.q, self.k, self.v, self.dout, self.lse, self.delta)
        if part == "delta" and narrow:
            launch(f.get_function("attention_delta_b"), grid, threads, 0, self.out, self.dout, self.delta, None,
                   plan.query_blocks, self.heads, plan.padded)
        elif part == "delta":
            launch(f.get_function("attention_float_delta"), grid, threads, 0, self.out, self.dout, self.delta,
                   plan.query_blocks, self.heads, plan.padded)
        elif part == "queries":
            launch(f.get_function(prefix + "backward_queries"), grid, threads, self.tiles.query_bytes if narrow else 0,
                   *inputs, self.dq, plan.query_blocks, plan.ranges, *common)
        else:
            launch(f.get_function(prefix + "backward_keys"), (self.key_heads, plan.key_count),
                   self.tiles.key_threads if narrow else 256, self.tiles.key_bytes if narrow else 0, *inputs, self.dk,
                   self.dv, plan.key_blocks, plan.ranges, *common)

    def backward(self):
        for part in ("delta", "queries", "keys"):
            self.backward_part(part)

    def split(self, tensor, heads):
        return tensor.view(self.sequences, self.length, heads, self.size).transpose(1, 2)

    def check(self):
        """Largest relative error of out, dq, dk, dv in the last sequence; whether two runs give the same bytes."""
        self.forward()
        self.backward()
        torch.cuda.synchronize()
        rows = slice((self.sequences - 1) * self.length, None)
        errors = []
        group = self.heads // self.key_heads
        seen = torch.zeros(self.length, self.length, dtype=torch.bool, device="cuda")
        column = torch.arange(self.length, device="cuda")
        first, last = torch.tensor(self.plan.first).cuda(), torch.tensor(self.plan.last).cuda()
        seen |= (column >= first[:, None]) & (column < last[:, None])
        accurate = torch.float32 if self.type == torch.bfloat16 else torch.float64
        for key_head in range(self.key_heads):
            for head in range(key_head * group, (key_head + 1) * group):
                cut = lambda x, h: x[rows, h * self.size:(h + 1) * self.size].to(accurate)
                q, k, v = cut(self.q, head), cut(self.k, key_head), cut(self.v, key_head)
                dout = cut(self.dout, head)
                p = (q @ k.T * self.scale).masked_fill(~seen, float("-inf")).softmax(-1)
                dp = dout @ v.T
                ds = p * (dp - (p * dp).sum(-1, keepdim=True))
                new = (ds.T @ q * self.scale, p.T @ dout)
                sums = new if head == key_head * group else (sums[0] + new[0], sums[1] + new[1])
                errors.append(("out", relative(cut(self.out, head), p @ v)))
                errors.append(("dq", relative(cut(self.dq, head), ds @ k * self.scale)))
            errors.append(("dk", relative(cut(self.dk, key_head), sums[0])))
            errors.append(("dv", relative(cut(self.dv, key_head), sums[1])))
        largest = {}
        for what, error in errors:
            largest[what] = error if error != error else max(largest.get(what, 0), error)
        whole = all(bool(torch.isfinite(x).all()) for x in (self.out, self.dq, self.dk, self.dv))
        before = [x.clone() for x in (self.out, self.dq, self.dk, self.dv)]
        self.forward()
        self.backward()
        same = all(torch.equal(a, b) for a, b in zip(before, (self.out, self.dq, self.dk, self.dv)))
        limit = {"out": 1e-2, "dq": 2e-2, "dk": 2e-2, "dv": 2e-2}
        if self.type == torch.float32:
            limit = {"out": 1e-5, "dq": 1e-4, "dk": 1e-4, "dv": 1e-4}
        good = whole and same and all(largest[what] <= limit[what] for what in limit)
        text = " ".join(f"{what} {error:.1e}" for what, error in largest.items())
        return f"{'ok   ' if good else 'WRONG'} {text}{'' if whole else ' NOT ALL WRITTEN'}{'' if same else ' NOT REPEATED'}"

    def torch_times(self):
        q, k, v = (self.split(x, h).contiguous().requires_grad_() for x, h in
                   ((self.q, self.heads), (self.k, self.key_heads), (self.v, self.key_heads)))
        dout = self.split(self.dout, self.heads).contiguous()
        call = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, scale=self.scale,
                                                      enable_gqa=self.heads != self.key_heads)
        with torch.no_grad():
            forward = milliseconds(call)

        def both():
            q.grad = k.grad = v.grad = None
            call().backward(dout)
        return forward, milliseconds(both, graphed=False) - forward

    def run(self):
        print(f"{self.name}: {self.check()}", flush=True)
        operations = 4 * self.plan.pairs * self.heads * self.size
        forward = milliseconds(self.forward)
        parts = [milliseconds(lambda: self.backward_part(part)) for part in ("delta", "queries", "keys")]
        backward = milliseconds(self.backward)
        rate = lambda ms, factor: operations * factor / ms / 1e9
        line = (f"{self.name:<22} forward {forward:7.3f} ms {rate(forward, 1):5.0f} TF  backward {backward:7.3f} ms "
                f"{rate(backward, 2.5):5.0f} TF (delta {parts[0]:.3f} queries {parts[1]:.3f} keys {parts[2]:.3f})")
        table.append(line)
        try:
            a, b = self.torch_times()
            note = " (torch without the window)" if self.window else ""
            table[-1] += f"  torch {a:.3f} / {b:.3f}{note}"
        except Exception as error:
            table[-1] += f"  torch: {type(error).__name__}"
        print(table[-1], flush=True)
