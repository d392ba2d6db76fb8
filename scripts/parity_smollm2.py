"""What Transformers makes of SmolLM2's GGUF file in float32, to hold `lorikeet` against.

    python scripts/parity_smollm2.py --output reference.safetensors [--model models/….gguf]
    python scripts/parity_smollm2.py --compare theirs.safetensors reference.safetensors

The first form writes, for each prompt, `input_ids.<name>` I32 [tokens] and `logits.<name>` F32
[positions, vocabulary] at a few positions, `positions.<name>`, and prints the greedy answer to a
question. The second prints max|Δlogit| / max|logit| for each prompt, and fails above 1e-4 or where
the ids differ. The other file may hold more positions than the reference: rows are matched by
`positions.<name>`, and without it row i is position i.

With --nf4 the linear layers hold what bitsandbytes' NF4 with double quantisation decodes to, as
`--load-in-4bit` has them.
"""

import argparse
import json
import sys

import make_model_fixtures as tiny
import torch
from gguf_tokenizer import GGUFTokenizer
from nf4_round_trip import round_trip_through_nf4
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

QUESTION = "What is the capital of France?"
MESSAGES = [{"role": "user", "content": QUESTION}]
TEXTS = {
    "plain": "The lorikeet is a small parrot that lives in the forests of",
    "digits": "a  1 and 2024, then 3.14159\n\n\tdef f(x):\n        return x ** 2",
    "unicode": "Écoute, 日本 and 🦜: naïve café — “quoted”",
    "long": "A rainbow lorikeet drinks nectar. " * 40,
}
TOLERANCE = 1e-4


def kept_positions(length: int) -> list[int]:
    """The first, second, middle and last position, so that the file stays small."""
    return sorted({0, min(1, length - 1), length // 2, length - 1})


def greedy_answer(model, ids: list[int], end_of_turn: int, most: int = 48) -> list[int]:
    answer = []
    with torch.no_grad():
        outputs = model(input_ids=torch.tensor([ids]), use_cache=True)
        for _ in range(most):
            token = int(outputs.logits[0, -1].argmax())
            if token == end_of_turn:
                break
            answer.append(token)
            outputs = model(
                input_ids=torch.tensor([[token]]), past_key_values=outputs.past_key_values, use_cache=True
            )
    return answer


def write_reference(model_path: str, output: str, nf4: bool):
    tiny.print_versions()
    tokenizer = GGUFTokenizer(model_path)
    folder, _, file = model_path.rpartition("/")
    model = AutoModelForCausalLM.from_pretrained(
        folder or ".", gguf_file=file, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    if nf4:
        round_trip_through_nf4(model)
    texts = TEXTS | {"chat": tokenizer.render(MESSAGES)}
    tensors = {}
    for name, text in texts.items():
        ids = tokenizer.encode(text)
        positions = kept_positions(len(ids))
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0, positions]
        tensors[f"input_ids.{name}"] = torch.tensor(ids, dtype=torch.int32)
        tensors[f"positions.{name}"] = torch.tensor(positions, dtype=torch.int32)
        tensors[f"logits.{name}"] = logits.contiguous()
        print(f"{name}: {len(ids)} tokens, max|logit| {logits.abs().max():.2f}")
    save_file(tensors, output, metadata={"texts": json.dumps(texts, ensure_ascii=False)})
    answer = greedy_answer(model, tokenizer.encode(texts["chat"]), tokenizer.end_of_turn)
    print(f"{QUESTION} {tokenizer.decode(answer)}")


def compare(theirs_path: str, reference_path: str) -> bool:
    theirs, reference = load_file(theirs_path), load_file(reference_path)
    names = [key.removeprefix("logits.") for key in reference if key.startswith("logits.")]
    is_close = True
    for name in names:
        if f"logits.{name}" not in theirs:
            print(f"{name}: absent from {theirs_path}")
            is_close = False
            continue
        ids = f"input_ids.{name}"
        if ids in theirs and theirs[ids].tolist() != reference[ids].tolist():
            print(f"{name}: the token ids differ")
            is_close = False
            continue
        logits = theirs[f"logits.{name}"]
        rows = theirs[f"positions.{name}"].tolist() if f"positions.{name}" in theirs else range(len(logits))
        row_of = {position: row for row, position in enumerate(rows)}
        wanted = reference[f"logits.{name}"]
        found = logits[[row_of[position] for position in reference[f"positions.{name}"].tolist()]]
        difference = ((found - wanted).abs().max() / wanted.abs().max()).item()
        agreeing = int((found.argmax(-1) == wanted.argmax(-1)).sum())
        print(f"{name}: max|Δlogit| / max|logit| = {difference:.1e}, same best token at {agreeing} of {len(wanted)}")
        is_close = is_close and difference <= TOLERANCE
    return is_close


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--output", help="where to write the reference")
    parser.add_argument("--compare", nargs=2, metavar=("THEIRS", "REFERENCE"))
    parser.add_argument("--nf4", action="store_true", help="pass the linear layers through NF4 first")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if not (arguments.output or arguments.compare):
        parser.error("give --output or --compare")
    tiny.quiet()
    torch.set_num_threads(arguments.threads)
    if arguments.output:
        write_reference(arguments.model, arguments.output, arguments.nf4)
    if arguments.compare and not compare(*arguments.compare):
        sys.exit(1)


if __name__ == "__main__":
    main()
