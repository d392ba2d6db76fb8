#!/usr/bin/env python3
"""Makes Tests/Fixtures/encoder: a tiny BERT with seeded weights, and what Transformers makes of texts with it.

    scripts/make_encoder_fixtures.py                             the tiny BERT: tiny/, vectors.json
    scripts/make_encoder_fixtures.py models/all-MiniLM-L6-v2     what sentence-transformers makes of texts with the real
                                                                 one: minilm.json

Needs the packages of scripts/requirements-fixtures.txt, the second also sentence-transformers==6.2.0. Run from the root
of the repository.
"""

import json
import pathlib
import sys

import torch
from transformers import BertConfig, BertModel, BertTokenizer

ROOT = pathlib.Path("Tests/Fixtures/encoder")
TEXTS = [
    "How is a run resumed?",
    "A man is eating food.",
    "  Spaces\tand\nlines,   many of them  ",
    "Žluťoučký kůň, naïve café: ÀÉÎ",
    "Ünïcode e\u0301 and ﬁ ligature",
    "日本語と中文 mixed with words",
    "emoji 👩‍👩‍👧 and \u200bzero width, \u00adsoft",
    "user@example.com/path?x=1&y=[2] $5.00 `code` ~^_",
    "UPPER lower İstanbul ẞ",
    "unbelievablyunknownword " + "x" * 101 + " end",
    "[CLS] is not special here [SEP]",
    "",
    " ".join(["many words follow one another"] * 20),
]

# What a real encoder is for: questions, passages, code, other languages, and more than it reads.
REAL_TEXTS = [
    "How do I resume a run that was interrupted?",
    "After Ctrl-C a checkpoint is saved, and `lorikeet train --resume` goes on from it with the same bytes.",
    "The warranty covers manufacturing faults for twenty-four months from the date of purchase.",
    "torch.hub.load(repo_or_dir='pytorch/vision', model='resnet50', pretrained=True)",
    "Die Würde des Menschen ist unantastbar.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "42",
    "?",
    "A " + "very " * 300 + "long sentence of which the end is not read: zebra.",
    "A paragraph.\n\nAnother one, with a list:\n- first\n- second\n\n```sh\n# a comment\nls -l | wc -l\n```\n",
    "안녕하세요, 세계! สวัสดีชาวโลก नमस्ते दुनिया",
    "naïve façade — coöperate “quoted” … 3×4 = 12 €",
]


def vocabulary() -> list[str]:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tokens += list(letters) + ["##" + letter for letter in letters]
    tokens += list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["日", "本", "中", "文", "と", "ß", "i̇"]
    tokens += [
        "the", "a", "is", "man", "food", "eat", "##ing", "word", "##s", "run", "how", "resume", "##d", "and", "line",
        "space", "many", "of", "them", "un", "##known", "##word", "code", "with", "mixed", "follow", "one", "another",
        "cafe", "naive", "kun", "upper", "lower", "end", "##able", "here", "not", "special", "##ul", "istanb",
    ]
    return list(dict.fromkeys(tokens))


def main() -> None:
    torch.manual_seed(11)
    torch.set_num_threads(1)
    folder = ROOT / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary()
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf8")
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=64, hidden_act="gelu", layer_norm_eps=1e-12, initializer_range=0.4,
    )
    config._attn_implementation = "eager"
    model = BertModel(config, add_pooling_layer=False).eval()
    # Norms and biases that are not the identity, so that one forgotten is seen.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.uniform_(-0.3, 0.3)
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}) + "\n")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40}) + "\n")
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=True)
    # The special tokens' names in a text are text.
    tokenizer_options = dict(truncation=True, max_length=40, split_special_tokens=True)
    rows = []
    for text in TEXTS:
        ids = tokenizer(text, **tokenizer_options)["input_ids"]
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state[0].double()
        vector = hidden.mean(0)
        vector = vector / vector.norm()
        rows.append({"text": text, "ids": ids, "vector": [round(x, 7) for x in vector.tolist()]})
    (ROOT / "vectors.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n", encoding="utf8")


def real(folder: str) -> None:
    import sentence_transformers
    import transformers

    torch.set_num_threads(1)
    model = sentence_transformers.SentenceTransformer(folder, device="cpu")
    versions = {
        "sentence-transformers": sentence_transformers.__version__,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    print(versions)
    rows = []
    for text in REAL_TEXTS + [text for text in TEXTS if "[CLS]" not in text]:
        vector = model.encode([text], normalize_embeddings=True)[0].astype("float64")
        tokens = len(model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"])
        rows.append({"text": text, "tokens": tokens, "vector": [round(x, 6) for x in vector.tolist()]})
    text = json.dumps({"versions": versions, "rows": rows}, ensure_ascii=False)
    (ROOT / "minilm.json").write_text(text.replace('{"text"', '\n{"text"') + "\n", encoding="utf8")


if __name__ == "__main__":
    real(sys.argv[1]) if len(sys.argv) > 1 else main()
