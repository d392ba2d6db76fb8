"""Writes Tests/Fixtures/lora/<name>.gguf: adapters of make_adapter_fixtures.py as llama.cpp's converter has them.

    python scripts/make_gguf_adapter_fixtures.py        (after make_adapter_fixtures.py)

    plain.gguf       F32
    all-linear.gguf  F16, which holds every number of the fixture exactly

The layout is that of `convert_lora_to_gguf.py` of llama.cpp: A as PEFT has it, B with the rows of q and k
permuted as the base's are, one alpha for the file. It is written with gguf-py alone, so that Lorikeet's own
writer is held against another's bytes.
"""

import importlib.metadata
import json
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import load_file

FIXTURES = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures"
FOLDER = FIXTURES / "lora"
ADAPTERS = {"plain": numpy.float32, "all-linear": numpy.float16}
PREFIX = "base_model.model."


def permuted(rows: numpy.ndarray, heads: int) -> numpy.ndarray:
    """The rows of B of a q or k projection as llama.cpp's converter orders them: pairs side by side."""
    out, columns = rows.shape
    return rows.reshape(heads, 2, out // heads // 2, columns).swapaxes(1, 2).reshape(out, columns)


def write(name: str, kind: type):
    model = json.loads((FIXTURES / "models" / "tiny-tied" / "config.json").read_text())
    settings = json.loads((FOLDER / name / "adapter_config.json").read_text())
    tensors = load_file(FOLDER / name / "adapter_model.safetensors")
    heads = {
        "self_attn.q_proj": model["num_attention_heads"],
        "self_attn.k_proj": model["num_key_value_heads"],
    }
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model["num_hidden_layers"])
    writer = gguf.GGUFWriter(FOLDER / f"{name}.gguf", "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(settings["lora_alpha"]))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, values in sorted(tensors.items()):
        module, _, half = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        for ending, count in heads.items():
            if module.endswith(ending) and half == "lora_B":
                values = permuted(values, count)
        stored = values.astype(kind)
        assert numpy.array_equal(stored.astype(numpy.float32), values), key
        base = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
        writer.add_tensor(f"{base}.{half.lower()}", numpy.ascontiguousarray(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    packages = ["gguf", "safetensors", "numpy"]
    print(", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages))
    for name, kind in ADAPTERS.items():
        write(name, kind)
        path = FOLDER / f"{name}.gguf"
        print(f"{path.stat().st_size:8d}  {path.relative_to(FIXTURES)}")


if __name__ == "__main__":
    main()
