"""Writes Tests/CarinaTests/Goldens/evaluation: what the reference scorers say about a set of awkward answers.

Needs sacrebleu, pycocoevalcap (with its Java tokenizer), rouge_score and nltk. Run it from anywhere:
    python make_score_goldens.py
The metrics without a packaged reference (hf-bleu, the VQA, SQuAD and LLaVA-Med ones) are computed here from their
definitions, in another way than the engine does it.
"""

import json
import math
import pathlib
import random
import re
import string
import subprocess
import tempfile
from collections import Counter

import pycocoevalcap.tokenizer.ptbtokenizer as ptb
import sacrebleu
from nltk.stem.porter import PorterStemmer
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge
from rouge_score import rouge_scorer, tokenize
from sacrebleu.metrics import BLEU

OUT = pathlib.Path(__file__).resolve().parent.parent / "CarinaTests" / "Goldens" / "evaluation"

# prediction, references, answer type
FIXTURES = [
    ("The heart is normal in size.", ["The heart is normal in size."], None),
    ("", ["No acute cardiopulmonary abnormality."], None),
    ("no no no no no effusion", ["No pleural effusion."], "OPEN"),
    ("Heart size normal.", ["The heart size is within normal limits, without pleural effusion or pneumothorax."], None),
    ("There is a large right pleural effusion with adjacent atelectasis and a small left effusion.", ["Right effusion."], None),
    ("one two three four", ["one two three", "one two three four five"], None),
    ("a b c d e", ["a b c d", "a b c d e f", "f e d c b a"], None),
    ("A 1.5 cm nodule at T1-2, 3,000 mL.", ["a 1.5 cm nodule in T1-2; 3,000 mL drained"], None),
    ("Right-sided PICC line -- tip in the SVC", ["right sided PICC line with its tip in SVC", "PICC line on the right"], None),
    ("___ year old man with ___ effusion", ["___-year-old man with effusion"], None),
    ("The patient's heart isn't enlarged; can't see the lungs'.", ["patient's heart is not enlarged, the lungs cannot be seen"], None),
    ("CARDIOMEGALY WITH EDEMA", ["Cardiomegaly with edema."], "OPEN"),
    ("naïve œdème ≥5 µm “sign” – café", ["naive oedeme >5 um \"sign\" - cafe", "naïve œdème ≥5 µm “sign” – café"], None),
    ("Yes", ["yes"], "CLOSED"),
    ("Yes, there is an effusion.", ["yes"], "CLOSED"),
    ("no.", ["No"], "CLOSED"),
    ("normal", ["no"], "CLOSED"),
    ("The lung is normal", ["Lung"], "CLOSED"),
    ("yes and no", ["no"], "CLOSED"),
    ("left", ["the left"], "CLOSED"),
    ("", ["yes"], "CLOSED"),
    ("Unknown", ["no"], "CLOSED "),
    ("the right upper lobe", ["right upper lobe"], "OPEN"),
    ("lobe lobe lobe", ["right upper lobe"], "OPEN"),
    ("right lobe, upper", ["right upper lobe", "upper lobe of right lung"], "OPEN"),
    ("three", ["3"], "OPEN"),
    ("X-ray", ["x ray"], "OPEN"),
    ("1,000 mL", ["1000 ml"], "OPEN"),
    ("isnt it", ["isn't it"], "OPEN"),
    ("a", ["the"], "OPEN"),
    ("No. 3 rib; vs. no. 4 (see fig. 2)", ["no. 3 rib vs. no 4 (fig 2)"], None),
    ("line one\nline two ends\n\nlines three", ["line two ends\nline one begins", "three lines"], None),
    ("first sentence\nsecond sentence", ["second sentence\nfirst sentence\nsecond sentence"], None),
    ("connecting conditional relational hopefulness radiology densities", ["connected condition relate hopeful radiological density"], None),
    ("lungs are clear", ["Lungs are clear, & no effusion &amp; no edema <skipped>"], None),
    ("tip.", ["tip-\nof catheter", "tip"], None),
]

TOKEN_LINES = [
    "U.S. trial, e.g. in 5.5 mm. T2.", "a.m. or p.m.; vs. 3.", "1 1/2 cm, ½ inch, 3-1/2", "cannot, don't, won't, they're, dogs'",
    "(2010) [see] {x} <unk>", "L. lower lobe. R. upper lobe. The end.", "w/o contrast w/ contrast and/or s/p CABG",
    "1.5cm x 2.0cm, 5mm, 10x12", "-5 +3 5-10 10:30 12/10/2019", "...  . . . wait.. what?! !!", "approx. 3 cm. dept. st. No. No. 3",
    "size.No edema;x,y a:b 5:x", "x_y __ ___ _a", "AT&T a&b R&D &lt;5 &amp;", "50% #2 $5 5°C ±2 ≥3 μg cm²", "“curly” ‘single’ it’s – —",
    "https://example.org/a?b=1, x", "T12-L1/2 C5/6 a/b/c/d 2.5/day", "'90s 'tis O'Brien d'Angelo", "PA. view, AP view. LA. ill. Ill.",
    "x\u00a0y z\u200bw so\u00adft", "end.", "yes", "No",
]  # fmt: skip

