"""Logits of llama.cpp, for interop.py: reads jobs as JSON lines, writes a safetensors file for each.

    {"model": "m.gguf", "adapter": "a.gguf" or null, "ids": "ids.json", "output": "logits.safetensors"}

The key/value cache is f32 and flash attention off, so that what is left of a difference is the weights' type.
"""

import importlib.metadata
import json
import sys

import numpy
from llama_cpp import Llama
from safetensors.numpy import save_file

F32 = 0


def logits(model: str, adapter: str | None, sequences: dict[str, list[int]]) -> dict[str, numpy.ndarray]:
    longest = max(map(len, sequences.values()))
    llama = Llama(
        model_path=model, lora_path=adapter, n_ctx=longest, n_batch=longest, n_ubatch=longest, n_threads=2,
        n_threads_batch=2, logits_all=True, type_k=F32, type_v=F32, flash_attn=False, verbose=False,
    )  # fmt: skip
    tensors = {}
    for name, ids in sequences.items():
        llama.reset()
        llama.eval(ids)
        tensors[f"logits.{name}"] = llama.scores[: len(ids)].copy()
    llama.close()
    return tensors


def main():
    print(json.dumps({"llama-cpp-python": importlib.metadata.version("llama-cpp-python")}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            with open(job["ids"], encoding="utf-8") as file:
                sequences = json.load(file)
            save_file(logits(job["model"], job["adapter"], sequences), job["output"])
            answer = {}
        except (RuntimeError, ValueError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
