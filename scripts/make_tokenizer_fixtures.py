"""Makes the tokenizer fixtures: hard strings, small vocabularies, and the ids the reference gives.

    pip install tokenizers==0.23.3 transformers==5.23.0 gguf==0.19.0
    python scripts/make_tokenizer_fixtures.py                      # Tests/Fixtures/tokenization
    python scripts/make_tokenizer_fixtures.py --gguf MODEL FOLDER   # the same from a real vocabulary
    python scripts/make_tokenizer_fixtures.py --check FOLDER        # what the tests wrote into FOLDER

The second form makes the folder that `LORIKEET_TOKENIZER_REFERENCE=FOLDER swift test` reads; the tests write
their own tokenizer.json into it, and the third form has Transformers read that and compares every id.

Ids are stored as base64 of little-endian 16-bit numbers, one line for each string.
"""

import argparse
import base64
import json
import random
import struct
import subprocess
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "Tests/Fixtures/tokenization"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = O200K.replace(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


# --- Strings ------------------------------------------------------------------------------------------

ENGLISH = (
    "The quick brown fox jumps over the lazy dog. I'll say it's what they've done; we're sure he'd "
    "agree, I'm certain you can't. Ordering 3 lorikeets for $1,299.99 (order #A-10482) on 2024-02-29 "
    "at 07:30, please reply to bird.keeper+shop@example.org or see https://example.org/a?b=c&d=%20e#f."
)
OTHERS = [
    "Größe, naïve façade, Ærøskøbing, smörgåsbord, Žluťoučký kůň", "Съешь ещё этих мягких французских булок",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία", "אבגד הוזח 123 טיכל, שלום!", "مرحبا بالعالم ١٢٣٤ هذا نص",
    "नमस्ते दुनिया १२३ हिन्दी में", "สวัสดีชาวโลก ๑๒๓ ภาษาไทย", "你好,世界!一二三四五六七八九十", "こんにちは世界、カタカナとひらがな123",
    "안녕하세요 세계 123", "გამარჯობა მსოფლიო", "Բարեւ աշխարհ", "ሰላም ልዑል ፩፪፫", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "Tiếng Việt có dấu",
]
CODE = [
    "def f(x):\n    return x ** 2 + 1  # square\n", "for (int i = 0; i < n; ++i) {\n\ta[i] += b[i];\n}\n",
    '{"intent": "refund", "order": "A-10482", "n": 3, "x": [1.5e-3, null, true]}', "{\n  \"a\": {\n    \"b\": []\n  }\n}",
    "SELECT * FROM t WHERE a='b' AND c<>'d''e';", "#include <stdio.h>\r\nint main(void) { return 0; }\r\n",
    "if [ -z \"$X\" ]; then echo 'no'; fi", "<p class=\"a\">it&#39;s &amp; that</p>", "let xs = [1, 2, 3].map { $0 * 2 }",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n", "    \tmixed\t \tindent\n\n\n  end", "C:\\Users\\x\\y.txt ../../etc/passwd", "x=1;y=-2;z=3.14e+10",
    "camelCaseAndPascalCase snake_case_and_SCREAMING_CASE kebab-case", "0x7fff_ffff 1_000_000 1e9 007 3.0.1-rc.2+b5",
    "\\u00e9 \\n \\\\ \"quoted\" 'single' `tick`", "f(g(h(i(j(k)))))[[[{}]]]", "a->b::c.d?.e!=f===g<=>h|>i", "TODO(x): fix!!! ???", "//////// -------- ======== ********",
]  # fmt: skip
EMOJI = [
    "😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "1️⃣2️⃣", "❤️‍🔥", "👨🏿‍🚀", "🧑‍🤝‍🧑", "🫠", "☺︎☺️", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]  # fmt: skip
SPACES = [chr(c) for c in range(0x3001) if chr(c).isspace() or c in (0x180E, 0x200B, 0x2060)] + ["\ufeff"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'l", "'r", "'v", "'x", "'", "''s", "’s", "'ſ"]


def hard_strings():
    rng = random.Random(20250301)
    out = ["", " ", "  ", "\n", "\r\n", "\r", "\t", "\0", "a", "'", "é", "e\u0301"]

    # Every category: two characters of it alone, and with letters, digits, spaces and marks around.
    by_category = {}
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000:
            by_category.setdefault(unicodedata.category(chr(c)), []).append(chr(c))
    for category in sorted(by_category):
        pool = by_category[category]
        for form in ["{0}", "{0}{1}", "a{0}b", " {0}", "{0} x", "1{0}2", "  {0}  {1}", "{0}{0}{0}", "'{0}"]:
            out.append(form.format(rng.choice(pool), rng.choice(pool)))
        out.append("".join(rng.choice(pool) for _ in range(12)))
    # Decimal digits of every script.
    zeros = [c for c in by_category["Nd"] if unicodedata.digit(c) == 0]
    for zero in zeros:
        digits = "".join(chr(ord(zero) + d) for d in range(10))
        out += [digits, f"x{digits[1:4]} {digits[5]}y"]
    out += ["½ ²³ ⅷ 〇 ③ ㊿ 𝟘𝟙 12½", "١٢٣abc123", "3٣三Ⅲ③"]
    # Letters and numbers of Unicode 15, 16 and 17, which libraries learn at different times.
    for c in (0x31350, 0x2EBF0, 0x11F04, 0x1E4D0, 0x10D4A, 0x13460, 0x105C0, 0x11F50, 0x1E4F0, 0x1CCF0, 0x10D40,
              0x11DE0, 0x16FF4, 0x16EA0, 0x323B0):  # fmt: skip
        out += [f"{form}{chr(c)}{form}" for form in ("", "a", "1", " ", "!", "'", "  ")]
    # White space of all kinds.
    for space in SPACES:
        out += [space, f"a{space}b", f"a {space}b", f"a{space} b", f"{space}{space}a", f"a{space}\n{space}"]
    for _ in range(160):
        parts = []
        for _ in range(rng.randint(1, 5)):
            parts.append("".join(rng.choice(SPACES) for _ in range(rng.randint(0, 4))))
            parts.append(rng.choice(["a", "Word", "12", "!", "'s", "é", "", "\n"]))
        out.append("".join(parts))
    for n in (2, 3, 4, 7, 8, 15, 16, 17, 33):
        out += [" " * n, "x" + " " * n + "y", "\n" * n, "\t" * n + "z", " \n" * n, "\r\n" * n]
    # Control characters.
    for c in list(range(0x20)) + list(range(0x7F, 0xA0)):
        out += [chr(c), f"a{chr(c)}b {chr(c)}{chr(c)}"]
    # Contractions in all cases.
    for c in CONTRACTIONS:
        for form in (c, c.upper(), c.title()):
            out += [f"it{form}", f"{form}", f" {form}x", f"I{form} {form}", f"1{form}2"]
    # Marks.
    marks = by_category["Mn"]
    for _ in range(60):
        base = rng.choice("aeiouAEIOUनกא漢1 !")
        out.append("".join(base + "".join(rng.choice(marks) for _ in range(rng.randint(1, 6))) for _ in range(3)))
    for word in ("é", "ñ", "Å", "ﬁ", "각", "Ǆ", "ṩ"):
        out += [unicodedata.normalize(f, word) + " " + word for f in ("NFC", "NFD", "NFKC", "NFKD")]
    # Emoji.
    out += EMOJI + [a + b for a in EMOJI[:6] for b in EMOJI] + [f"a {e} b{e}c" for e in EMOJI]
    # Text and code, whole and cut.
    texts = [ENGLISH] + OTHERS + CODE
    out += texts + [f" {t}" for t in texts] + [f"{t} " for t in texts] + [t.upper() for t in texts]
    out += [t.replace("\n", "\r\n") for t in CODE] + [t.replace(" ", "  ") for t in texts]
    out += [t.replace(" ", "\u00a0") for t in texts] + ["\u202b" + t + "\u202c\u200f" for t in OTHERS]
    for text in texts:
        for _ in range(6):
            start = rng.randrange(len(text))
            out.append(text[start : start + rng.randint(1, 30)])
    # Special tokens, whole, broken and in company.
    for token in SPECIAL + ["[W]", "<left>", "<right>", "<norm>"]:
        out += [token, token * 2, f"a{token}b", f" {token} ", f"  {token}\n\n", token[:-1], token[1:], token.upper()]
        out += [token[: len(token) // 2] + " " + token[len(token) // 2 :], f"<{token}>", f"1{token}2 {token}.", f"é\u3000{token}\u00a0é"]
        out += [f"_{token}", f"{token}_", f"e\u0301{token}", f"{token}\u0301"]
    out += [
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_end|><|im_start|>", "<|im_<|im_end|>", "<|im_end|im_end|>",
        "<left> <right> <left>  <norm>[W] [W]", "[W][W]", "<repo_name><file_sep><repo_name", "<|im_start|", "<|", "|>",
    ]  # fmt: skip
    # Characters from anywhere, assigned or not.
    planes = [(0, 0x80), (0x80, 0x800), (0x800, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x20000, 0x110000)]
    for _ in range(240):
        out.append("".join(chr(rng.randrange(*rng.choice(planes))) for _ in range(rng.randint(1, 20))))
    pool = list("aZ 1\n'.\t-_") + SPACES + EMOJI + CONTRACTIONS + list("éß你カ١१אа́") + SPECIAL[:3]
    for _ in range(320):
        out.append("".join(rng.choice(pool) for _ in range(rng.randint(2, 16))))
    # Long words.
    out += ["a" * 5000, "ab" * 2500, " " * 5000, "\n" * 3000, "1" * 2000, "你" * 1700, "x" + " " * 999 + "y"]
    out.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(5000)))
    out.append("".join(rng.choice("etaoin") for _ in range(5000)))
    out += ["é" * 2500, "!?" * 1000, "😀" * 500]
    return list(dict.fromkeys(out))


# --- Tokenizers ---------------------------------------------------------------------------------------


def trained(pre_tokenizer, corpus, size, alphabet):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False,
        min_frequency=2, limit_alphabet=256,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def small_tokenizers(strings):
    corpus = [(ROOT / "LICENSE").read_text(), ENGLISH * 3] + OTHERS * 3 + CODE * 3 + EMOJI * 3
    corpus += [" " * 8, "\n" * 4, "\t" * 4, "a" * 16] * 4
    alphabet = sorted(ByteLevel.alphabet())

    smollm = trained(Sequence([Digits(True), ByteLevel(False)]), corpus, 1500, alphabet)
    smollm.post_processor = processors.ByteLevel(trim_offsets=False)
    # As in SmolLM2, some bytes have no token: control characters and lead bytes of empty planes.
    description = json.loads(smollm.to_str())
    absent = {ByteLevel(False, use_regex=False).pre_tokenize_str(chr(c))[0][0] for c in (4, 6, 0x13)} | {"ñ"}
    model = description["model"]
    model["merges"] = [m for m in model["merges"] if not (set("".join(m)) & absent)]
    kept = [t for t in model["vocab"] if t in SPECIAL or not (set(t) & absent)]
    model["vocab"] = {t: i for i, t in enumerate(kept)}
    smollm = Tokenizer.from_str(json.dumps(description))

    gpt2 = trained(ByteLevel(False), corpus, 1400, alphabet)
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)

    llama = trained(
        Sequence([Split(Regex(LLAMA3), "isolated"), ByteLevel(False, use_regex=False)]), corpus, 1400, alphabet
    )
    llama.add_tokens([
        AddedToken("[W]", single_word=True), AddedToken("<left>", lstrip=True),
        AddedToken("<right>", rstrip=True, normalized=False), AddedToken("<norm>", normalized=True),
        AddedToken("<norm", normalized=True),
    ])  # fmt: skip
    llama.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<|im_start|> $A <|im_end|>", pair="<|im_start|> $A <|im_start|> $B:1",
            special_tokens=[("<|im_start|>", 1), ("<|im_end|>", 2)]),
    ])  # fmt: skip
    description = json.loads(llama.to_str())
    description["model"]["ignore_merges"] = True
    # Drop the last rules, keep their tokens: only ignore_merges reaches these.
    description["model"]["merges"] = description["model"]["merges"][:-150]
    llama = Tokenizer.from_str(json.dumps(description))
    return {"smollm": smollm, "gpt-2": gpt2, "llama-3": llama}


