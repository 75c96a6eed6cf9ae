"""Reads a run's offline run of Weights & Biases with wandb's own DataStore and protobufs and compares it with the run's log.
usage: check_wandb.py RUN      needs: pip install "wandb==0.19.11", the last line with DataStore in Python"""
import glob, json, sys
import wandb
from wandb.proto import wandb_internal_pb2 as pb
from wandb.sdk.internal import datastore

wandb._assert_is_internal_process = True
run = sys.argv[1]
[path] = glob.glob(run + "/wandb/offline-run-*/run-*.wandb")
store = datastore.DataStore(); store.open_for_scan(path)
records = []
while (data := store.scan_data()) is not None:
    record = pb.Record(); record.ParseFromString(data); records.append(record)
assert [record.num for record in records] == list(range(1, len(records) + 1))
kinds = [record.WhichOneof("record_type") for record in records]
assert kinds[:3] == ["header", "run", "files"], kinds[:3]
identity = records[1].run
assert path.endswith(f"run-{identity.run_id}.wandb")
config = {entry.key: json.loads(entry.value_json) for entry in identity.config.update}
assert config == json.load(open(run + "/run.json"))["configuration"]
log = [json.loads(line) for line in open(run + "/train_log.jsonl")]
history = [record.history for record in records if record.HasField("history")]
assert len(history) == len(log), (len(history), len(log))
names = {"train/loss": "loss", "train/learning_rate": "learning_rate", "train/gradient_norm": "grad_norm", "validation/loss": "validation_loss",
         "validation/loss_shuffled": "validation_loss_shuffled", "validation/loss_blank": "validation_loss_blank",
         "validation/image_gap": "image_gap", "validation/closed_accuracy": "closed_accuracy"}
for entry, line in zip(history, log):
    values = {"/".join(item.nested_key): json.loads(item.value_json) for item in entry.item}
    assert entry.step.num == line["step"] == values["_step"]
    for name, key in names.items(): assert values.get(name) == line.get(key), (name, values.get(name), line.get(key))
summary = json.load(open(path.rsplit("/", 1)[0] + "/files/wandb-summary.json"))
assert summary["_step"] == log[-1]["step"]
print(path, "project", identity.project, "name", identity.display_name, len(history), "lines equal to the log; ends with", kinds[-1])
