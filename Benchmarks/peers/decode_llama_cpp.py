"""Times prompt processing and greedy decoding with llama.cpp, and prints one JSON object.

    python Benchmarks/peers/decode_llama_cpp.py --tokens 128 --threads 2
    python Benchmarks/peers/decode_llama_cpp.py --sequences 32 --repeats 1

Through llama.cpp's own calls rather than llama-cpp-python's `Llama`: that takes one sequence only, and
copies logits and samplers about in Python for every token, which is no fault of llama.cpp.
"""

import argparse
import ctypes
import importlib.metadata
import json
import random
import time
from pathlib import Path

import llama_cpp
import numpy


def peak_rss_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise KeyError("VmHWM")


class Decoder:
    """A context for several sequences, and the batch that feeds it."""

    def __init__(self, options: argparse.Namespace):
        llama_cpp.llama_backend_init()
        self.silence = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.silence, ctypes.c_void_p(0))
        self.model = llama_cpp.llama_model_load_from_file(
            options.model.encode(), llama_cpp.llama_model_default_params()
        )
        if not self.model:
            raise SystemExit(f"{options.model}: llama.cpp cannot read it; name a GGUF file")
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.capacity = max(options.prompt_tokens, options.sequences)
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = options.sequences * (options.prompt_tokens + options.tokens)
        settings.n_batch = self.capacity
        settings.n_seq_max = options.sequences
        settings.n_threads = options.threads
        settings.n_threads_batch = options.threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        if not self.context:
            raise SystemExit(f"{options.model}: llama.cpp made no context for it; take fewer --sequences")
        self.batch = llama_cpp.llama_batch_init(self.capacity, 0, 1)

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def read(self, entries: list[tuple[int, int, int, bool]]) -> list[int]:
        """Reads (token, position, sequence, wants logits), and returns the likeliest token where wanted."""
        batch = self.batch
        batch.n_tokens = len(entries)
        for index, (token, position, sequence, wants_logits) in enumerate(entries):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = wants_logits
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama.cpp could not read a batch; take fewer --sequences or tokens")
        return [
            int(numpy.ctypeslib.as_array(
                llama_cpp.llama_get_logits_ith(self.context, index), shape=(self.vocabulary,)
            ).argmax())
            for index, entry in enumerate(entries)
            if entry[3]
        ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--prompt-tokens", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many counts")
    options = parser.parse_args()

    decoder = Decoder(options)
    random.seed(1)
    prompts = [
        [random.randrange(decoder.vocabulary) for _ in range(options.prompt_tokens)]
        for _ in range(options.sequences)
    ]
    prompt_rates, decode_rates = [], []
    for _ in range(options.repeats):
        decoder.clear()
        started = time.perf_counter()
        following = []
        for sequence, prompt in enumerate(prompts):
            last = len(prompt) - 1
            following += decoder.read(
                [(token, position, sequence, position == last) for position, token in enumerate(prompt)]
            )
        prompt_rates.append(options.sequences * options.prompt_tokens / (time.perf_counter() - started))
        # Greedy, and on past an end of text: every repeat decodes the same number of tokens.
        started = time.perf_counter()
        for position in range(options.prompt_tokens, options.prompt_tokens + options.tokens - 1):
            following = decoder.read(
                [(token, position, sequence, True) for sequence, token in enumerate(following)]
            )
        decode_rates.append(options.sequences * (options.tokens - 1) / (time.perf_counter() - started))
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