def variants(base):
    """Other pre-tokenisers and options over the gpt-2 vocabulary."""
    byte_level = ByteLevel(False, use_regex=False)
    steps = {
        "qwen2": [Split(Regex(QWEN2), "isolated"), byte_level],
        "tekken": [Split(Regex(TEKKEN), "isolated"), byte_level],
        "o200k": [Split(Regex(O200K), "isolated"), byte_level],
        "deepseek": [
            Split(Regex("[\r\n]"), "isolated"), Split(Regex(r"\s?\p{L}+"), "isolated"),
            Split(Regex(r"[一-龥ࠀ-一가-퟿]+"), "isolated"), Digits(True),
            Split(Regex(DEEPSEEK), "isolated"), byte_level,
        ],
        "prefix space": [ByteLevel(True)],
        "digits and prefix space": [Digits(False), ByteLevel(True)],
        "digits together": [Digits(False), byte_level],
        "no pattern": [byte_level],
        "literal": [Split(" a", "isolated"), Split(".", "removed"), byte_level],
        "string of pattern characters": [Split("'s", "merged_with_next"), Split("((", "isolated"), ByteLevel(False)],
        "word characters": [Split(Regex(r"\w+"), "isolated"), byte_level],
        "not word characters": [Split(Regex(r"\W"), "isolated"), byte_level],
        "space in classes": [Split(Regex(r"[\s\d]+|[^\S\n]"), "isolated"), byte_level],
        "not space in a class": [Split(Regex(r"[\S-]{2,3}"), "isolated"), byte_level],
        "scripts": [Split(Regex(r"\p{Han}+|\p{Arabic}+|\P{Latin}|\p{^Greek}{2,}"), "isolated"), byte_level],
        "empty matches": [Split(Regex(r"x*"), "isolated"), Split(Regex(r"(?=[A-Z])"), "isolated"), byte_level],
        "lines": [Split(Regex(r"^ *|.$|\u0041"), "isolated"), byte_level],
    }  # fmt: skip
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            name = f"{behavior}{' inverted' if invert else ''}"
            steps[name] = [Split(Regex(r"[aeiou\s]"), behavior, invert), ByteLevel(False)]
    for name, list_ in steps.items():
        tokenizer = Tokenizer.from_str(base.to_str())
        tokenizer.pre_tokenizer = Sequence(list_)
        yield name, tokenizer, {"pre_tokenizer": json.loads(tokenizer.to_str())["pre_tokenizer"]}