NUMBERS = {"none": "0", "zero": "0"} | {
    word: str(number) for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
}


def vqa(answer):
    """The official VQA normalisation; of its contractions only those that the fixtures need."""
    answer = answer.replace("\n", " ").replace("\t", " ").strip()
    comma = re.search(r"\d,\d", answer) is not None
    spaced = answer
    for mark in ';/[]"{}()=+\\_-><@`,?!':
        gone = comma or f"{mark} " in answer or f" {mark}" in answer
        spaced = spaced.replace(mark, "" if gone else " ")
    words = re.sub(r"\.(?!\d)", "", spaced).lower().split()
    words = [NUMBERS.get(word, word) for word in words]
    return " ".join({"isnt": "isn't"}.get(word, word) for word in words if word not in ("a", "an", "the"))


def squad_f1(prediction, reference):
    def words(text):
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    said, wanted = words(prediction), words(reference)
    if not said or not wanted:
        return float(said == wanted)
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted))


def strict(prediction, references):
    prediction = vqa(prediction)
    for reference in map(vqa, references):
        if prediction == reference:
            return 1.0
        if reference in ("yes", "no") and re.match(rf"{reference}(?![\w'])", prediction):
            return 1.0
    return 0.0


def llavamed_closed(prediction, references):
    prediction = vqa(prediction)
    if "yes" not in prediction and "no" not in prediction:
        return 0.0
    return float(any(vqa(reference).replace(",", "") in prediction for reference in references))


def llavamed_open(prediction, reference):
    said, wanted = Counter(vqa(prediction).split()), Counter(vqa(reference).split())
    hits = sum(count for word, count in said.items() if word in wanted)
    misses = sum(count for word, count in wanted.items() if word not in said)
    return hits / (hits + misses) if hits else 0.0


def hf_bleu(predictions, references):
    tok = sacrebleu.tokenizers.tokenizer_13a.Tokenizer13a()
    hypotheses = [tok(text).split() for text in predictions]
    targets = [[tok(text).split() for text in texts] for texts in references]

    def grams(words, n):
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    total = 0.0
    for n in range(1, 5):
        match = sum(
            sum((grams(h, n) & Counter({g: max(grams(t, n)[g] for t in ts) for t in ts for g in grams(t, n)})).values())
            for h, ts in zip(hypotheses, targets)
        )
        possible = sum(max(0, len(h) - n + 1) for h in hypotheses)
        if not match or not possible:
            return 0.0
        total += math.log(match / possible) / 4
    length = sum(map(len, hypotheses))
    reference_length = sum(min(map(len, ts)) for ts in targets)
    return math.exp(total + min(0.0, 1 - reference_length / length))


