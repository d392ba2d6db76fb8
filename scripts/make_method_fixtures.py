"""Writes Tests/Fixtures/methods: twenty steps of PEFT and torch with each method beside plain LoRA.

    python scripts/make_method_fixtures.py        (after make_training_fixtures.py)

    <method>/initial     the PEFT adapter that both runs start from
    <method>/f32.json    losses, gradient norms, learning rates of twenty steps; f32/ the adapter they
                         make; for dora also nf4.json and nf4/, over a base that bitsandbytes keeps in NF4

Rows, steps and settings are those of make_training_fixtures.py. What differs:

    loraplus          PEFT's create_loraplus_optimizer with a ratio of 4
    label-smoothing   the loss of Transformers' LabelSmoother with epsilon 0.1
    neftune           noise on the embeddings with alpha 5, drawn as Lorikeet draws it (Philox4x32-10 of
                      seed, step, row and place) and scaled as Transformers scales it; a row at a time,
                      since Transformers takes the padded length
    dora              use_dora, on every linear layer
    dora-rslora       use_dora and use_rslora, on attention
    pissa             init_lora_weights: pissa; f32/ as PEFT converts it to plain LoRA of twice the rank
"""

import os
import shutil
import sys

import make_model_fixtures as tiny
import make_training_fixtures as plain
import numpy as np
import torch
from make_training_fixtures import SETTINGS
from peft import LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from transformers import AutoTokenizer, get_cosine_schedule_with_warmup
from transformers.trainer_pt_utils import LabelSmoother