def normalized_variants(base):
    """Text in form C, as Qwen has it."""
    tokenizer = Tokenizer.from_str(base.to_str())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = Sequence([Split(Regex(QWEN2), "isolated"), ByteLevel(False, use_regex=False)])
    made = json.loads(tokenizer.to_str())
    yield "qwen2 in form C", tokenizer, {key: made[key] for key in ("normalizer", "pre_tokenizer")}


def unknown_variants(base):
    """What bytes without a token become; over the smollm vocabulary, which lacks some."""
    for fuse in (False, True):
        description = json.loads(base.to_str())
        description["model"] |= {"unk_token": "<|endoftext|>", "fuse_unk": fuse}
        options = {"unk_token": "<|endoftext|>", "fuse_unk": fuse}
        yield f"unknown bytes{' fused' if fuse else ''}", Tokenizer.from_str(json.dumps(description)), {"model": options}


def packed(ids):
    return base64.b64encode(struct.pack(f"<{len(ids)}H", *ids)).decode()


def write_lines(path, lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_ids(path, tokenizer, strings):
    write_lines(path, [packed(tokenizer.encode(s, add_special_tokens=False).ids) for s in strings])


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def compact(tokenizer, merges_as_strings=False):
    description = json.loads(tokenizer.to_str())
    if merges_as_strings:
        description["model"]["merges"] = [" ".join(m) for m in description["model"]["merges"]]
    return dumps(description) + "\n"


def make():
    FOLDER.mkdir(parents=True, exist_ok=True)
    strings = hard_strings()
    write_lines(FOLDER / "strings.jsonl", [json.dumps(s, ensure_ascii=False) for s in strings])
    made = small_tokenizers(strings)
    for name, tokenizer in made.items():
        folder = FOLDER / name
        folder.mkdir(exist_ok=True)
        # One file has merges as strings, the older form.
        (folder / "tokenizer.json").write_text(compact(tokenizer, name == "gpt-2"), encoding="utf-8")
        write_ids(folder / "ids.txt", tokenizer, strings)
        print(name, tokenizer.get_vocab_size(), "tokens")

    # Every thirteenth string but the long ones.
    chosen = [i for i in range(0, len(strings), 13) if len(strings[i]) < 200]
    lines = []
    for base, generator in (("gpt-2", variants), ("gpt-2", normalized_variants), ("smollm", unknown_variants)):
        for name, tokenizer, change in generator(made[base]):
            ids = [tokenizer.encode(strings[i], add_special_tokens=False).ids for i in chosen]
            lengths = packed([len(i) for i in ids])
            lines.append(dumps(
                {"name": name, "base": base, **change, "lengths": lengths, "ids": packed(sum(ids, []))}))
    write_lines(FOLDER / "variants.jsonl", lines)
    print(len(strings), "strings,", len(lines), "variants of", len(chosen), "strings each")
    print("bytes:", sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()))


