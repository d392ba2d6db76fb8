"""Times LoRA fine-tuning with Transformers + PEFT on this machine, and prints one JSON object.

    python Benchmarks/peers/train_peft.py --steps 5
    python Benchmarks/peers/train_peft.py --data data/support/train.jsonl --targets all-linear --batch 16 --epochs 3
    lorikeet-benchmarks workload --workload chat --steps 4 > rows.jsonl
    python Benchmarks/peers/train_peft.py --workload chat --rows rows.jsonl

With --workload, --rows names a file of token ids, {"tokens": […], "supervised": the last so many}, which are
taken in the file's order, and batch and adapted layers are that workload's: so does Lorikeet's own benchmark.
Without --data and --rows every step is a batch of random tokens, all supervised (--batch rows of --length).
With --data, rows are OpenAI chat JSONL under the model's own template, and supervised is what an
assistant turn says, through its end-of-turn token, as Lorikeet has it. The loss is
Σ negative log-likelihood / Σ supervised tokens over the step.

Two options give the peer what it lacks by default, so that the comparison is fair:
--length-grouping, as Transformers' Trainer groups, and --supervised-logits-only, which runs the
head on the positions that predict a supervised token and on no other.
"""

import argparse
import importlib.metadata
import json
import random
import sys
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, get_linear_schedule_with_warmup
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from gguf_tokenizer import GGUFTokenizer  # noqa: E402

IGNORED = -100
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
# Rows a step and adapted layers, as Workload.swift has them.
WORKLOADS = {"full": (4, "attention"), "chat": (16, "all-linear"), "prefix": (16, "all-linear")}
TARGETS = {"attention": ["q_proj", "k_proj", "v_proj", "o_proj"], "all-linear": "all-linear"}

Labelled = tuple[list[int], list[int]]


class FolderTokenizer:
    """The tokenizer of a Hugging Face folder, with the same methods as `GGUFTokenizer`."""

    def __init__(self, folder: str):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    def render(self, messages: list[dict], add_generation_prompt: bool = True) -> str:
        return self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=add_generation_prompt
        )


def labelled(tokenizer, messages: list[dict]) -> Labelled:
    """Token ids and labels of a conversation, taken turn by turn so that the spans are known."""
    ids, labels, done = [], [], ""

    def append(text: str, is_supervised: bool):
        piece = tokenizer.encode(text)
        ids.extend(piece)
        labels.extend(piece if is_supervised else [IGNORED] * len(piece))

    for position, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        header = tokenizer.render(messages[:position], add_generation_prompt=True)
        full = tokenizer.render(messages[: position + 1], add_generation_prompt=False)
        if not (header.startswith(done) and full.startswith(header)):
            raise SystemExit("the chat template does not render turn by turn; this benchmark needs one that does")
        append(header[len(done) :], False)
        says = full[len(header) :].rstrip("\n")
        append(says, message.get("weight", 1) == 1)
        done = header + says
    append(tokenizer.render(messages, add_generation_prompt=False)[len(done) :], False)
    return ids, labels


def read_rows(path: str, tokenizer) -> list[Labelled]:
    with open(path, encoding="utf-8") as file:
        return [labelled(tokenizer, json.loads(line)["messages"]) for line in file if line.strip()]


def read_token_rows(path: str) -> list[Labelled]:
    """Rows of token ids whose last tokens, so many as each says, are supervised."""
    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            ids = row["tokens"]
            unsupervised = len(ids) - row["supervised"]
            rows.append((ids, [IGNORED] * unsupervised + ids[unsupervised:]))
    return rows


def synthetic_rows(count: int, length: int, vocabulary: int) -> list[Labelled]:
    rows = []
    for _ in range(count):
        ids = [random.randrange(vocabulary) for _ in range(length)]
        rows.append((ids, ids))
    return rows


def epoch_order(rows: list[Labelled], batch: int, length_grouping: bool, is_sample: bool) -> list[int]:
    """An order of rows: shuffled, unless they are a sample whose steps another tool takes too.

    Grouped, each stretch of at most fifty batches is sorted by length. Transformers shortens the stretch
    where rows are few; a sample stands for many, so there it does not.
    """
    order = list(range(len(rows))) if is_sample else random.sample(range(len(rows)), len(rows))
    if not length_grouping:
        return order
    batches = 50 if is_sample else max(1, min(len(rows) // (batch * 4), 50))
    stretch = batch * batches
    groups = [order[start : start + stretch] for start in range(0, len(order), stretch)]
    return [index for group in groups for index in sorted(group, key=lambda i: -len(rows[i][0]))]


def padded(rows: list[Labelled]):
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in rows])
    labels = torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows])
    return ids, labels, mask


def summed_loss(model, rows: list[Labelled], supervised_logits_only: bool) -> torch.Tensor:
    """Σ negative log-likelihood of the supervised tokens."""
    ids, labels, mask = padded(rows)
    targets = labels[:, 1:].reshape(-1)
    if supervised_logits_only:
        causal = model.get_base_model()
        hidden = causal.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
        counted = targets != IGNORED
        logits = causal.lm_head(hidden.reshape(-1, hidden.shape[-1])[counted])
        targets = targets[counted]
    else:
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        logits = logits.reshape(-1, logits.shape[-1])
    return torch.nn.functional.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")


def supervised_count(rows: list[Labelled]) -> int:
    return sum(label != IGNORED for _, labels in rows for label in labels[1:])


