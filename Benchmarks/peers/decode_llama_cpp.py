"""Times prompt processing and greedy decoding with llama.cpp, and prints one JSON object.

    python Benchmarks/peers/decode_llama_cpp.py --tokens 128 --threads 2
"""

import argparse
import importlib.metadata
import json
import time
from pathlib import Path

from llama_cpp import Llama

PROMPT = "The lorikeet is a small parrot that lives in the forests of"


def peak_rss_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise KeyError("VmHWM")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--prompt-tokens", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    llama = Llama(
        options.model, n_ctx=options.prompt_tokens + options.tokens, n_threads=options.threads,
        n_threads_batch=options.threads, verbose=False,
    )  # fmt: skip
    prompt = llama.tokenize(PROMPT.encode(), add_bos=False)
    prompt = (prompt * (options.prompt_tokens // len(prompt) + 1))[: options.prompt_tokens]
    prompt_rates, decode_rates = [], []
    for _ in range(options.repeats):
        llama.reset()
        started = time.perf_counter()
        llama.eval(prompt)
        prompt_rates.append(len(prompt) / (time.perf_counter() - started))
        # Greedy, and on past an end of text: every repeat decodes the same number of tokens.
        token = llama.sample(temp=0.0)
        started = time.perf_counter()
        for _ in range(options.tokens - 1):
            llama.eval([token])
            token = llama.sample(temp=0.0)
        decode_rates.append((options.tokens - 1) / (time.perf_counter() - started))
    print(
        json.dumps(
            {
                "options": vars(options),
                "versions": {"llama-cpp-python": importlib.metadata.version("llama-cpp-python")},
                "prompt_tokens_per_second": max(prompt_rates),
                "tokens_per_second": max(decode_rates),
                "all_tokens_per_second": decode_rates,
                "peak_rss_bytes": peak_rss_bytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