def java_captions(texts):
    """The COCO evaluation's tokenizer, each text between empty lines so that no neighbour decides its sentence end."""
    jar = pathlib.Path(ptb.__file__).parent / ptb.STANFORD_CORENLP_3_4_1_JAR
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\n\n".join(text.replace("\n", " ") for text in texts) + "\n")
        file.flush()
        command = ["java", "-cp", jar, "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", file.name]
        output = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    lines = output.split("\n")[: 2 * len(texts) : 2]
    return [" ".join(word for word in line.rstrip().split(" ") if word not in ptb.PUNCTUATIONS) for line in lines]


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def corpus_scores(items):
    predictions = [item[0] for item in items]
    references = [item[1] for item in items]
    scores = {}
    flat = predictions + [text for texts in references for text in texts]
    captions = dict(zip(flat, java_captions(flat)))
    tokenized = {i: [captions[p]] for i, p in enumerate(predictions)}, {
        i: [captions[r] for r in rs] for i, rs in enumerate(references)
    }
    raw = {i: [p] for i, p in enumerate(predictions)}, dict(enumerate(references))
    for name, (hypothesis, targets) in {"bleu-coco": tokenized, "bleu-coco-raw": raw}.items():
        for n, value in enumerate(Bleu(4).compute_score(targets, hypothesis, verbose=0)[0], 1):
            scores[f"{name}-{n}"] = value
    scores["rougeL-coco"] = float(Rouge().compute_score(tokenized[1], tokenized[0])[0])
    streams = [[rs[k] if k < len(rs) else None for rs in references] for k in range(max(map(len, references)))]
    scores["sacrebleu"] = BLEU().corpus_score(predictions, streams).score
    scores["hf-bleu"] = hf_bleu(predictions, references)
    for stem in (False, True):
        kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
        scorer = rouge_scorer.RougeScorer(kinds, use_stemmer=stem)
        results = [scorer.score_multi(rs, p) for p, rs in zip(predictions, references)]
        for kind in kinds:
            scores[f"{kind}-google" + ("-stem" if stem else "")] = mean(float(r[kind].fmeasure) for r in results)
    types = [(item[2] or "").strip() for item in items]
    rows = list(zip(predictions, references, types))
    scores["exact-match"] = mean(float(vqa(p) in map(vqa, rs)) for p, rs, _ in rows)
    scores["exact-match-open"] = mean(float(vqa(p) in map(vqa, rs)) for p, rs, t in rows if t == "OPEN")
    scores["token-f1"] = mean(max(squad_f1(p, r) for r in rs) for p, rs, _ in rows)
    scores["closed-accuracy"] = scores["closed@type"] = mean(strict(p, rs) for p, rs, t in rows if t == "CLOSED")
    scores["closed@yesno"] = mean(strict(p, rs) for p, rs, _ in rows if vqa(rs[0]) in ("yes", "no"))
    closed = mean(llavamed_closed(p, rs) for p, rs, t in rows if t == "CLOSED")
    opened = mean(max(llavamed_open(p, r) for r in rs) for p, rs, t in rows if t == "OPEN")
    scores["closed-llavamed"] = None if closed is None else 100 * closed
    scores["open-llavamed"] = None if opened is None else 100 * opened
    return {name: value for name, value in scores.items() if value is not None}


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    sets = {"all": list(range(len(FIXTURES))), "empty": [1, 20], "short": [13, 14, 15, 22], "one": [3], "two-empty": [1]}
    sets |= {f"only-{i}": [i] for i in (0, 2, 4, 5, 6, 7, 8, 10, 12, 30, 31, 32, 33, 34, 35)}
    shuffled = random.Random(7)
    sets |= {f"draw-{k}": [shuffled.randrange(len(FIXTURES)) for _ in range(20)] for k in range(4)}
    write(
        "scores.json",
        {
            "answers": [
                {"id": str(i), "prediction": p, "references": rs} | ({"answer_type": t} if t else {})
                for i, (p, rs, t) in enumerate(FIXTURES)
            ],
            "sets": [
                {"name": name, "answers": rows, "scores": corpus_scores([FIXTURES[i] for i in rows])}
                for name, rows in sets.items()
            ],
        },
    )
    lines = TOKEN_LINES + sorted({t for p, rs, _ in FIXTURES for t in [p, *rs] if "\n" not in t})
    thirteen = sacrebleu.tokenizers.tokenizer_13a.Tokenizer13a()
    stemmer = PorterStemmer()
    rows = zip(lines, java_captions(lines))
    write(
        "tokens.json",
        [
            {
                "text": line,
                "ptb": caption,
                "13a": thirteen(line.rstrip()).split(),
                "rouge": tokenize.tokenize(line, None),
                "rouge-stem": tokenize.tokenize(line, stemmer),
            }
            for line, caption in rows
        ],
    )
    write("stems.json", {word: stemmer.stem(word) for word in sorted(set(WORDS.split()))})


# Words that reach every rule of the stemmer, with their neighbours.
WORDS = """
caresses ponies ties dies lies cries flies skies sky caress cats gas bus this pus feed agreed bleed plastered bled motoring
sing spied died tied tried conflated troubled sized hopping tanned falling hissing fizzed failing filing sized rating
happy say enjoy spy fly try by relational conditional rational valency hesitancy digitizer conformably radically vitally
differently vilely analogously vietnamization predication operator feudalism decisiveness hopefulness callousness formality
sensitivity sensibility hopefully usefully geology theology archaeology biology radiology pathologic triplicate formative
formalize electricity electrical hopeful goodness revival allowance inference airliner gyroscopic adjustable defensible
irritant replacement adjustment dependent adoption homologous communism activate angularity effective bowdlerize probate rate
cease controlling rolling rolled control enlarged enlargement cardiomegaly effusions effusion pneumothoraces opacities
opacity consolidation consolidated atelectasis bibasilar bilateral bilaterally nodules nodular nodularity interstitial
vascular vasculature congestion congestive mediastinal mediastinum cardiac silhouette degenerative degeneration thoracic
calcified calcification granulomatous emphysematous hyperinflation hyperinflated unremarkable markings prominence prominent
yyyy syzygy toy yes eye ay xylophone proceed exceed succeed innings outing canning howe news dying lying tying 1990s t12 l1s
mm3 aeiou ied eed ing ed bing used being seen ion lion million vision fusion fullness illness wellness bills ally rally
generally orally skully equally annually
"""

if __name__ == "__main__":
    main()
