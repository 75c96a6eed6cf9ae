"""Reads a run's TensorBoard events with TensorBoard's own reader and compares them with the run's log.
usage: check_tensorboard.py RUN      needs: pip install tensorboard"""
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = sys.argv[1]
events = EventAccumulator(run + "/tensorboard"); events.Reload()
log = [json.loads(line) for line in open(run + "/train_log.jsonl")]
for tag, key in [("train/loss", "loss"), ("train/learning_rate", "learning_rate"), ("train/gradient_norm", "grad_norm"), ("validation/loss", "validation_loss"),
                 ("validation/loss_shuffled", "validation_loss_shuffled"), ("validation/loss_blank", "validation_loss_blank"),
                 ("validation/image_gap", "image_gap"), ("validation/closed_accuracy", "closed_accuracy")]:
    expected = [(line["step"], line[key]) for line in log if line.get(key) is not None]
    if not expected and tag not in events.Tags()["scalars"]: continue
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    assert [step for step, _ in found] == [step for step, _ in expected], tag
    assert all(abs(a - b) <= 1e-6 * abs(b) for (_, a), (_, b) in zip(found, expected)), tag
    print(tag, len(found), "steps, equal to the log")
try: answers = [json.loads(line) for line in open(run + "/validation.jsonl")]
except FileNotFoundError: answers = []
for answer in answers:
    tag = "validation/" + answer["id"]
    [found] = [event for event in events.Tensors(tag + "/text_summary") if event.step == answer["step"]]
    shown = found.tensor_proto.string_val[0].decode()
    for text in (answer["question"] or "(a caption)", answer["reference"], answer["answer"]): assert text in shown, (tag, shown)
    [image] = events.Images(tag)
    assert image.encoded_image_string.startswith(b"\x89PNG") and image.width == image.height > 0
if answers: print(len(answers), "answers and their images")