LLAMA = """
import json, sys
from llama_cpp import Llama
model = Llama(sys.argv[1], vocab_only=True, verbose=False)
for line in open(sys.argv[2], encoding="utf-8", newline="\\n"):
    string = json.loads(line).encode()
    print(json.dumps(model.tokenize(string, add_bos=False, special=True) if string else []))
"""


def make_from_text_gguf(model, folder, get, python):
    """Of a vocabulary whose tokens are text; the reference is llama.cpp."""
    write_lines(folder / "strings.jsonl", [json.dumps(s, ensure_ascii=False) for s in hard_strings()])
    with open(folder / "ids.txt", "w") as output:
        subprocess.run([python, "-c", LLAMA, model, str(folder / "strings.jsonl")], check=True, stdout=output)
    keys = ("model", "pre", "tokens", "token_type", "scores", "bos_token_id", "eos_token_id",
            "unknown_token_id", "padding_token_id", "add_space_prefix")  # fmt: skip
    (folder / "gguf.json").write_text(dumps({key: get(key) for key in keys}), encoding="utf-8")


def make_from_gguf(model, folder, python):
    from gguf import GGUFReader

    fields = GGUFReader(model).fields
    get = lambda key: fields[f"tokenizer.ggml.{key}"].contents()  # noqa: E731
    folder.mkdir(parents=True, exist_ok=True)
    if get("model") == "llama":
        return make_from_text_gguf(model, folder, get, python)
    tokens, types, merges = get("tokens"), get("token_type"), get("merges")
    assert get("model") == "gpt2" and get("pre") == "smollm"
    reference = Tokenizer(models.BPE(
        vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in merges]))  # fmt: skip
    reference.pre_tokenizer = pre_tokenizers.Sequence([Digits(True), ByteLevel(False)])
    reference.decoder = decoders.ByteLevel()
    reference.add_special_tokens([AddedToken(t, special=True) for t, k in zip(tokens, types) if k == 3])

    strings = hard_strings()
    write_lines(folder / "strings.jsonl", [json.dumps(s, ensure_ascii=False) for s in strings])
    write_ids(folder / "ids.txt", reference, strings)
    (folder / "reference.json").write_text(reference.to_str(), encoding="utf-8")
    gguf = {k: get(k) for k in ("model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id",
                                "unknown_token_id", "padding_token_id")}  # fmt: skip
    (folder / "gguf.json").write_text(dumps(gguf), encoding="utf-8")
    print(len(tokens), "tokens,", len(strings), "strings")


