"""Writes Tests/CarinaTests/Goldens/training/tensorboard-events.json: frames that TensorBoard's own writer makes, as hexadecimal text.
usage: make_tensorboard_goldens.py      needs: pip install tensorboard"""
import io, json, pathlib
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

def frame(event):
    out = io.BytesIO(); out.flush = lambda: None
    RecordWriter(out).write(event.SerializeToString()); return out.getvalue().hex()

events = [(3, 1764140000.25, [("train/loss", 2.5), ("train/learning_rate", 1e-5)]), (70000, 1764140001.5, [("validation/loss", 0.1)])]
document = {"file_version": {"time": 1764140000.0, "frame": frame(Event(wall_time=1764140000.0, file_version="brain.Event:2"))}, "events": [
    {"step": step, "time": time, "scalars": dict(scalars),
     "frame": frame(Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in scalars])))}
    for step, time, scalars in events]}
path = pathlib.Path(__file__).parent.parent / "CarinaTests/Goldens/training/tensorboard-events.json"
path.write_text(json.dumps(document, indent=1) + "\n")