FOLDER = tiny.FIXTURES / "methods"
ATTENTION = dict(target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
LORAPLUS_RATIO, EPSILON, ALPHA, SEED = 4, 0.1, 5, 42
MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """The finaliser of SplitMix64, as CounterRandom.mix."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream_key(seed: int, purpose: str) -> int:
    """The key of CounterRandom(seed:purpose:)."""
    key = mix((seed + 0x9E3779B97F4A7C15) & MASK)
    for byte in purpose.encode():
        key = mix(key ^ byte)
    return key


def philox(key: int, counters: np.ndarray, stream: int) -> np.ndarray:
    """Philox4x32-10: four words for each counter."""
    low = np.uint64(0xFFFFFFFF)
    c = [counters & low, counters >> np.uint64(32), np.full_like(counters, stream & 0xFFFFFFFF),
         np.full_like(counters, stream >> 32)]  # fmt: skip
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]  # fmt: skip
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=-1)


def noise(step: int, row: int, length: int, hidden: int) -> torch.Tensor:
    """Uniform draws in ±alpha / √(length · hidden)."""
    key = stream_key(SEED, "neftune") ^ mix(step)
    quads = (hidden + 3) // 4
    words = philox(key, np.arange(length * quads, dtype=np.uint64), row).reshape(length, 4 * quads)[:, :hidden]
    draws = (words >> np.uint64(8)).astype(np.float64) * 2**-23 - 1
    return torch.tensor(draws * ALPHA / (length * hidden) ** 0.5, dtype=torch.float32)


class Method:
    """What of a step differs from plain LoRA."""

    def __init__(self, name: str):
        self.name = name

    def optimizer(self, model, parameters):
        kwargs = dict(betas=(SETTINGS["adam_beta1"], SETTINGS["adam_beta2"]), eps=SETTINGS["adam_epsilon"])
        if self.name == "loraplus":
            return create_loraplus_optimizer(
                model, torch.optim.AdamW, lr=SETTINGS["learning_rate"], loraplus_lr_ratio=LORAPLUS_RATIO,
                loraplus_weight_decay=SETTINGS["weight_decay"], **kwargs,
            )  # fmt: skip
        return torch.optim.AdamW(
            parameters, lr=SETTINGS["learning_rate"], weight_decay=SETTINGS["weight_decay"], **kwargs
        )

    def summed_loss(self, model, rows, step: int, first: int):
        """Σ loss over some rows, the first of which is row `first` of the file."""
        if self.name == "label-smoothing":
            ids, labels, mask = plain.padded(rows)
            outputs = model(input_ids=ids, attention_mask=mask)
            mean = LabelSmoother(epsilon=EPSILON)(outputs, labels, shift_labels=True)
            return mean * plain.supervised_count(rows)
        if self.name == "neftune":
            total = 0.0
            for offset, row in enumerate(rows):
                embeddings = model.get_input_embeddings()(torch.tensor([row[0]]))
                index = (first + offset) % len(plain.CONVERSATIONS)
                noised = embeddings + noise(step, index, *embeddings.shape[1:])
                total = total + plain.summed_loss(model, [row], noised)
            return total
        return plain.summed_loss(model, rows)


def train(method: Method, model: PeftModel, sequences) -> dict:
    """Twenty steps, and what was measured in each."""
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = method.optimizer(model, parameters)
    schedule = get_cosine_schedule_with_warmup(optimizer, SETTINGS["warmup_steps"], SETTINGS["max_steps"])
    batch, windows = SETTINGS["per_device_train_batch_size"], SETTINGS["gradient_accumulation_steps"]
    measured = {"losses": [], "grad_norms": [], "learning_rates": [], "supervised_tokens": []}
    for step in range(SETTINGS["max_steps"]):
        first = step * batch * windows
        rows = [sequences[index % len(sequences)] for index in range(first, first + batch * windows)]
        count = plain.supervised_count(rows)
        loss = 0.0
        for start in range(0, len(rows), batch):
            part = method.summed_loss(model, rows[start : start + batch], step, first + start) / count
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


def make(name: str, sequences, settings: dict, precisions=("f32",), seed: int = 41):
    """Runs a method from an adapter whose B is not zero."""
    initial = FOLDER / name / "initial"
    plain.make_initial_adapter("tiny-tied", initial, settings, b_deviation=0.1, seed=seed)
    for weights in precisions:
        model = PeftModel.from_pretrained(plain.base("tiny-tied", weights), initial, is_trainable=True)
        finish(name, weights, train(Method(name), model, sequences), model)


def make_pissa(sequences):
    """Runs PiSSA from its own beginning, and keeps the adapter as PEFT converts it."""
    initial = FOLDER / "pissa" / "initial"
    torch.manual_seed(43)
    config = LoraConfig(
        r=4, lora_alpha=8, task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights="pissa"
    )
    model = get_peft_model(plain.base("tiny-tied", "f32"), config)
    # So that loading it for the conversion does not subtract the principal part once more.
    model.peft_config["default"].init_lora_weights = True
    plain.save_adapter(model, initial)
    measured = train(Method("pissa"), model, sequences)
    folder = FOLDER / "pissa" / "f32"
    model.peft_config["default"].init_lora_weights = "pissa"
    model.save_pretrained(folder, save_embedding_layers=False, path_initial_model_for_weight_conversion=str(initial))
    (folder / "README.md").unlink()
    tiny.write_json(FOLDER / "pissa" / "f32.json", measured)
    report("pissa", "f32", measured)


def finish(name: str, weights: str, measured: dict, model: PeftModel):
    tiny.write_json(FOLDER / name / f"{weights}.json", measured)
    plain.save_adapter(model, FOLDER / name / weights)
    report(name, weights, measured)


def report(name: str, weights: str, measured: dict):
    losses = measured["losses"]
    print(f"{name} {weights}: loss {losses[0]:.4f} to {losses[-1]:.4f}, norm {measured['grad_norms'][0]:.3f}")


def main():
    tiny.print_versions()
    tiny.quiet()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tokenizer = AutoTokenizer.from_pretrained(tiny.FIXTURES / "models" / "tiny-tied")
    sequences = [plain.labelled(tokenizer, messages) for messages in plain.CONVERSATIONS]
    for name in ("loraplus", "label-smoothing", "neftune"):
        make(name, sequences, ATTENTION)
    make("dora", sequences, dict(target_modules="all-linear", use_dora=True), precisions=("f32", "nf4"))
    make("dora-rslora", sequences, dict(**ATTENTION, use_dora=True, use_rslora=True))
    make_pissa(sequences)
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    # PEFT writes target_modules in the order of a set, which hangs on the hash seed.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
