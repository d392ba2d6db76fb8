"""Makes the fixtures of tokenizers whose tokens are text: byte-pair encoding with scores, and unigram.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 gguf==0.19.0 llama-cpp-python==0.3.36
    python scripts/make_sentencepiece_fixtures.py

Two vocabularies are trained with SentencePiece, one as Llama 2's (a space before each text), one as Gemma's (none,
but tokens of the user's). Of each comes a folder in Tests/Fixtures/tokenization:

* gguf.json       what a GGUF file would hold; the reference is llama.cpp;
* tokenizer.json  the same as Transformers writes it: merge rules, byte fallback; the reference is `tokenizers`;
* ids.txt         the ids that both give, as in make_tokenizer_fixtures.py.

text-variants.jsonl has other steps over the first vocabulary. SentencePiece itself must agree on strings without an
added token; the script fails if any two do not agree. Needs all four packages in one environment, or
`--llama PYTHON`, an interpreter that has llama-cpp-python.
"""

import argparse
import collections
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
import tokenizers
from gguf import GGUFWriter
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import make_tokenizer_fixtures as common

MARK = "▁"
USER = ["[W]", "<left>", "<norm>", "<norm", "\n\n", "\n\n\n", "\t\t", MARK * 3, "<h1>"]
CONTROL = ["<|im_start|>", "<|im_end|>"]

# Run by the interpreter that has llama.cpp: a GGUF file of a vocabulary alone, strings in, ids out.
LLAMA = """
import json, sys
from llama_cpp import Llama
model = Llama(sys.argv[1], vocab_only=True, verbose=False)
strings = json.load(open(sys.argv[2]))
print(json.dumps([model.tokenize(s.encode(), add_bos=False, special=True) if s else [] for s in strings]))
"""


def trained(prefix_space, user, corpus):
    output = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=output, model_type="bpe", vocab_size=1100,
        byte_fallback=True, add_dummy_prefix=prefix_space, remove_extra_whitespaces=False,
        normalization_rule_name="identity", split_digits=True, allow_whitespace_only_pieces=True,
        character_coverage=0.98, user_defined_symbols=user, control_symbols=CONTROL, minloglevel=2,
        max_sentence_length=1 << 20, num_threads=1)  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_proto=output.getvalue())


Piece = collections.namedtuple("Piece", "piece score type")


def pieces(processor):
    """The vocabulary; the types are 1 normal, 2 unknown, 3 control, 4 of the user, 6 byte."""
    made = []
    for i in range(processor.get_piece_size()):
        piece = processor.id_to_piece(i)
        type_ = (2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i)
                 else 4 if piece in USER else 1)  # fmt: skip
        made.append(Piece(piece, processor.get_score(i), type_))
    return made


def gguf_values(processor, prefix_space):
    # The types' numbers are the same in both formats; a user's token is written with spaces in GGUF.
    tokens = [p.piece.replace(MARK, " ") if p.type == 4 else p.piece for p in pieces(processor)]
    return {
        "model": "llama", "pre": "default", "tokens": tokens, "scores": [p.score for p in pieces(processor)],
        "token_type": [p.type for p in pieces(processor)], "unknown_token_id": 0, "bos_token_id": 1,
        "eos_token_id": 2, "add_space_prefix": prefix_space,
    }  # fmt: skip


def llama_ids(values, strings, python):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocabulary.gguf"
        writer = GGUFWriter(path, "llama")
        writer.add_vocab_size(len(values["tokens"]))
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(values["tokens"])
        writer.add_token_scores(values["scores"])
        writer.add_token_types(values["token_type"])
        writer.add_unk_token_id(0)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_add_space_prefix(values["add_space_prefix"])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        (Path(folder) / "strings.json").write_text(json.dumps(strings))
        output = subprocess.run(
            [python, "-c", LLAMA, str(path), str(Path(folder) / "strings.json")], check=True,
            capture_output=True, text=True)  # fmt: skip
        return json.loads(output.stdout)


def merges(processor):
    """As `generate_merges` of Transformers' tokenization_utils_sentencepiece.py."""
    normal = {p.piece: (i, p.score) for i, p in enumerate(pieces(processor)) if p.type in (1, 4)}
    found = []
    for piece, (_, score) in normal.items():
        cuts = [(piece[:n], piece[n:]) for n in range(1, len(piece))]
        cuts = [c for c in cuts if c[0] in normal and c[1] in normal]
        cuts.sort(key=lambda c: (normal[c[0]][0], normal[c[1]][0]))
        found += [(score, *c) for c in cuts]
    found.sort(key=lambda m: (m[0], len(m[1]), len(m[2])), reverse=True)
    return [(left, right) for _, left, right in found]


