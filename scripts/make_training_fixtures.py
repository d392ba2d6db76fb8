"""Writes Tests/Fixtures/training: what PEFT and torch's AdamW make of the tiny models.

    python scripts/make_training_fixtures.py        (after make_model_fixtures.py)

    conversations.jsonl  24 chat rows in OpenAI's form
    sequences.json       the same rows as tokens and labels under tiny-tied's tokenizer and template
    <adapter>/initial    the PEFT adapter that both runs start from
    <adapter>/f32.json   losses, gradient norms and learning rates of twenty steps; f32/ the adapter
    <adapter>/nf4.json   they make. nf4: the same over a base that bitsandbytes keeps in NF4
    nf4.logits.safetensors  what tiny-tied answers with its linear layers in NF4, no adapter
    gradients/<model>    one ragged batch: gradients of every A and B and of the input embeddings

A step takes the next eight rows of the file, in order and starting over at its end, as two
micro-batches of four. Its loss is Σ negative log-likelihood / Σ supervised tokens over all eight,
and the label of a token is -100 unless it is supervised. Gradients are clipped by their global
norm, which is recorded before clipping. The learning rate is the one the step used.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import make_model_fixtures as tiny
import torch
from nf4_round_trip import round_trip_through_nf4
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import (
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaForCausalLM,
    get_cosine_schedule_with_warmup,
)

FOLDER = tiny.FIXTURES / "training"
SETTINGS = {
    "max_steps": 20,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "learning_rate": 1e-2,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 3,
    "weight_decay": 0.01,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
}
ADAPTERS = {
    "attention": dict(target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]),
    "all-linear-rslora": dict(target_modules="all-linear", use_rslora=True),
}

Labelled = tuple[list[int], list[int]]


def conversation(*turns, system=None, weights=None) -> list[dict]:
    """Alternating user and assistant turns; `weights` holds a weight for each assistant turn."""
    messages = [{"role": "system", "content": system}] if system is not None else []
    for position, content in enumerate(turns):
        message = {"role": ("user", "assistant")[position % 2], "content": content}
        if weights is not None and position % 2 == 1:
            message["weight"] = weights[position // 2]
        messages.append(message)
    return messages


CONVERSATIONS = [
    conversation("What does the lorikeet eat?", "Nectar."),
    conversation("Hi", "Hello, small bird!", system="Greet."),
    conversation("3 + 4?", "7", "And 12 + 30?", "42", system="Add."),
    conversation("Which bird is the smallest?", "The bee hummingbird."),
    conversation("a", "b", system=""),
    conversation("Name a tree.", "The oak is a tree, and the birch is a tree too.", system="Short."),
    conversation("Spell é.", "e with an acute accent: é", system="日本"),
    conversation("Where does it sleep?", "In the tree."),
    conversation("1", "2", "3", "4", "5", "6", system="Count."),
    conversation("Is the parrot blue?", "No.", system="Yes or no."),
    conversation("Say nothing.", "", system="Obey."),
    conversation("Two\nlines?", "One\nTwo", system="Lines."),
    conversation("What is on its tongue?", "A brush, with which it takes the nectar of the flower."),
    conversation("x", "The bird eats.", "y", "The bird sleeps.", system="s", weights=[0, 1]),
    conversation("Again.", "Again.", system="Repeat."),
    conversation("How many birds?", "There are 345 in that other one.", system="Number."),
    conversation("soft fruit or pollen?", "Pollen.", system="Choose."),
    conversation("Good bye", "Bye.", system="Greet."),
    conversation("Who are you?", "A small parrot."),
    conversation("{\"a\": 1}", "{\"b\": [1, 2]}", system="JSON"),
    conversation("the the the", "bird bird", system="No sense."),
    conversation("What is a rainbow?", "Light in the rain.", "And a lorikeet?", "A bird.", system="Be brief."),
    conversation("  two  spaces ", " kept ", system="Spaces."),
    conversation("z", "The lorikeet is a small parrot that feeds on nectar, pollen and soft fruit.", system="z"),
]  # fmt: skip


def labelled(tokenizer, messages: list[dict]) -> Labelled:
    """Tokens of the rendered conversation and their labels.

    Supervised is what an assistant turn says, through its end-of-turn token; the header before it
    and the newline after it are not.
    """
    text, spans = "", []
    if messages[0]["role"] != "system":
        text += "<|im_start|>system\nYou are a small bird.<|im_end|>\n"
    for message in messages:
        text += f"<|im_start|>{message['role']}\n"
        start = len(text)
        text += f"{message['content']}<|im_end|>"
        if message["role"] == "assistant" and message.get("weight", 1) == 1:
            spans.append((start, len(text)))
        text += "\n"
    assert text == tokenizer.apply_chat_template(messages, tokenize=False)
    encoded = tokenizer(text, return_offsets_mapping=True)
    labels = [
        token if any(start <= first < end for start, end in spans) else -100
        for token, (first, _) in zip(encoded["input_ids"], encoded["offset_mapping"])
    ]
    return encoded["input_ids"], labels


def supervised_count(sequences: list[Labelled]) -> int:
    """Labels that a preceding token predicts; the first token of a sequence has none."""
    return sum(label != -100 for _, labels in sequences for label in labels[1:])


def padded(sequences: list[Labelled]):
    longest = max(len(ids) for ids, _ in sequences)
    ids = torch.tensor([ids + [2] * (longest - len(ids)) for ids, _ in sequences])
    labels = torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in sequences])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in sequences])
    return ids, labels, mask


def summed_loss(model, sequences: list[Labelled], input_embeddings=None) -> torch.Tensor:
    """Σ negative log-likelihood of the supervised tokens, from a right-padded batch."""
    ids, labels, mask = padded(sequences)
    inputs = dict(input_ids=ids) if input_embeddings is None else dict(inputs_embeds=input_embeddings)
    logits = model(**inputs, attention_mask=mask).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum"
    )


def base(name: str, weights: str) -> LlamaForCausalLM:
    """A tiny model with its linear layers as `weights` says.

    f32; f64; nf4, as bitsandbytes keeps them; or nf4-values, which is f32 with the values NF4 decodes to.
    """
    if weights == "nf4":
        model = LlamaForCausalLM.from_pretrained(
            tiny.FIXTURES / "models" / name, dtype=torch.float32, attn_implementation="eager", device_map="cpu",
            quantization_config=BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.float32,
            ),
        )  # fmt: skip
    else:
        model = tiny.load(name)
    if weights == "nf4-values":
        round_trip_through_nf4(model)
    if weights == "f64":
        model = model.double()
    # In evaluation mode bitsandbytes may repack the weights for a kernel that computes in bfloat16,
    # where the processor has one. There is no dropout, so training mode changes nothing else.
    model.train()
    model.name_or_path = name  # what PEFT records as the base; a path would be this machine's
    return model


def save_adapter(model: PeftModel, folder: Path):
    """Saves as PEFT does, without the model card."""
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()


def make_initial_adapter(model_name: str, folder: Path, settings: dict, b_deviation: float, seed: int):
    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, task_type="CAUSAL_LM", **settings)
    model = get_peft_model(base(model_name, "f32"), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(b_deviation * torch.randn_like(parameter))
    save_adapter(model, folder)


def train(weights: str, initial: Path, sequences: list[Labelled]) -> tuple[dict, PeftModel]:
    """Twenty steps from the adapter in `initial`, and what was measured in each."""
    model = PeftModel.from_pretrained(base("tiny-tied", weights), initial, is_trainable=True)
    if weights == "f64":
        model = model.double()
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=SETTINGS["learning_rate"], betas=(SETTINGS["adam_beta1"], SETTINGS["adam_beta2"]),
        eps=SETTINGS["adam_epsilon"], weight_decay=SETTINGS["weight_decay"],
    )  # fmt: skip
    schedule = get_cosine_schedule_with_warmup(optimizer, SETTINGS["warmup_steps"], SETTINGS["max_steps"])
    batch, windows = SETTINGS["per_device_train_batch_size"], SETTINGS["gradient_accumulation_steps"]
    measured = {"losses": [], "grad_norms": [], "learning_rates": [], "supervised_tokens": []}
    for step in range(SETTINGS["max_steps"]):
        first = step * batch * windows
        rows = [sequences[index % len(sequences)] for index in range(first, first + batch * windows)]
        count = supervised_count(rows)
        loss = 0.0
        for start in range(0, len(rows), batch):
            part = summed_loss(model, rows[start : start + batch]) / count
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, SETTINGS["max_grad_norm"])
        measured["losses"].append(loss)
        measured["grad_norms"].append(norm.item())
        measured["learning_rates"].append(schedule.get_last_lr()[0])
        measured["supervised_tokens"].append(count)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return measured, model


def largest_relative_difference(first: list[float], second: list[float]) -> float:
    return max(abs(a - b) / abs(a) for a, b in zip(first, second))


def make_trajectories(sequences: list[Labelled]):
    for position, (name, settings) in enumerate(ADAPTERS.items()):
        initial = FOLDER / name / "initial"
        make_initial_adapter("tiny-tied", initial, settings, b_deviation=0.1 * position, seed=21 + position)
        runs = {}
        for weights in ("f32", "nf4", "f64", "nf4-values"):
            runs[weights], model = train(weights, initial, sequences)
            if weights in ("f32", "nf4"):
                tiny.write_json(FOLDER / name / f"{weights}.json", runs[weights])
                save_adapter(model, FOLDER / name / weights)
        # How far rounding alone moves the numbers, so that a test's tolerance means something.
        for a, b in (("f32", "f64"), ("nf4", "nf4-values")):
            differences = [largest_relative_difference(runs[a][key], runs[b][key]) for key in ("losses", "grad_norms")]
            print(f"{name}: {a} against {b}: losses {differences[0]:.1e}, gradient norms {differences[1]:.1e}")
            assert differences[0] < 1e-4
        print(f"{name}: loss {runs['f32']['losses'][0]:.4f} to {runs['f32']['losses'][-1]:.4f}")
        print(f"{name}: gradient norms {' '.join(f'{norm:.2f}' for norm in runs['f32']['grad_norms'])}")


def ragged_batch(lengths: list[int], seed: int) -> list[Labelled]:
    """Random tokens, about half of them supervised, and always the last."""
    generator = torch.Generator().manual_seed(seed)
    sequences = []
    for length in lengths:
        ids = torch.randint(0, tiny.VOCABULARY_SIZE, (length,), generator=generator).tolist()
        counted = torch.rand(length, generator=generator) < 0.5
        counted[0], counted[-1] = False, True
        sequences.append((ids, [token if flag else -100 for token, flag in zip(ids, counted)]))
    return sequences


def make_gradients(model_name: str, initial: Path, lengths: list[int]):
    """Gradients of the mean loss over a batch, given as one row of tokens without padding."""
    sequences = ragged_batch(lengths, seed=31)
    model = PeftModel.from_pretrained(base(model_name, "f32"), initial, is_trainable=True).train()
    ids, _, mask = padded(sequences)
    embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
    loss = summed_loss(model, sequences, embeddings) / supervised_count(sequences)
    loss.backward()
    tensors = {
        "segment_lengths": torch.tensor(lengths, dtype=torch.int32),
        "input_ids": torch.tensor([token for ids, _ in sequences for token in ids], dtype=torch.int32),
        "labels": torch.tensor([label for _, labels in sequences for label in labels], dtype=torch.int32),
        "loss": loss.detach().reshape(1),
        "grad.input_embeddings": embeddings.grad[mask.bool()].contiguous(),
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.abs().max() > 0
            tensors[f"grad.{name.replace('.default', '')}"] = parameter.grad
    save_file(tensors, FOLDER / "gradients" / f"{model_name}.safetensors")


def main():
    tiny.print_versions()
    tiny.quiet()
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "gradients").mkdir(parents=True)
    tokenizer = AutoTokenizer.from_pretrained(tiny.FIXTURES / "models" / "tiny-tied")
    sequences = [labelled(tokenizer, messages) for messages in CONVERSATIONS]
    with open(FOLDER / "conversations.jsonl", "w", encoding="utf-8") as file:
        for messages in CONVERSATIONS:
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    rows = ",\n".join(json.dumps({"input_ids": ids, "labels": labels}) for ids, labels in sequences)
    (FOLDER / "sequences.json").write_text(
        f'{{"settings": {json.dumps(SETTINGS)},\n"sequences": [\n{rows}\n]}}\n', encoding="utf-8"
    )
    print("tokens:", [len(ids) for ids, _ in sequences])
    print("supervised:", [supervised_count([sequence]) for sequence in sequences])

    make_trajectories(sequences)
    nf4_logits = tiny.logits(base("tiny-tied", "nf4"), lengths=(7,))
    emulated = tiny.logits(base("tiny-tied", "nf4-values"), lengths=(7,))
    torch.testing.assert_close(nf4_logits["logits.7"], emulated["logits.7"], rtol=0, atol=1e-5)
    save_file(nf4_logits, FOLDER / "nf4.logits.safetensors")

    make_gradients("tiny-tied", FOLDER / "all-linear-rslora" / "initial", [9, 2, 33, 17])
    untied_adapter = FOLDER / "gradients" / "tiny-untied-adapter"
    make_initial_adapter("tiny-untied", untied_adapter, ADAPTERS["all-linear-rslora"], b_deviation=0.1, seed=23)
    make_gradients("tiny-untied", untied_adapter, [5, 19, 2, 31])

    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    # PEFT writes target_modules in the order of a set, which hangs on the hash seed.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
