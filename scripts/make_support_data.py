#!/usr/bin/env python3
"""Writes data/support/{train,valid,test}.jsonl from data/support/phrasings.json.

Every row is a chat: a fixed system prompt, one messy customer message, and the one JSON ticket that
the message determines. docs/data.md states the rules of each field.

    scripts/make_support_data.py            write the three files
    scripts/make_support_data.py --check    exit 1 unless the files are what this would write

Only the standard library is used, and only `random.Random.random()`, whose sequence for a given seed
Python guarantees across versions. So every run on every machine writes the same bytes.
"""

import json
import random
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "data" / "support"
SYSTEM = "Write the ticket."
SEED = 20250611
ROWS = {"train": 600, "valid": 100, "test": 200}

# Shares of the rows; each is a property of the task, not of a split.
SHARE_WITH_ORDER = 0.70
SHARE_REFUND = 0.45  # of the rows whose intent can ask for one
SHARE_REPLACEMENT = 0.35  # of the rows that could ask for a refund, do not, and lack an item
URGENCY = [("normal", 0.36), ("high", 0.36), ("low", 0.28)]
SHARE_CHATTER = 0.20
SHARE_GREETING = 0.15
SHARE_SIGNATURE = 0.15

# Intents whose writers may ask for their money; the others (address, invoice) never do.
REFUNDABLE = {"delivery", "defect", "wrong_item", "return", "cancel"}
REPLACEABLE = {"delivery", "defect", "wrong_item"}
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SHORT_FORMS = {"you": "u", "please": "pls", "your": "ur", "are": "r", "because": "cuz"}


class Source:
    """Seeded choices, built on `random()` alone so that they never change with Python's version."""

    def __init__(self, seed):
        self.generator = random.Random(seed)

    def below(self, bound):
        return int(self.generator.random() * bound)

    def chance(self, share):
        return self.generator.random() < share

    def choice(self, values):
        return values[self.below(len(values))]

    def shuffled(self, values):
        values = list(values)
        for i in range(len(values) - 1, 0, -1):
            j = self.below(i + 1)
            values[i], values[j] = values[j], values[i]
        return values


class Deck:
    """Deals a list's values in random order, all of them before any comes again."""

    def __init__(self, values, source):
        self.values, self.source, self.left = values, source, []

    def deal(self):
        if not self.left:
            self.left = self.source.shuffled(self.values)
        return self.left.pop()


def weighted(table, source):
    point = source.generator.random()
    for value, share in table:
        if point < share:
            return value
        point -= share
    return table[-1][0]


def misspelt(word, source):
    """One slip of the keyboard inside a word: a letter lost, doubled, or swapped with the next."""
    i = 1 + source.below(len(word) - 2)
    kind = source.below(3)
    if kind == 0:
        return word[:i] + word[i + 1 :]
    if kind == 1:
        return word[:i] + word[i] + word[i:]
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def mess_up(clause, source):
    """Typos and short forms in the plain words of a clause; placeholders are left alone."""
    words = clause.split(" ")
    for i, word in enumerate(words):
        if word in SHORT_FORMS and source.chance(0.2):
            words[i] = SHORT_FORMS[word]
        elif re.fullmatch(r"[a-z]{5,}", word) and source.chance(0.06):
            words[i] = misspelt(word, source)
    clause = " ".join(words)
    if "'" in clause and source.chance(0.3):
        clause = clause.replace("'", "")
    return clause


