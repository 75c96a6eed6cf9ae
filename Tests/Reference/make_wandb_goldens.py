"""Writes Tests/CarinaTests/Goldens/training/wandb-records.json: records and frames of a .wandb file that wandb's own protobufs and DataStore make, as
hexadecimal text.
usage: make_wandb_goldens.py      needs: pip install "wandb==0.19.11", the last line with DataStore in Python"""
import hashlib, json, pathlib, tempfile
import wandb
from wandb.proto import wandb_internal_pb2 as pb
from wandb.sdk.internal import datastore
from google.protobuf.timestamp_pb2 import Timestamp

wandb._assert_is_internal_process = True

def item(kind, key, value, nested):
    entry = kind(value_json=value)
    if nested: entry.nested_key.append(key)
    else: entry.key = key
    return entry

run = pb.Record(num=2, run=pb.RunRecord(run_id="0a1b2c3d", project="chest", display_name="stage2", start_time=Timestamp(seconds=1764140000, nanos=250000000)))
run.run.config.update.extend([item(pb.ConfigItem, "seed", '"5"', False), item(pb.ConfigItem, "settings", '{"batch_size": 2}', False)])
history = pb.Record(num=4, history=pb.HistoryRecord(step=pb.HistoryStep(num=70000)))
values = [("train/loss", "2.5"), ("_step", "70000")]
history.history.item.extend(item(pb.HistoryItem, key, value, True) for key, value in values)
summary = pb.Record(num=5)
summary.summary.update.extend(item(pb.SummaryItem, key, value, True) for key, value in values)
files = pb.Record(num=3, files=pb.FilesRecord(files=[pb.FilesItem(path="wandb-metadata.json", type=pb.FilesItem.WANDB)]))
ends = {"done": pb.Record(num=6, exit=pb.RunExitRecord(exit_code=0, runtime=12)), "stopped": pb.Record(num=6, exit=pb.RunExitRecord(exit_code=75, runtime=12))}

# Lengths that fill a block, leave no room for a frame's head, and span three blocks.
lengths = [5, 32768 - 7 - 7 - 5 - 7 - 3, 10, 70000, 1, 32768]
with tempfile.TemporaryDirectory() as directory:
    path = directory + "/run.wandb"
    store = datastore.DataStore(); store.open_for_write(path)
    for number, length in enumerate(lengths): store._write_data(bytes((number * 31 + index) % 251 for index in range(length)))
    store.close()
    frames = open(path, "rb").read()

document = {
    "run": run.SerializeToString().hex(), "history": history.SerializeToString().hex(), "summary": summary.SerializeToString().hex(),
    "files": files.SerializeToString().hex(), "exit": {name: record.SerializeToString().hex() for name, record in ends.items()},
    "frames": {"lengths": lengths, "bytes": len(frames), "sha256": hashlib.sha256(frames).hexdigest(), "beginning": frames[:19].hex()}}
path = pathlib.Path(__file__).parent.parent / "CarinaTests/Goldens/training/wandb-records.json"
path.write_text(json.dumps(document, indent=1) + "\n")
