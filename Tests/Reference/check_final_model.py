"""Opens a joined model in transformers and compares it with what Carina said of the same questions.

usage: check_final_model.py FINAL_MODEL SHARD_DIRECTORY PREDICTIONS.jsonl [COUNT=64]
PREDICTIONS comes from `evaluate --likelihood --precision fp32`. Compared: the negative log likelihood of each reference (to 1e-4
relative, of 0.1 where it is smaller) and the greedy answer (equal). needs: torch transformers h5py numpy
"""
import glob, json, os, sys
import h5py, numpy as np, torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, Gemma3ForCausalLM, SiglipVisionModel

final, shards, predictions = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 64
manifest = json.load(open(f"{final}/carina.json"))


def part(name):
    entry = manifest["parts"][name]
    return entry["reference"]["path"] if entry.get("reference") else f"{final}/{name}"


vision = SiglipVisionModel.from_pretrained(part("vision_encoder"), dtype=torch.float32).eval()
language = Gemma3ForCausalLM.from_pretrained(part("language_model"), dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(final)
weights = load_file(f"{part('projection_layer')}/model.safetensors")
projector = torch.nn.Sequential(
    torch.nn.Linear(*reversed(weights["model.0.weight"].shape)), torch.nn.GELU(),
    torch.nn.Linear(*reversed(weights["model.2.weight"].shape)))
projector.load_state_dict({key.removeprefix("model."): value for key, value in weights.items()})
stop = {tokenizer.convert_tokens_to_ids(t) for t in ("<eos>", "<end_of_turn>")}

pixels, offset = {}, 0
for path in sorted(glob.glob(f"{shards}/*.h5")):
    with h5py.File(path) as shard:
        rows, images = shard["samples/image"][:], shard["images/pixels"][:]
        names = np.split(shard["samples/id/bytes"][:], shard["samples/id/offsets"][1:-1])
        for identifier, row in zip((bytes(name).decode() for name in names), rows):
            pixels[identifier] = images[row]


def ids(text):
    return tokenizer(text, add_special_tokens=False).input_ids


worst, different = 0.0, 0
lines = [json.loads(line) for line in open(predictions)][:count]
with torch.no_grad():
    for line in lines:
        image = torch.tensor(pixels[line["id"]].astype(np.float32)) / 255
        image = ((image - 0.5) / 0.5)[None, None].expand(1, 3, -1, -1)
        rows = projector(vision(pixel_values=image).last_hidden_state)
        bos = [tokenizer.convert_tokens_to_ids("<bos>")]
        before = bos + ids("<start_of_turn>user\n")
        middle = ids(line["question"].strip() + "<end_of_turn>\n<start_of_turn>model\n")
        answer = ids(line.get("reference") or line["references"][0]) + ids("<end_of_turn>")
        embed = language.get_input_embeddings()
        prompt = torch.cat([embed(torch.tensor([before])), rows, embed(torch.tensor([middle]))], 1)
        full = torch.cat([prompt, embed(torch.tensor([answer]))], 1)
        logits = language(inputs_embeds=full).logits[0, prompt.shape[1] - 1 : -1]
        nll = torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum").item()
        worst = max(worst, abs(nll - line["nll"]) / max(abs(nll), 0.1))
        made, x = [], prompt
        while len(made) < 128:
            token = language(inputs_embeds=x).logits[0, -1].argmax().item()
            if token in stop:
                break
            made.append(token)
            x = torch.cat([x, embed(torch.tensor([[token]]))], 1)
        different += tokenizer.decode(made) != line["prediction"]
print(f"{len(lines)} questions: largest relative difference of likelihoods {worst:.2e}, {different} different answers")
sys.exit(0 if worst < 1e-4 and different == 0 else 1)
