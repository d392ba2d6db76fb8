"""Writes Tests/Fixtures/whole: twenty steps of PEFT and torch with weights that are trained as a whole.

    python scripts/make_whole_fixtures.py        (after make_training_fixtures.py)

    modules-to-save/initial   the PEFT adapter that both runs start from, with modules_to_save
    modules-to-save/f32.json  losses, gradient norms, learning rates of twenty steps; f32/ the adapter they make
    full/f32.json             the same of tiny-tied with all of its weights trained; full/f32 its weights then

Rows, steps and settings are those of make_training_fixtures.py, but for the learning rate of full fine-tuning.
The head of tiny-tied is the embedding matrix. With modules_to_save PEFT trains a copy of each, so that they are
tied no longer; in full fine-tuning they stay one. Weight decay is Transformers': not for biases and norms.
"""

import os
import shutil
import sys

import make_model_fixtures as tiny
import make_training_fixtures as plain
import torch
from make_training_fixtures import SETTINGS
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoTokenizer, Trainer, get_cosine_schedule_with_warmup

FOLDER = tiny.FIXTURES / "whole"
MODULES = ["embed_tokens", "lm_head", "norm"]
FULL_LEARNING_RATE = 2e-3


def train(model, sequences, learning_rate: float) -> dict:
    """Twenty steps, and what was measured in each."""
    model.train()
    # The method looks at the model alone.
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for n, p in trained if n in decayed], "weight_decay": SETTINGS["weight_decay"]},
        {"params": [p for n, p in trained if n not in decayed], "weight_decay": 0.0},
    ]
    print("not decayed:", [n for n, _ in trained if n not in decayed])
    parameters = [parameter for _, parameter in trained]
    optimizer = torch.optim.AdamW(
        groups, lr=learning_rate, betas=(SETTINGS["adam_beta1"], SETTINGS["adam_beta2"]), eps=SETTINGS["adam_epsilon"]
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, SETTINGS["warmup_steps"], SETTINGS["max_steps"])
    batch, windows = SETTINGS["per_device_train_batch_size"], SETTINGS["gradient_accumulation_steps"]
    measured = {"losses": [], "grad_norms": [], "learning_rates": [], "supervised_tokens": []}
    for step in range(SETTINGS["max_steps"]):
        first = step * batch * windows
        rows = [sequences[index % len(sequences)] for index in range(first, first + batch * windows)]
        count = plain.supervised_count(rows)
        loss = 0.0
        for start in range(0, len(rows), batch):
            part = plain.summed_loss(model, rows[start : start + batch]) / count
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
    return measured


def report(name: str, measured: dict):
    losses = measured["losses"]
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, norm {measured['grad_norms'][0]:.3f}")


def make_modules_to_save(sequences):
    folder = FOLDER / "modules-to-save"
    settings = dict(target_modules=["q_proj", "v_proj"], modules_to_save=MODULES)
    plain.make_initial_adapter("tiny-tied", folder / "initial", settings, b_deviation=0.1, seed=51)
    model = PeftModel.from_pretrained(plain.base("tiny-tied", "f32"), folder / "initial", is_trainable=True)
    measured = train(model, sequences, SETTINGS["learning_rate"])
    tiny.write_json(folder / "f32.json", measured)
    plain.save_adapter(model, folder / "f32")
    report("modules-to-save", measured)


def make_full(sequences):
    model = plain.base("tiny-tied", "f32")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    measured = train(model, sequences, FULL_LEARNING_RATE)
    (FOLDER / "full").mkdir()
    tiny.write_json(FOLDER / "full" / "f32.json", measured)
    weights = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    save_file(weights, FOLDER / "full" / "f32.safetensors", metadata={"format": "pt"})
    report("full", measured)


def main():
    tiny.print_versions()
    tiny.quiet()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tokenizer = AutoTokenizer.from_pretrained(tiny.FIXTURES / "models" / "tiny-tied")
    sequences = [plain.labelled(tokenizer, messages) for messages in plain.CONVERSATIONS]
    make_modules_to_save(sequences)
    make_full(sequences)
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    # PEFT writes target_modules in the order of a set, which hangs on the hash seed.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