def load_model(path: str, dtype: torch.dtype, load_in_4bit: bool):
    """The model, from a GGUF file (dequantised) or a folder, its linear layers in NF4 if asked."""
    if path.endswith(".gguf"):
        folder, file = str(Path(path).parent), Path(path).name
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=dtype)
    else:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
    model.name_or_path = path
    if load_in_4bit:
        convert_to_nf4(model, dtype)
    return model


def convert_to_nf4(model, compute_dtype: torch.dtype):
    """Swaps every linear layer but the head for bitsandbytes' NF4 with double quantisation.

    By hand, since Transformers refuses a quantization config together with a GGUF file.
    """
    from bitsandbytes.nn import Linear4bit, Params4bit

    linear = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    ]
    for name, module in linear:
        replacement = Linear4bit(
            module.in_features, module.out_features, bias=False, compute_dtype=compute_dtype,
            compress_statistics=True, quant_type="nf4", device="meta",
        )  # fmt: skip
        replacement.weight = Params4bit(
            module.weight.data, requires_grad=False, compress_statistics=True, quant_type="nf4"
        ).to("cpu")
        replacement.compute_type_is_set = True
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, replacement)
    model.is_loaded_in_4bit = True


def status_bytes(key: str) -> int:
    """`VmHWM` (peak) or `VmRSS` (now) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf", help="GGUF file or folder")
    parser.add_argument("--data", help="chat JSONL; without it, random tokens")
    parser.add_argument("--workload", choices=sorted(WORKLOADS), help="sets --batch and --targets; needs --rows")
    parser.add_argument("--rows", help="JSONL of token ids, as lorikeet-benchmarks workload prints it")
    parser.add_argument("--length", type=int, default=512, help="tokens a row of random data")
    parser.add_argument("--batch", type=int, default=4, help="rows a micro-batch")
    parser.add_argument("--accumulation", type=int, default=1, help="micro-batches a step")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, help="stop after so many steps; for random data, 3 unless given")
    parser.add_argument("--targets", default="attention", help="attention, all-linear, or names with commas")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--learning-rate", type=float, default=5e-4, help="falls linearly to 0")
    parser.add_argument("--load-in-4bit", action="store_true")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--length-grouping", action="store_true")
    parser.add_argument("--supervised-logits-only", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", help="folder for the trained adapter")
    options = parser.parse_args()
    if options.workload:
        if not options.rows:
            parser.error("--workload needs --rows FILE; make it with: lorikeet-benchmarks workload")
        options.batch, options.targets = WORKLOADS[options.workload]
    return options


def main():
    options = arguments()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    random.seed(options.seed)

    model = load_model(options.model, getattr(torch, options.dtype), options.load_in_4bit)
    targets = TARGETS.get(options.targets) or options.targets.split(",")
    config = LoraConfig(
        r=options.rank, lora_alpha=options.alpha, lora_dropout=options.dropout, target_modules=targets,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    model = get_peft_model(model, config)
    model.train()

    rows_a_step = options.batch * options.accumulation
    if options.rows:
        rows = read_token_rows(options.rows)
    elif options.data:
        is_gguf = options.model.endswith(".gguf")
        tokenizer = GGUFTokenizer(options.model) if is_gguf else FolderTokenizer(options.model)
        rows = read_rows(options.data, tokenizer)
    else:
        count = rows_a_step * (options.steps or 3)
        rows = synthetic_rows(count, options.length, model.config.vocab_size)
    order = [
        index
        for _ in range(options.epochs)
        for index in epoch_order(rows, options.batch, options.length_grouping, is_sample=options.rows is not None)
    ]
    # As Transformers' Trainer: the last, partial window of an epoch is a step of its own.
    windows = [
        order[epoch + start : epoch + min(start + rows_a_step, len(rows))]
        for epoch in range(0, len(order), len(rows))
        for start in range(0, len(rows), rows_a_step)
    ][: options.steps]

    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=options.learning_rate, weight_decay=0.0)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, len(windows))
    losses, step_seconds, step_tokens, step_padded = [], [], [], []
    for step, window in enumerate(windows):
        started = time.perf_counter()
        chosen = [rows[index] for index in window]
        count, loss, padded_tokens = supervised_count(chosen), 0.0, 0
        for start in range(0, len(chosen), options.batch):
            part = chosen[start : start + options.batch]
            part_loss = summed_loss(model, part, options.supervised_logits_only) / count
            part_loss.backward()
            loss += part_loss.item()
            padded_tokens += len(part) * max(len(ids) for ids, _ in part)
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss)
        step_seconds.append(time.perf_counter() - started)
        step_tokens.append(sum(len(ids) for ids, _ in chosen))
        step_padded.append(padded_tokens)
        rate = step_tokens[-1] / step_seconds[-1]
        print(f"step {step + 1}/{len(windows)}: loss {loss:.4f}, {rate:.0f} tokens/s", file=sys.stderr)
    if options.output:
        model.save_pretrained(options.output, save_embedding_layers=False)

    report = {
        "options": vars(options),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "rows": len(rows),
        "steps": len(windows),
        "tokens": sum(step_tokens),
        "padded_tokens": sum(step_padded),
        "seconds": sum(step_seconds),
        # Real tokens, without padding. The first step warms up: the second figure leaves it out.
        "tokens_per_second": sum(step_tokens) / sum(step_seconds),
        "warm_tokens_per_second": sum(step_tokens[1:]) / sum(step_seconds[1:]) if len(windows) > 1 else None,
        "step_seconds": step_seconds,
        "step_tokens": step_tokens,
        "peak_rss_bytes": status_bytes("VmHWM"),
        "trainable_parameters": sum(parameter.numel() for parameter in trainable),
        "losses": losses,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