def check(folder):
    import transformers
    from transformers import AutoTokenizer

    print("transformers", transformers.__version__)
    strings = [json.loads(line) for line in (folder / "strings.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    for written in sorted(folder.glob("**/written")):
        expected = (written.parent / "ids.txt").read_text().split("\n")[:-1]
        tokenizer = AutoTokenizer.from_pretrained(written)
        write = json.dumps if expected[-1].startswith("[") else packed
        wrong = [s for s, e in zip(strings, expected, strict=True)
                 if write(tokenizer.encode(s, add_special_tokens=False)) != e]  # fmt: skip
        print(written, type(tokenizer).__name__, len(strings), "strings,", len(wrong), "differ", wrong[:3])
        print(tokenizer.special_tokens_map, tokenizer("a").input_ids, bool(tokenizer.chat_template))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", nargs=2, metavar=("MODEL", "FOLDER"))
    parser.add_argument("--check", metavar="FOLDER")
    parser.add_argument("--llama", default=sys.executable, metavar="PYTHON", help="has llama-cpp-python")
    arguments = parser.parse_args()
    print("tokenizers", tokenizers.__version__, "Unicode", unicodedata.unidata_version)
    if arguments.gguf:
        make_from_gguf(arguments.gguf[0], Path(arguments.gguf[1]), arguments.llama)
    elif arguments.check:
        check(Path(arguments.check))
    else:
        make()


if __name__ == "__main__":
    main()
