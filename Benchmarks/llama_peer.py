"""Times llama.cpp on a decoder that `bench steps` times: prefill of random tokens, then decoding, 2 threads.

usage: llama_peer.py CHECKPOINT WORK_DIR bf16|q8_0 [--positions 592] [--tokens 32] [--runs 3]

CHECKPOINT is a Gemma 3 in Hugging Face layout with bf16 weights: a plain decoder, or a joined Gemma3ForConditionalGeneration, whose decoder alone is taken.
WORK_DIR keeps the GGUF files (2.0 and 1.1 GB of a 1B, 7.8 and 4.1 GB of a 4B). Needs llama-cpp-python (which compiles llama.cpp), gguf and numpy.
Prints one line: "prefill X s, Y tok/s, peak RSS GiB Z", medians of the runs after a first one.
beside_pytorch.py --llama DIR and beside_pytorch_multimodal.py --llama DIR call it by turns with Carina."""
import argparse, ctypes, glob, json, os, resource, statistics, struct, time
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("checkpoint")
parser.add_argument("work")
parser.add_argument("kind", choices=["bf16", "q8_0"])
parser.add_argument("--positions", type=int, default=592)
parser.add_argument("--tokens", type=int, default=32)
parser.add_argument("--runs", type=int, default=3)
asked = parser.parse_args()
kind = asked.kind
config = json.load(open(os.path.join(asked.checkpoint, "config.json")))
config = config.get("text_config", config)
target = os.path.join(asked.work, f"{os.path.basename(os.path.normpath(asked.checkpoint))}-{kind}.gguf")
names = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
}


def tensors():
    """Names and bf16 values, as sixteen-bit integers in a mapped file, of a decoder's tensors in safetensors files."""
    for path in sorted(glob.glob(os.path.join(asked.checkpoint, "*.safetensors"))):
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        values = np.memmap(path, np.uint8, "r", 8 + length)
        for name, entry in header.items():
            if name == "__metadata__" or "vision_tower" in name or "multi_modal_projector" in name:
                continue
            assert entry["dtype"] == "BF16", name
            begin, end = entry["data_offsets"]
            yield name, values[begin:end].view(np.uint16).reshape(entry["shape"])


def target_name(name):
    for prefix in ("language_model.", "model.", "language_model."):
        name = name.removeprefix(prefix)
    if name.startswith("embed_tokens"):
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, layer, rest = name.split(".", 2)
    return f"blk.{layer}.{names[rest.removesuffix('.weight')]}.weight"


def write():
    import gguf
    writer = gguf.GGUFWriter(target + ".part", "gemma3")
    writer.add_context_length(4096)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["full_attention"]["rope_theta"])
    if config["rope_parameters"]["full_attention"].get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config["rope_parameters"]["full_attention"]["factor"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    for name, bits in tensors():
        if "lm_head" in name:
            continue
        values = (bits.astype(np.uint32) << 16).view(np.float32)
        if "norm" in name:
            writer.add_tensor(target_name(name), values + 1)
        elif kind == "bf16":
            writer.add_tensor(target_name(name), bits.view(np.uint8).reshape(bits.shape[0], -1), raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(
                target_name(name), gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0),
                raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.rename(target + ".part", target)


if not os.path.exists(target):
    os.makedirs(asked.work, exist_ok=True)
    write()

import llama_cpp

silent = llama_cpp.llama_log_callback(lambda *ignored: None)
llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()
model = llama_cpp.llama_model_load_from_file(target.encode(), llama_cpp.llama_model_default_params())
options = llama_cpp.llama_context_default_params()
options.n_ctx, options.n_batch, options.n_ubatch, options.n_threads, options.n_threads_batch = 1024, 1024, 1024, 2, 2
context = llama_cpp.llama_init_from_model(model, options)
assert model and context, "llama.cpp could not load the model"
prompt = np.random.default_rng(0).integers(10, 262000, asked.positions).astype(np.int32)
vocabulary = config["vocab_size"]


def feed(tokens):
    array = (llama_cpp.llama_token * len(tokens))(*[int(token) for token in tokens])
    assert llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(array, len(tokens))) == 0
    logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, -1), (vocabulary,))
    return int(logits.argmax())


prefill, decode = [], []
for run in range(asked.runs + 1):
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    start = time.perf_counter()
    token = feed(prompt)
    middle = time.perf_counter()
    for _ in range(asked.tokens):
        token = feed([token])
    if run > 0:
        prefill.append(middle - start)
        decode.append((time.perf_counter() - middle) / asked.tokens)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"prefill {statistics.median(prefill):.3f} s, {1 / statistics.median(decode):.2f} tok/s, peak RSS GiB {memory:.2f}")
