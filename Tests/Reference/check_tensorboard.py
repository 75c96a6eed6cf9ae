"""Reads a run's TensorBoard events with TensorBoard's own reader and compares them with the run's log.
usage: check_tensorboard.py RUN      needs: pip install tensorboard"""
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = sys.argv[1]
events = EventAccumulator(run + "/tensorboard"); events.Reload()
log = [json.loads(line) for line in open(run + "/train_log.jsonl")]
for tag, key in [("train/loss", "loss"), ("train/learning_rate", "learning_rate"), ("train/gradient_norm", "grad_norm"), ("validation/loss", "validation_loss")]:
    expected = [(line["step"], line[key]) for line in log if line.get(key) is not None]
    if not expected and tag not in events.Tags()["scalars"]: continue
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    assert [step for step, _ in found] == [step for step, _ in expected], tag
    assert all(abs(a - b) <= 1e-6 * abs(b) for (_, a), (_, b) in zip(found, expected)), tag
    print(tag, len(found), "steps, equal to the log")