def reference(processor, prefix_space):
    vocabulary = {p.piece: i for i, p in enumerate(pieces(processor))}
    tokenizer = Tokenizer(models.BPE(
        vocab=vocabulary, merges=merges(processor), unk_token="<unk>", fuse_unk=True, byte_fallback=True))  # fmt: skip
    steps = [normalizers.Replace(" ", MARK)]
    decoder = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()]
    if prefix_space:
        steps.insert(0, normalizers.Prepend(MARK))
        decoder.append(decoders.Strip(" ", 1, 0))
        tokenizer.normalizer = normalizers.Sequence(steps)
    else:
        tokenizer.normalizer = steps[0]
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(decoder)
    tokenizer.add_special_tokens([AddedToken(p.piece, normalized=False, special=True)
                                  for p in pieces(processor) if p.type in (2, 3)])  # fmt: skip
    tokenizer.add_tokens([AddedToken(p.piece.replace(MARK, " ") if p.piece not in vocabulary else p.piece, normalized=False)
                          for p in pieces(processor) if p.type == 4])  # fmt: skip
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def variants(base):
    """Other ways to put the space mark, over the vocabulary of Llama 2's form."""
    metaspace = pre_tokenizers.Metaspace
    for name, normalizer, pre_tokenizer in [
        *((f"metaspace {scheme}{', split' if split else ''}", None, metaspace(MARK, scheme, split))
          for scheme in ("always", "first", "never") for split in (False, True)),
        ("form C, then a mark", normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", MARK)]), None),
        ("replaced by expression", normalizers.Sequence([
            normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Replace("e", ""), normalizers.Replace(" ", MARK)]),
         None),
    ]:  # fmt: skip
        description = json.loads(base.to_str()) | {"normalizer": None, "pre_tokenizer": None}
        tokenizer = Tokenizer.from_str(json.dumps(description))
        if normalizer:
            tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        made = json.loads(tokenizer.to_str())
        yield name, tokenizer, {"normalizer": made["normalizer"], "pre_tokenizer": made["pre_tokenizer"]}
    for fallback in (False, True):
        for fuse in (False, True):
            change = {"byte_fallback": fallback, "fuse_unk": fuse, "ignore_merges": fuse}
            description = json.loads(base.to_str())
            description["model"] |= change
            yield f"model {change}", Tokenizer.from_str(json.dumps(description)), {"model": change}


def make_unigram(corpus, strings):
    """A unigram model of the `tokenizers` library itself, with byte fallback and without."""
    from tokenizers import trainers

    folder = common.FOLDER / "unigram"
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Replace(tokenizers.Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(MARK, "first", False)
    trainer = trainers.UnigramTrainer(
        vocab_size=900, special_tokens=["<unk>", *CONTROL], unk_token="<unk>", show_progress=False,
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz0123456789"))  # fmt: skip
    tokenizer.train_from_iterator(corpus, trainer)
    description = json.loads(tokenizer.to_str())
    vocabulary = description["model"]["vocab"]
    # The bytes, but for one: a character with that byte is unknown.
    vocabulary += [[f"<0x{byte:02X}>", 0.0] for byte in range(256) if byte != 0x8F]
    description["model"] |= {"vocab": [[p, round(s, 6)] for p, s in vocabulary], "byte_fallback": True}
    tokenizer = Tokenizer.from_str(json.dumps(description))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    (folder / "tokenizer.json").write_text(common.compact(tokenizer), encoding="utf-8")
    common.write_ids(folder / "ids.txt", tokenizer, strings)
    print("unigram", len(vocabulary), "tokens")
    for fallback in (True, False):
        for scheme, split in (("always", True), ("never", False)):
            change = {"normalizer": None, "model": {"byte_fallback": fallback}}
            description = json.loads(tokenizer.to_str())
            description["model"] |= change["model"]
            made = Tokenizer.from_str(json.dumps(description | {"normalizer": None}))
            made.pre_tokenizer = pre_tokenizers.Metaspace(MARK, scheme, split)
            change["pre_tokenizer"] = json.loads(made.to_str())["pre_tokenizer"]
            yield f"unigram {fallback} {scheme} {split}", made, change


def variant_lines(base, variants, strings):
    chosen = [s for s in strings[::13] if len(s) < 200]
    for name, made, change in variants:
        ids = [made.encode(s, add_special_tokens=False).ids for s in chosen]
        yield common.dumps({"name": name, "base": base, **change,
            "lengths": common.packed([len(i) for i in ids]), "ids": common.packed(sum(ids, []))})  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--llama", default=sys.executable, metavar="PYTHON")
    python = parser.parse_args().llama
    print("sentencepiece", sentencepiece.__version__, "tokenizers", tokenizers.__version__)
    strings = common.hard_strings()
    corpus = [(common.ROOT / "LICENSE").read_text()] + [common.ENGLISH] * 3 + common.OTHERS * 3 + common.CODE * 3
    corpus = [line for text in corpus for line in text.split("\n") if line] + ["    x", "        y"] * 8
    for name, prefix_space in (("llama-2", True), ("gemma", False)):
        folder = common.FOLDER / name
        folder.mkdir(exist_ok=True)
        user = [] if prefix_space else USER
        processor = trained(prefix_space, user, corpus)
        values = gguf_values(processor, prefix_space)
        (folder / "gguf.json").write_text(common.dumps(values) + "\n", encoding="utf-8")
        tokenizer = reference(processor, prefix_space)
        (folder / "tokenizer.json").write_text(common.compact(tokenizer), encoding="utf-8")
        common.write_ids(folder / "ids.txt", tokenizer, strings)
        gguf = llama_ids(values, strings, python)
        json_ids = [tokenizer.encode(s, add_special_tokens=False).ids for s in strings]
        differing = [i for i in range(len(strings)) if gguf[i] != json_ids[i]]
        added = [p.piece for p in pieces(processor) if p.type in (2, 3, 4)] + [MARK]
        wrong = [s for s, ids in zip(strings, gguf) if not any(a.replace(MARK, " ") in s or a in s for a in added)
                 and "\0" not in s and processor.encode(s) != ids]  # fmt: skip
        print(name, len(values["tokens"]), "tokens;", len(differing), "strings differ between llama.cpp and tokenizers;",
              len(wrong), "between SentencePiece and llama.cpp", [s[:40] for s in wrong[:5]])  # fmt: skip
        assert not wrong and not differing
        if prefix_space:
            lines = list(variant_lines(name, variants(tokenizer), strings))
    lines += variant_lines("unigram", make_unigram(corpus, strings), strings)
    common.write_lines(common.FOLDER / "text-variants.jsonl", lines)


main()
