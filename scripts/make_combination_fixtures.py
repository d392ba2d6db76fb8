"""Writes Tests/Fixtures/combination: adapters on tiny-tied, and what PEFT's add_weighted_adapter makes of them.

    python scripts/make_combination_fixtures.py        (after make_model_fixtures.py)

    left/ right/ narrow/   adapters as PEFT saves them: two of rank 4, one of rank 2 with rsLoRA; only some of
                           their layers are common
    <name>.safetensors     the combined A and B, whose scale is 1

Numbers are drawn from a normal distribution, so that no two have one magnitude: TIES keeps the largest, and
which of equals those are is nobody's definition.
"""

import os
import shutil
import sys

import make_model_fixtures as tiny
import torch
from make_training_fixtures import save_adapter
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

FOLDER = tiny.FIXTURES / "combination"
ADAPTERS = {
    "left": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    "right": dict(r=4, lora_alpha=6, target_modules=["q_proj", "o_proj"]),
    "narrow": dict(r=2, lora_alpha=3, use_rslora=True, target_modules=["q_proj", "v_proj"]),
}
COMBINATIONS = {
    "linear": (["left", "right"], [0.7, -0.4], dict(combination_type="linear")),
    "ties": (["left", "right"], [0.7, -0.4], dict(combination_type="ties", density=0.45)),
    "cat": (["left", "right", "narrow"], [0.7, -0.4, 1.5], dict(combination_type="cat")),
    "svd": (["left", "right", "narrow"], [0.7, -0.4, 1.5], dict(combination_type="svd")),
    "svd-3": (["left", "right"], [0.7, 0.4], dict(combination_type="svd", svd_rank=3)),
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
            parameter.data = torch.randn(parameter.shape) * 0.2
    save_adapter(model, FOLDER / name)


def combine(name: str, adapters: list[str], weights: list[float], settings: dict) -> int:
    model = PeftModel.from_pretrained(base(), FOLDER / adapters[0], adapter_name=adapters[0])
    for adapter in adapters[1:]:
        model.load_adapter(FOLDER / adapter, adapter_name=adapter)
    model.add_weighted_adapter(adapters, weights, "combined", **settings)
    tensors = {}
    for path, module in model.base_model.model.named_modules():
        if hasattr(module, "lora_A") and "combined" in module.lora_A:
            assert module.scaling["combined"] == 1, path
            for half in ["lora_A", "lora_B"]:
                tensors[f"{path}.{half}"] = getattr(module, half)["combined"].weight.data.contiguous()
    save_file(tensors, FOLDER / f"{name}.safetensors")
    return len(tensors)


def main():
    tiny.print_versions()
    tiny.quiet()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for position, (name, settings) in enumerate(ADAPTERS.items()):
        make_adapter(name, settings, seed=91 + position)
    for name, (adapters, weights, settings) in COMBINATIONS.items():
        print(f"{name}: {combine(name, adapters, weights, settings)} tensors")
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    # PEFT writes target_modules in the order of a set, which hangs on the hash seed.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
