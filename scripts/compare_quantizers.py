#!/usr/bin/env python3
"""Compares `lorikeet quantize` with llama.cpp's quantiser on one model, and prints two tables for docs/interop.md.

    pip install -r scripts/requirements-quantizers.txt
    python scripts/compare_quantizers.py --model models/SmolLM2-135M-Instruct.Q4_1.gguf \\
      --data data/support/valid.jsonl --limit 50

Written: the model is stored as f16 first, and both tools make every type of that one file. Tensors are compared byte by
byte, their errors against the f16 file are taken with gguf-py, and perplexity is llama.cpp's, for both, on the messages
of the rows in windows of 512 tokens.

Read: llama.cpp makes its own mixtures of types, Lorikeet turns them into f32, and every number is compared with the
one gguf-py decodes.
"""

import argparse
import ctypes
import importlib.metadata
import json
import pathlib
import subprocess
import tempfile
import time

import gguf
import llama_cpp
import numpy as np

WRITTEN = {
    "q8_0": "Q8_0", "q5_1": "Q5_1", "q5_0": "Q5_0", "q4_1": "Q4_1", "q4_0": "Q4_0",
    "q6_k": "Q6_K", "q5_k": "Q5_K_S", "q4_k": "Q4_K_S",
}  # fmt: skip
READ = ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_NL"]


@llama_cpp.llama_log_callback
def silent(level, text, data):
    """llama.cpp writes a line for each tensor."""


def make_with_llama(source: pathlib.Path, output: pathlib.Path, ftype: str, pure: bool) -> float:
    """Quantises with llama.cpp; returns the seconds it took."""
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{ftype}")
    parameters.nthread = 2
    parameters.pure = pure
    parameters.allow_requantize = True
    began = time.monotonic()
    result = llama_cpp.llama_model_quantize(str(source).encode(), str(output).encode(), ctypes.byref(parameters))
    assert result == 0, f"llama.cpp could not make {ftype}"
    return time.monotonic() - began


def run(lorikeet: str, *arguments) -> tuple[dict, float]:
    """The JSON that a Lorikeet command prints, and the seconds it took."""
    began = time.monotonic()
    command = [lorikeet, *map(str, arguments), "--json", "--quiet"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return json.loads(output), time.monotonic() - began


def tensors(path: pathlib.Path) -> dict:
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def values(tensor) -> np.ndarray:
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(-1)


def errors(tensors: dict, source: dict) -> tuple[float, float, float]:
    """Of all matrices together: root of the squared differences over the squares, mean and largest |difference|."""
    squares = size = total = worst = 0.0
    count = 0
    for name, tensor in tensors.items():
        if len(tensor.shape) < 2:
            continue
        given = values(source[name]).astype(np.float64)
        difference = np.abs(values(tensor) - given)
        squares += np.square(difference).sum()
        size += np.square(given).sum()
        total += difference.sum()
        count += difference.size
        worst = max(worst, difference.max())
    return float(np.sqrt(squares / size)), total / count, worst


def perplexity(arguments, model: pathlib.Path) -> str:
    """llama.cpp's perplexity and its standard error."""
    window = 512
    llama = llama_cpp.Llama(str(model), n_ctx=window, n_batch=window, n_threads=2, logits_all=True, verbose=False)
    rows = pathlib.Path(arguments.data).read_text(encoding="utf-8").splitlines()[: arguments.limit]
    text = "\n".join(message["content"] for row in rows for message in json.loads(row)["messages"])
    tokens = llama.tokenize(text.encode(), add_bos=False, special=False)
    losses = []
    for start in range(0, len(tokens) - 1, window):
        part = tokens[start : start + window]
        llama.reset()
        llama.eval(part)
        scores = llama.scores[: len(part) - 1].astype(np.float64)
        peak = scores.max(axis=1)
        total = np.log(np.exp(scores - peak[:, None]).sum(axis=1)) + peak
        losses.append(total - scores[np.arange(len(part) - 1), part[1:]])
    llama.close()
    losses = np.concatenate(losses)
    mean = np.exp(losses.mean())
    return f"{mean:.3f} ± {mean * losses.std() / np.sqrt(len(losses)):.3f}"


def shown(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:.2e}" for number in numbers)


def compare_written(arguments, folder: pathlib.Path) -> None:
    source = folder / "source.f16.gguf"
    run(arguments.lorikeet, "quantize", "--model", arguments.model, "--type", "f16", "--output", source)
    given = tensors(source)
    print(f"f16: perplexity {perplexity(arguments, source)}\n")
    print("| type | tensors with llama.cpp's bytes | types | relative, mean and worst error | of llama.cpp's |"
          " perplexity | of llama.cpp's |")
    print("|---|---|---|---|---|---|---|")
    for kind, ftype in WRITTEN.items():
        ours, theirs = folder / f"{kind}.lorikeet.gguf", folder / f"{kind}.llama.gguf"
        result, our_seconds = run(
            arguments.lorikeet, "quantize", "--model", source, "--type", kind, "--output", ours)
        their_seconds = make_with_llama(source, theirs, ftype, pure=True)
        mine, other = tensors(ours), tensors(theirs)
        assert mine.keys() == other.keys()
        equal = sum(
            mine[name].tensor_type == other[name].tensor_type and np.array_equal(mine[name].data, other[name].data)
            for name in mine)
        types = ", ".join(f"{count} {name}" for name, count in result["types"].items())
        print(f"| {kind} | {equal} of {len(mine)} | {types}"
              f" | {shown(errors(mine, given))} | {shown(errors(other, given))}"
              f" | {perplexity(arguments, ours)} | {perplexity(arguments, theirs)} |", flush=True)
        print(f"{kind}: {our_seconds:.1f} s, llama.cpp {their_seconds:.1f} s", file=arguments.times, flush=True)
        ours.unlink()
        theirs.unlink()


def compare_read(arguments, folder: pathlib.Path) -> None:
    source = folder / "source.f16.gguf"
    print("\n| file of llama.cpp | types in it | numbers | not gguf-py's bits |")
    print("|---|---|---|---|")
    for ftype in READ:
        made, plain = folder / "made.gguf", folder / "plain.gguf"
        make_with_llama(source, made, ftype, pure=False)
        run(arguments.lorikeet, "quantize", "--model", made, "--type", "f32", "--output", plain)
        stored, decoded = tensors(made), tensors(plain)
        assert stored.keys() == decoded.keys()
        count = different = 0
        kinds: dict[str, int] = {}
        for name, tensor in stored.items():
            kinds[tensor.tensor_type.name] = kinds.get(tensor.tensor_type.name, 0) + 1
            expected = values(tensor)
            count += expected.size
            different += int((expected.view(np.uint32) != values(decoded[name]).view(np.uint32)).sum())
        listed = ", ".join(f"{number} {name}" for name, number in sorted(kinds.items(), key=lambda item: -item[1]))
        print(f"| {ftype} | {listed} | {count} | {different} |", flush=True)
        made.unlink()
        plain.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lorikeet", default=".build/release/lorikeet")
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--times", type=argparse.FileType("w"), default="/dev/stderr", help="where durations go")
    arguments = parser.parse_args()
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    names = ["gguf", "llama-cpp-python", "numpy"]
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in names) + "\n")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        compare_written(arguments, folder)
        compare_read(arguments, folder)


if __name__ == "__main__":
    main()
