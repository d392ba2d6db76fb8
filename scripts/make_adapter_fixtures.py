"""Writes Tests/Fixtures/lora: adapters on tiny-tied as PEFT saves them, and the logits they give.

    python scripts/make_adapter_fixtures.py        (after make_model_fixtures.py)

    <name>/                    adapter_config.json and adapter_model.safetensors
    <name>.logits.safetensors  base + adapter in float32, after PEFT has read the folder back

The script checks that PEFT's merged model gives the same logits. Weights are random multiples of
1/256, which bfloat16 holds and which compress well; B is not zero.
"""

import os
import shutil
import sys

import make_model_fixtures as tiny
import torch
from make_training_fixtures import save_adapter
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

FOLDER = tiny.FIXTURES / "lora"
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
ADAPTERS = {
    "plain": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    "patterns": dict(
        r=4, lora_alpha=8, target_modules=[*ATTENTION, "down_proj"],
        rank_pattern={"q_proj": 2, "layers.1.self_attn.v_proj": 7},
        alpha_pattern={"k_proj": 16, r"layers\.[01]\.mlp\.down_proj": 3},
    ),
    "rslora": dict(r=3, lora_alpha=5, use_rslora=True, target_modules=ATTENTION),
    "all-linear": dict(r=2, lora_alpha=3, target_modules="all-linear"),
    "bf16": dict(r=4, lora_alpha=8, target_modules=ATTENTION),
    "regex": dict(r=4, lora_alpha=8, target_modules=r".*\.layers\.1\.(self_attn\.[qk]_proj|mlp\.up_proj)"),
    "one-layer": dict(r=1, lora_alpha=1, target_modules=["gate_proj", "o_proj"], layers_to_transform=[1]),
}  # fmt: skip


def base():
    model = tiny.load("tiny-tied")
    model.name_or_path = "tiny-tied"
    return model


def make_adapter(name: str, settings: dict, seed: int):
    torch.manual_seed(seed)
    model = get_peft_model(base(), LoraConfig(lora_dropout=0.0, task_type="CAUSAL_LM", **settings))
    for parameter_name, parameter in model.named_parameters():
        if "lora_" in parameter_name:
            values = torch.randint(-64, 65, parameter.shape) / 256
            parameter.data = values.to(torch.bfloat16 if name == "bf16" else torch.float32)
    save_adapter(model, FOLDER / name)


def adapter_logits(name: str) -> dict[str, torch.Tensor]:
    model = PeftModel.from_pretrained(base(), FOLDER / name).eval()
    tensors = tiny.logits(model, lengths=(7,))
    merged = tiny.logits(model.merge_and_unload(), lengths=(7,))
    torch.testing.assert_close(merged["logits.7"], tensors["logits.7"], rtol=0, atol=1e-5)
    return tensors


def main():
    tiny.print_versions()
    tiny.quiet()
    shutil.rmtree(FOLDER, ignore_errors=True)
    without = tiny.logits(base(), lengths=(7,))["logits.7"]
    for position, (name, settings) in enumerate(ADAPTERS.items()):
        make_adapter(name, settings, seed=71 + position)
        tensors = adapter_logits(name)
        save_file(tensors, FOLDER / f"{name}.logits.safetensors")
        weights = load_file(FOLDER / name / "adapter_model.safetensors")
        change = (tensors["logits.7"] - without).abs().max()
        print(f"{name}: {len(weights)} tensors of {next(iter(weights.values())).dtype}, logits move by {change:.2f}")
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    # PEFT writes target_modules in the order of a set, which hangs on the hash seed.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
