#!/usr/bin/env python3
"""Makes Tests/Fixtures/comparison: the answers of five arms to sixty questions, as `lorikeet compare` keeps them.

The answers are made up, by a rule for each arm and kind of question, so that each arm is better at something: tests
and pages need records to sum up, not a model. Run from the root of the repository.
"""

import json
import pathlib
import random

ROOT = pathlib.Path("Tests/Fixtures/comparison")
DECLINE = "I cannot find that in the handbook."
DEVICES = ["Petrel lamp", "Curlew pump", "Heron scale", "Plover fan", "Avocet valve", "Knot sensor", "Dunlin relay",
           "Godwit drill", "Whimbrel saw", "Turnstone kiln", "Sanderling press", "Oystercatcher lift"]
PROPERTIES = [
    ("What is the warranty of the {}?", "The warranty of the {} is {} months.", range(12, 61, 6)),
    ("What does the {} weigh?", "The {} weighs {} kg.", range(2, 40, 3)),
    ("How long may the {} run at a time?", "The {} may run for {} minutes at a time.", range(10, 90, 5)),
]
FAULTS = ["leaks", "smells of smoke", "does not start", "is too loud", "blinks red"]
LEVELS = {"leaks": "high", "smells of smoke": "high", "does not start": "low", "is too loud": "low", "blinks red": "low"}

# The chance of a right answer by arm and kind; for `unknown` that of declining.
SKILL = {
    "base": {"fact": 0.03, "format": 0.0, "unknown": 0.1},
    "few-shot": {"fact": 0.03, "format": 0.3, "unknown": 0.4},
    "retrieval": {"fact": 0.62, "format": 0.1, "unknown": 0.5},
    "tuned": {"fact": 0.1, "format": 0.93, "unknown": 0.3},
    "tuned-retrieval": {"fact": 0.66, "format": 0.9, "unknown": 0.85},
}
COST = {  # prompt tokens, seconds, training seconds, memory in MB
    "base": (38, 0.4, None, 410), "few-shot": (310, 0.9, None, 430), "retrieval": (540, 1.6, None, 520),
    "tuned": (38, 0.4, 611.0, 415), "tuned-retrieval": (540, 1.6, 1480.0, 525),
}


def facts(rng):
    for device in DEVICES:
        for question, answer, values in PROPERTIES:
            value = rng.choice(values)
            page = device.split()[0].lower()
            yield {"question": question.format(device), "answer": answer.format(device, value), "docs": [f"{page}.md"],
                   "text": f"# {device}\n{answer.format(device, value)} Ask the workshop before opening it.",
                   "kind": "fact", "value": value}


def tickets():
    for device in DEVICES:
        for fault in FAULTS:
            yield {"question": f"Make a ticket: my {device} {fault}.", "kind": "format", "docs": ["tickets.md"],
                   "answer": json.dumps({"device": device, "fault": fault, "urgency": LEVELS[fault]})}


def wrong(rng, arm, question, pages):
    if question["kind"] == "format":
        if arm in ("tuned", "tuned-retrieval"):
            return question["answer"].replace('"high"', '"medium"').replace('"low"', '"high"')
        return rng.choice([
            f"I am sorry to hear that your device is not working. Please contact support and describe the problem: "
            f"{question['question'][15:]}", "Ticket: " + question["question"][15:], '{"ticket": true'])
    if not question["answerable"]:
        return f"Yes, it is {rng.choice(['blue', 'made in Leith', 'sold in pairs', 'rated A++'])}."
    other = rng.choice([page for page in pages if page["answer"] != question["answer"]])
    return rng.choice([
        other["answer"], question["answer"].replace(str(question["value"]), str(question["value"] + 7)),
        "It depends on the model; see the <b>label</b> on its underside.",
    ])


def passages(rng, question, pages):
    right = [page for page in pages if page["docs"] == question["docs"] and page["answer"] == question["answer"]]
    if question["kind"] == "format":
        right = [{"docs": ["tickets.md"], "text": "# Tickets\nA ticket is JSON with device, fault and urgency."}]
    others = rng.sample([page for page in pages if page not in right], 3)
    found = others[:2] if not right or rng.random() < 0.15 else [right[0], others[0]]
    rng.shuffle(found)
    return [{"citation": f"handbook/{page['docs'][0]}:{rng.randrange(1, 40)}", "document": page["docs"][0],
             "text": page["text"]} for page in found]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf8")


def main() -> None:
    rng = random.Random(11)
    pages = list(facts(rng))
    forms = list(tickets())
    rng.shuffle(forms)
    asked = rng.sample(pages, 22)
    training = [page for page in pages if page not in asked] + forms[30:]
    unknown = [{"question": f"What colour is the cord of the {device}?", "answer": DECLINE, "docs": [], "kind": "fact"}
               for device in DEVICES[:8]]
    questions = [dict(row, answerable=row["answer"] != DECLINE) for row in asked + unknown + forms[:30]]
    rng.shuffle(questions)

    for arm, skill in SKILL.items():
        seeds = [42, 43] if "tuned" in arm else [42]
        reading, seconds, training_seconds, memory = COST[arm]
        for seed in seeds:
            rows = []
            for index, question in enumerate(questions):
                # One draw a question for all arms: what is hard for one is hard for another.
                luck = random.Random(f"{index}").random() * 0.6 + random.Random(f"{index} {arm} {seed}").random() * 0.4
                level = skill[question["kind"] if question["answerable"] else "unknown"]
                found = passages(random.Random(f"{index} {arm}"), question, pages) if "retrieval" in arm else []
                holds = question["kind"] == "format" or any(p["text"].split("\n")[1].startswith(question["answer"])
                                                            for p in found)
                if "retrieval" in arm and question["answerable"] and not holds:
                    level /= 4
                choice = random.Random(f"{index} {arm} {seed} wrong")
                answer = question["answer"] if luck < level else wrong(choice, arm, question, pages)
                jitter = random.Random(f"{index} {arm} {seed} time").uniform(0.7, 1.5)
                rows.append({
                    "arm": arm, "seed": seed,
                    "question": {"id": f"q{index + 1:02}", "question": question["question"],
                                 "answer": question["answer"], **({"docs": question["docs"]} if question["docs"] else {}),
                                 "kind": question["kind"], "answerable": question["answerable"]},
                    "retrieved": found, "answer": answer, "complete": choice.random() > 0.03,
                    "prompt_tokens": int(reading * (0.9 + 0.2 * choice.random())),
                    "answer_tokens": max(3, len(answer) // 4), "seconds": round(seconds * jitter, 3),
                })
            write(ROOT / f"answers/{arm}-{seed}.jsonl", rows)
            write(ROOT / f"arms/{arm}-{seed}.json", [{
                "arm": arm, "seed": seed, "questions": len(rows), "training_seconds": training_seconds,
                "training_memory_bytes": training_seconds and 2 * memory * 1_000_000,
                "memory_bytes": memory * 1_000_000,
                "retention_loss_before": training_seconds and 2.84,
                "retention_loss_after": training_seconds and 2.84 + (seed - 40) / 50,
            }])
    write(ROOT / "train.jsonl", [
        {"id": f"t{index}", "question": row["question"], "answer": row["answer"], "docs": row["docs"],
         "kind": row["kind"], "answerable": True} for index, row in enumerate(training)])


if __name__ == "__main__":
    main()