class Split:
    """The phrasings of one split, dealt evenly."""

    def __init__(self, bank, source):
        self.bank, self.source = bank, source
        self.intents = Deck(sorted(bank["intents"]), source)
        self.mains = {k: Deck(v, source) for k, v in sorted(bank["intents"].items())}
        self.decks = {k: Deck(v, source) for k, v in sorted(bank.items()) if k != "intents"}

    def fill(self, clause, product, order, unused_number):
        source = self.source
        clause = mess_up(clause, source)
        for name, value in {
            "{p}": lambda: product,
            "{o}": lambda: str(order),
            "{n}": lambda: str(11 + source.below(14)),
            "{n4}": lambda: str(1000 + source.below(9000)),
            "{zip}": unused_number,
            "{price}": lambda: source.choice(
                ["$%d" % (10 + source.below(190)), "%d.90" % (10 + source.below(90))]
            ),
            "{day}": lambda: source.choice(DAYS),
            "{name}": lambda: self.decks["names"].deal(),
        }.items():
            if name in clause:
                clause = clause.replace(name, value())
        return clause

    def row(self, unused_number):
        source, decks = self.source, self.decks
        intent = self.intents.deal()
        product = decks["products"].deal()
        order = int(unused_number()) if source.chance(SHARE_WITH_ORDER) else None
        urgency = weighted(URGENCY, source)
        refund = intent in REFUNDABLE and source.chance(SHARE_REFUND)

        written = product.title() if source.chance(0.05) else product
        fill = lambda clause: self.fill(clause, written, order, unused_number)
        clauses = [fill(self.mains[intent].deal())]
        if source.chance(SHARE_CHATTER):
            clauses.insert(source.below(2), fill(decks["chatter"].deal()))
        if refund:
            clauses.append(fill(decks["refund"].deal()))
        elif intent in REPLACEABLE and source.chance(SHARE_REPLACEMENT):
            clauses.append(fill(decks["replacement"].deal()))
        if urgency != "normal":
            clauses.append(fill(decks[urgency].deal()))
        if order is not None:
            clauses.insert(source.below(len(clauses) + 1), fill(decks["order"].deal()))
        if source.chance(SHARE_GREETING):
            clauses.insert(0, fill(decks["greetings"].deal()))
        if source.chance(SHARE_SIGNATURE):
            clauses.append(fill(decks["signatures"].deal()))

        message = self.joined(clauses, tidy=source.chance(0.3))
        ticket = {
            "intent": intent,
            "product": product,
            "order": order,
            "urgency": urgency,
            "refund": refund,
        }
        return message, json.dumps(ticket, separators=(",", ":"))

    def joined(self, clauses, tidy):
        """Clauses as one message: tidy writers begin sentences with capitals, the others do not."""
        text = ""
        for i, clause in enumerate(clauses):
            if tidy:
                clause = re.sub(r"\bi\b", "I", clause)
                clause = clause[0].upper() + clause[1:]
            text += clause
            if i + 1 < len(clauses):
                ends = clause[-1] in ".?!"
                text += " " if ends else ". " if tidy else self.source.choice([". ", ", ", "\n", " - ", "... "])
        return text


def rows(split, bank, used):
    source = Source(SEED + list(ROWS).index(split))

    def unused_number():
        while True:
            number = 10000 + source.below(90000)
            if number not in used:
                used.add(number)
                return str(number)

    dealer, seen, result = Split(bank, source), set(), []
    while len(result) < ROWS[split]:
        message, ticket = dealer.row(unused_number)
        if message in seen:
            continue
        seen.add(message)
        result.append(
            {
                "messages": [
                    {"role": "system", "content": SYSTEM},
                    {"role": "user", "content": message},
                    {"role": "assistant", "content": ticket},
                ]
            }
        )
    return result


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    phrasings = json.loads((FOLDER / "phrasings.json").read_text(encoding="utf-8"))
    used, stale = set(), []
    for split in ROWS:
        made = rows(split, phrasings[split], used)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
        path = FOLDER / (split + ".jsonl")
        if not check:
            path.write_bytes(text.encode("utf-8"))
        elif not path.exists() or path.read_bytes() != text.encode("utf-8"):
            stale.append(path.name)
    if stale:
        sys.exit(
            "data/support: %s differ from what this script writes; run it without --check"
            % ", ".join(stale)
        )


if __name__ == "__main__":
    main()
