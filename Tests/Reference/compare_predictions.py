"""Compares two predictions.jsonl of the same questions, or counts one's exact answers by question type.

usage: compare_predictions.py ONE.jsonl [OTHER.jsonl]
With two (from `evaluate --likelihood`): the part of equal answers and the ratio of the summed negative log likelihoods, the second's over
the first's. With one: exact answers (case ignored) for each answer and question type. Needs Python alone.
"""
import collections, json, sys


def read(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


one = read(sys.argv[1])
if not one:
    sys.exit(f"{sys.argv[1]} holds no predictions")
if len(sys.argv) > 2:
    other = read(sys.argv[2])
    if [line["id"] for line in one] != [line["id"] for line in other]:
        sys.exit("the two files are not about the same questions in the same order")
    equal = sum(left["prediction"] == right["prediction"] for left, right in zip(one, other))
    print(f"{len(one)} questions, equal answers {equal / len(one):.4f}")
    if all("nll" in line for line in one + other):
        print(f"ratio of the losses {sum(line['nll'] for line in other) / sum(line['nll'] for line in one):.4f}")
else:
    kinds = collections.defaultdict(lambda: [0, 0])
    for line in one:
        kind = kinds[line["answer_type"], line.get("question_type") or ""]
        kind[0] += line["prediction"].strip().lower() == line["reference"].strip().lower()
        kind[1] += 1
    for (answer, question), (right, count) in sorted(kinds.items()):
        print(f"{answer:8} {question:24} {right / count:.3f}  {right} of {count}")
