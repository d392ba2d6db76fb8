#!/usr/bin/env python3
"""Makes Tests/Fixtures/scoring/texts.jsonl: pairs of texts with what the reference packages score them.

SQuAD's exact match and F1 are those of TorchMetrics, whose functions are the official script's; ROUGE-L is that of
Google's rouge_score. Needs the packages of scripts/requirements-fixtures.txt. Run from the root of the repository.
"""

import importlib
import importlib.metadata
import json
import pathlib
import random

from rouge_score import rouge_scorer

squad = importlib.import_module("torchmetrics.functional.text.squad")

PAIRS = [
    ("", ""),
    ("", "answer"),
    ("the", ""),
    ("The", "a an the"),
    ("The Cat.", "cat"),
    ("Theatre of the absurd", "theatre absurd"),
    ("a-b c", "ab c"),
    ("a,b", "ab"),
    ("well-known (facts)", "wellknown facts"),
    ("U.S.A.", "usa"),
    ("It's 5,000 km!", "its 5000 km"),
    ("tabs\tand\nlines\u00a0here", "tabs and lines here"),
    ("“Quoted” the – dash", "quoted dash"),
    ("“the” cat", "“ ” cat"),
    ("Größe ÄÖÜ straße", "größe äöü straße"),
    ("naïve café", "cafe naive"),
    ("日本語 の テスト", "日本語 テスト"),
    ("٣ apples", "3 apples"),
    ("x² the y", "x² y"),
    ("snake_case name", "snakecase name"),
    ("the the the cat", "cat cat"),
    ("one two three four", "four three two one"),
    ("the quick brown fox jumps over the lazy dog", "the lazy dog was jumped over by a quick brown fox"),
    ("running runs ran", "run running"),
    ("{\"a\": 1, \"b\": [2, 3]}", "{\"b\": [2, 3], \"a\": 1}"),
    ("torch.hub.load('pytorch/vision', 'vgg11')", "torch.hub.load('pytorch/vision', 'vgg11_bn')"),
    ("emoji 👩‍👩‍👧 end", "emoji end"),
    ("zero\u200bwidth an\u00adhyphen", "zero width hyphen"),
    ("line\x1cseparator", "line separator"),
    ("K degrees", "k degrees"),
]
WORDS = "the a an of cat dog runs fast, slow. in Paris? (today) 12 12.5 - and/or the-end A THE An's".split()


def main() -> None:
    random.seed(6)
    pairs = list(PAIRS)
    for _ in range(60):
        pairs.append(tuple(" ".join(random.choices(WORDS, k=random.randrange(0, 14))) for _ in range(2)))
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    lines = []
    for answer, reference in pairs:
        lines.append({
            "answer": answer,
            "reference": reference,
            "normalized": squad._normalize_text(answer),
            "exact_match": float(squad._compute_exact_match_score(answer, reference)),
            "token_f1": float(squad._compute_f1_score(answer, reference)),
            "rouge_l": scorer.score(reference, answer)["rougeL"].fmeasure,
        })
    path = pathlib.Path("Tests/Fixtures/scoring/texts.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf8")
    versions = {name: importlib.metadata.version(name) for name in ("torchmetrics", "rouge-score", "torch")}
    print(f"{path}: {len(lines)} pairs, {versions}")


if __name__ == "__main__":
    main()
