"""Holds Lorikeet's logits of Gemma 3 270M (Q4_K_M) against Transformers' and llama.cpp's.

    scripts/fetch-model gemma3-270m
    python scripts/parity_gemma3.py [--model m.gguf] [--tool .build/debug/lorikeet-interop] [--llama PYTHON]

Lorikeet writes the file as a folder in f32, which Transformers loads, tokenizer and all. For each text it prints
max|Δlogit| / max|logit| against Transformers in f32, which must be within 1e-4, and whether the ids are the same. With
the Python of llama-cpp-python it does the same for llama.cpp on the file written in f32 and on the file itself: these
have no bound, since llama.cpp takes GELU from a table in f16 and rounds what it multiplies blocks by to 8 bits.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

REPOSITORY = Path(__file__).resolve().parent.parent
TEXTS = {
    "plain": "The lorikeet is a small parrot that lives in the forests of",
    "digits": "a  1 and 2024, then 3.14159\n\n\tdef f(x):\n        return x ** 2",
    "unicode": "Écoute, 日本 and 🦜: naïve café — “quoted”",
}


def figure(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def perplexity(logits: torch.Tensor, ids: list[int]) -> float:
    return torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).exp().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/gemma-3-270m.Q4_K_M.gguf")
    parser.add_argument("--tool", default=".build/debug/lorikeet-interop")
    parser.add_argument("--llama", help="a Python with llama-cpp-python")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(2)
    # More tokens than a window has.
    texts = TEXTS | {"long": (REPOSITORY / "docs" / "architecture.md").read_text()[:3000]}
    with tempfile.TemporaryDirectory() as scratch:
        folder, flat, ids_path = (Path(scratch) / name for name in ("folder", "flat.gguf", "ids.json"))

        def run(*words):
            subprocess.run([arguments.tool, *map(str, words)], check=True)

        run("convert", arguments.model, folder, "f32")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        (Path(scratch) / "texts.json").write_text(json.dumps({"texts": list(texts.values()), "chats": []}))
        run("tokens", arguments.model, Path(scratch) / "texts.json", Path(scratch) / "own.json")
        own = json.loads((Path(scratch) / "own.json").read_text())["texts"]
        ids = {name: tokenizer(text)["input_ids"] for name, text in texts.items()}
        ids_path.write_text(json.dumps(ids))
        run("logits", arguments.model, "-", ids_path, Path(scratch) / "own.safetensors")
        ours = load_file(Path(scratch) / "own.safetensors")
        others = {}
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        with torch.no_grad():
            others["Transformers"] = {
                f"logits.{name}": model(torch.tensor([tokens])).logits[0] for name, tokens in ids.items()
            }
        del model
        if arguments.llama:
            run("convert", arguments.model, flat, "f32")
            for kind, path in (("llama.cpp, f32", flat), ("llama.cpp", arguments.model)):
                output = Path(scratch) / "llama.safetensors"
                job = {"model": str(path), "adapter": None, "ids": str(ids_path), "output": str(output)}
                subprocess.run(
                    [arguments.llama, REPOSITORY / "scripts" / "interop_llama.py"], input=json.dumps(job) + "\n",
                    text=True, check=True, capture_output=True,
                )  # fmt: skip
                others[kind] = load_file(output)
    is_close = True
    for (name, tokens), own_tokens in zip(ids.items(), own):
        # A text's own tokens have no beginning of sequence.
        same = tokens[1:] == own_tokens
        logits = ours[f"logits.{name}"]
        parts = [f"{name}: {len(tokens)} tokens, ids {'same' if same else 'DIFFER'}, perplexity {perplexity(logits, tokens):.2f}"]
        for other, tensors in others.items():
            theirs = tensors[f"logits.{name}"]
            parts.append(f"{other} {figure(logits, theirs):.1e}, perplexity {perplexity(theirs, tokens):.2f}")
        print("; ".join(parts))
        is_close = is_close and same and figure(logits, others["Transformers"][f"logits.{name}"]) <= 1e-4
    if not is_close:
        sys.exit(1)


if __name__ == "__main__":
    main()
