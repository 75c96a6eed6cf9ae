"""Writes Tests/CarinaTests/Goldens/training/tensorboard-events.json: frames that TensorBoard's own writer makes, as hexadecimal text.
usage: make_tensorboard_goldens.py      needs: pip install tensorboard"""
import io, json, pathlib
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary.writer.record_writer import RecordWriter

def frame(event):
    out = io.BytesIO(); out.flush = lambda: None
    RecordWriter(out).write(event.SerializeToString()); return out.getvalue().hex()

events = [(3, 1764140000.25, [("train/loss", 2.5), ("train/learning_rate", 1e-5)]), (70000, 1764140001.5, [("validation/loss", 0.1)])]
document = {"file_version": {"time": 1764140000.0, "frame": frame(Event(wall_time=1764140000.0, file_version="brain.Event:2"))}, "events": [
    {"step": step, "time": time, "scalars": dict(scalars),
     "frame": frame(Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in scalars])))}
    for step, time, scalars in events]}
# As PyTorch's SummaryWriter has them in add_text and add_image: a 2 × 1 picture in grey and one in colour.
def text(tag, text):
    return Summary.Value(tag=tag + "/text_summary", metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")), tensor=TensorProto(
        dtype="DT_STRING", string_val=[text.encode()], tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])))
def picture(tag, png, channels):
    return Summary.Value(tag=tag, image=Summary.Image(height=1, width=2, colorspace=channels, encoded_image_string=png))
def png(mode):
    import PIL.Image
    out = io.BytesIO(); PIL.Image.new(mode, (2, 1)).save(out, "png"); return out.getvalue()
pictures = {"validation/a": (png("L"), 1), "validation/b": (png("RGB"), 3)}
texts = {"validation/a": "**question** Is it?\n\n**answer** Ja, grüß Gott"}
document["pictures"] = {"step": 9, "time": 1764140002.5, "texts": texts, "images": {tag: data.hex() for tag, (data, _) in pictures.items()},
    "frame": frame(Event(wall_time=1764140002.5, step=9, summary=Summary(
        value=[text(*entry) for entry in texts.items()] + [picture(tag, *entry) for tag, entry in pictures.items()])))}
path = pathlib.Path(__file__).parent.parent / "CarinaTests/Goldens/training/tensorboard-events.json"
path.write_text(json.dumps(document, indent=1) + "\n")
