"""Times a training step of adapters in transformers and PEFT on the decoder that `bench steps --work lora` times: rank 16 on every linear layer, rows of an
image given, loss on the last three quarters of the text.

usage: peft_peer.py DECODER_DIR [--image-rows 576] [--text-tokens 16] [--runs 3]     environment: DTYPE=bf16|fp32 THREADS=2

DECODER_DIR is a Gemma3ForCausalLM in Hugging Face layout; random weights do. Logits are formed at the supervised positions only. Prints
"lora step median X s" and "peak RSS GiB X"; beside_pytorch.py --work lora calls it by turns with Carina."""
import argparse, os, resource, statistics, time
import torch
from peft import LoraConfig, get_peft_model
from transformers import Gemma3ForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("decoder")
parser.add_argument("--image-rows", type=int, default=576)
parser.add_argument("--text-tokens", type=int, default=16)
parser.add_argument("--runs", type=int, default=3)
asked = parser.parse_args()
torch.set_num_threads(int(os.environ.get("THREADS", "2")))
torch.manual_seed(0)
dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[os.environ.get("DTYPE", "bf16")]
model = Gemma3ForCausalLM.from_pretrained(asked.decoder, dtype=dtype).requires_grad_(False)
adapted = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"))
adapted.train()
trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4)
image = torch.randn(1, asked.image_rows, model.config.hidden_size, dtype=dtype) * 0.02
text = torch.randint(3, model.config.vocab_size - 1000, (1, asked.text_tokens))
supervised = asked.text_tokens - asked.text_tokens // 4


def step():
    rows = torch.cat([image, model.get_input_embeddings()(text)], 1)
    hidden = model.model(inputs_embeds=rows).last_hidden_state[0, -supervised - 1:-1]
    torch.nn.functional.cross_entropy(model.lm_head(hidden).float(), text[0, -supervised:]).backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()


seconds = []
for run in range(asked.runs + 1):
    start = time.perf_counter()
    step()
    if run > 0:
        seconds.append(time.perf_counter() - start)
print(f"lora step {dtype}: median {statistics.median(seconds):.3f} s, {sum(parameter.numel() for parameter in trained)} trained")
print("peak RSS GiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
