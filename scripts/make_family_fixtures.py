"""Writes Tests/Fixtures/families: a tiny random model of each family, and what PyTorch makes of it.

    python scripts/make_family_fixtures.py [family ...]        (after make_model_fixtures.py)

    <family>/config.json, model.safetensors   as Transformers saves it, in bf16, which holds its numbers
    <family>/model.gguf                       the same in F16, written with gguf-py
    <family>/logits.safetensors               Transformers' logits
    <family>/adapter                          a PEFT adapter on all linear layers
    <family>/gradients.safetensors            of its A and B over one ragged batch
    llama/<scaling>.config.json, .logits      the same weights with RoPE stretched in another way

The tokenizer of models/tiny-tied serves all of them.

    llama     RoPE as Llama 3.1 stretches it, and biases everywhere
    mistral   a window of five tokens
    qwen2     biases on queries, keys and values, a head of its own
    qwen3     norms on queries and keys, heads wider than the hidden size divided among them
    smollm3   five blocks, of which the fourth does not rotate
    gemma2    scores and logits bounded by tanh, a window of five tokens in every second block
    gemma3_text  six blocks, of which the last has no window and rotates by another base

    gemma3_text/<variant>.config.json, .logits   the same weights with settings that GGUF has no keys for
"""

import json
import os
import shutil
import sys
from pathlib import Path

import gguf
import make_model_fixtures as tiny
import make_training_fixtures as training
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

FOLDER = tiny.FIXTURES / "families"
LENGTHS = (1, 7, 33)
SHAPE = dict(
    vocab_size=tiny.VOCABULARY_SIZE, max_position_embeddings=256, rms_norm_eps=1e-5,
    bos_token_id=1, eos_token_id=2, pad_token_id=2, hidden_size=32, intermediate_size=48,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
)  # fmt: skip
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
}  # fmt: skip
SCALINGS = {
    "linear": {"rope_type": "linear", "rope_theta": 500000.0, "factor": 2.5},
    "yarn": {
        "rope_type": "yarn", "rope_theta": 500000.0, "factor": 4.0, "beta_fast": 16.0,
        "original_max_position_embeddings": 64,
    },
    "yarn-given": {
        "rope_type": "yarn", "rope_theta": 500000.0, "factor": 4.0, "attention_factor": 1.5,
        "original_max_position_embeddings": 64,
    },
}  # fmt: skip
GEMMA = dict(
    head_dim=16, sliding_window=5, query_pre_attn_scalar=16, tie_word_embeddings=True,
    hidden_activation="gelu_pytorch_tanh",
)  # fmt: skip
GEMMA3_ROPE = {
    "full_attention": {"rope_type": "default", "rope_theta": 1000000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
}
# Settings of Gemma 3 that no tiny model of its GGUF architecture has.
VARIANTS = {
    "scalar": {"query_pre_attn_scalar": 24, "final_logit_softcapping": 4.0},
    "stretched": {
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 500000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0},
        }
    },
    "listed": {"layer_types": ["full_attention", "sliding_attention"] * 3},
}
# What one family's settings change, and the architecture of its GGUF file.
FAMILIES = {
    "llama": (
        dict(head_dim=16, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, rope_parameters=LLAMA3),
        gguf.MODEL_ARCH.LLAMA,
    ),
    "qwen2": (dict(tie_word_embeddings=False, rope_parameters=PLAIN), gguf.MODEL_ARCH.QWEN2),
    "qwen3": (dict(head_dim=16, tie_word_embeddings=True, rope_parameters=PLAIN), gguf.MODEL_ARCH.QWEN3),
    "mistral": (
        dict(head_dim=8, sliding_window=5, tie_word_embeddings=False, rope_parameters=PLAIN),
        gguf.MODEL_ARCH.LLAMA,
    ),
    "smollm3": (
        dict(num_hidden_layers=5, head_dim=8, tie_word_embeddings=True, rope_parameters=PLAIN),
        gguf.MODEL_ARCH.SMOLLM3,
    ),
    "gemma2": (
        GEMMA
        | dict(attn_logit_softcapping=4.0, final_logit_softcapping=6.0, num_hidden_layers=3, rope_parameters=PLAIN),
        gguf.MODEL_ARCH.GEMMA2,
    ),
    "gemma3_text": (GEMMA | dict(num_hidden_layers=6, rope_parameters=GEMMA3_ROPE), gguf.MODEL_ARCH.GEMMA3),
}  # fmt: skip
PERMUTED = {"llama", "mistral", "smollm3"}
# Families whose norms multiply by one more than their weights.
NORMS_PLUS_ONE = {"gemma2", "gemma3_text"}


def make_model(family: str):
    """A random model; every number fits float16 and bfloat16, what norms multiply by is spread around one."""
    settings, _ = FAMILIES[family]
    config = AutoConfig.for_model(family, attn_implementation="eager", **(SHAPE | settings))
    model = AutoModelForCausalLM.from_config(config).eval()
    generator = torch.Generator().manual_seed(sum(family.encode()))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                noise = 0.1 * noise + (0 if family in NORMS_PLUS_ONE else 1)
            else:
                noise = 0.2 * noise
            parameter.copy_(tiny.representable(noise))
    return model


def load(family: str, config=None):
    """The committed model in float32, with the plain attention."""
    return AutoModelForCausalLM.from_pretrained(
        FOLDER / family, config=config, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def write_gguf(path: Path, family: str, model, tokenizer: Tokenizer):
    """Writes the model as llama.cpp's converter would: matrices in F16, vectors in F32."""
    config, architecture = model.config, FAMILIES[family][1]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(f"Tiny {family}")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config.vocab_size)
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if family != "qwen2":
        writer.add_key_length(head_size)
        writer.add_value_length(head_size)
        writer.add_rope_dimension_count(head_size)
    if family in ("mistral", "gemma2", "gemma3_text"):
        writer.add_sliding_window(config.sliding_window)
    if family == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    tiny.add_tokenizer(writer, tokenizer, config)
    writer.add_quantization_version(2)

    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config.rope_parameters, head_size))
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        gguf_name = names.get_name(name, try_suffixes=(".weight", ".bias"))
        values = tensor.float().numpy()
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
        part = gguf_name.split(".")[-2]
        if family in PERMUTED and part in heads:
            values = tiny.permuted(values.reshape(len(values), -1), heads[part]).reshape(values.shape)
        if family in NORMS_PLUS_ONE and name.endswith("norm.weight"):
            values = values + 1
        kind = gguf.GGMLQuantizationType.F16 if values.ndim > 1 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(gguf_name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama3_factors(rope: dict, head_size: int):
    """The divisors of the frequencies, as `generate_extra_tensors` of llama.cpp's converter makes them."""
    frequencies = 1.0 / (rope["rope_theta"] ** (torch.arange(0, head_size, 2, dtype=torch.float32) / head_size))
    low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
    high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
    factors = []
    for frequency in frequencies:
        wavelength = 2 * torch.pi / frequency
        if wavelength < high:
            factors.append(1)
        elif wavelength > low:
            factors.append(rope["factor"])
        else:
            smooth = rope["original_max_position_embeddings"] / wavelength - rope["low_freq_factor"]
            smooth = smooth / (rope["high_freq_factor"] - rope["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return torch.tensor(factors, dtype=torch.float32).numpy()


def largest_difference(first: dict, second: dict) -> float:
    """Of the longest sequence's logits, relative to the largest."""
    a, b = (logits[f"logits.{LENGTHS[-1]}"] for logits in (first, second))
    return ((a - b).abs().max() / a.abs().max()).item()


def check_gguf(family: str, logits: dict):
    """Transformers, where it knows the architecture, must read the GGUF file to the same logits.

    It reads neither biases of a Llama nor a window from GGUF.
    """
    if family in ("qwen2", "qwen3", "gemma2", "gemma3_text"):
        model = AutoModelForCausalLM.from_pretrained(
            FOLDER / family, gguf_file="model.gguf", config=AutoConfig.from_pretrained(FOLDER / family),
            dtype=torch.float32, attn_implementation="eager",
        )  # fmt: skip
        assert largest_difference(logits, tiny.logits(model, LENGTHS)) < 1e-6
        print(f"{family}: Transformers reads model.gguf to the same logits")


def make_adapter(family: str):
    """An adapter on every linear layer whose B is not zero."""
    torch.manual_seed(41)
    model = load(family)
    model.name_or_path = family
    config = LoraConfig(r=2, lora_alpha=4, lora_dropout=0.0, task_type="CAUSAL_LM", target_modules="all-linear")
    model = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.1 * torch.randn_like(parameter))
    training.save_adapter(model, FOLDER / family / "adapter")


def make_gradients(family: str):
    """Gradients of the mean loss over a ragged batch, as `make_training_fixtures` makes them."""
    lengths = [9, 2, 33, 17]
    sequences = training.ragged_batch(lengths, seed=31)
    model = PeftModel.from_pretrained(load(family), FOLDER / family / "adapter", is_trainable=True).train()
    loss = training.summed_loss(model, sequences) / training.supervised_count(sequences)
    loss.backward()
    tensors = {
        "segment_lengths": torch.tensor(lengths, dtype=torch.int32),
        "input_ids": torch.tensor([token for ids, _ in sequences for token in ids], dtype=torch.int32),
        "labels": torch.tensor([label for _, labels in sequences for label in labels], dtype=torch.int32),
        "loss": loss.detach().reshape(1),
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.abs().max() > 0, name
            tensors[f"grad.{name.replace('.default', '')}"] = parameter.grad
    save_file(tensors, FOLDER / family / "gradients.safetensors")


def make_scalings():
    """Llama's weights with its RoPE stretched in other ways."""
    own = tiny.logits(load("llama"), LENGTHS)
    config = AutoConfig.from_pretrained(FOLDER / "llama")
    config.rope_parameters = {"rope_type": "default", "rope_theta": LLAMA3["rope_theta"]}
    print(f"llama: without its scaling {largest_difference(own, tiny.logits(load('llama', config), LENGTHS)):.1e}")
    for name, parameters in SCALINGS.items():
        settings = json.loads((FOLDER / "llama" / "config.json").read_text())
        settings["rope_parameters"] = parameters
        tiny.write_json(FOLDER / "llama" / f"{name}.config.json", settings)
        config = AutoConfig.from_pretrained(FOLDER / "llama" / f"{name}.config.json")
        logits = tiny.logits(load("llama", config), LENGTHS[-1:])
        print(f"llama: {name} differs by {largest_difference(own, logits):.1e}")
        save_file(logits, FOLDER / "llama" / f"{name}.logits.safetensors")


def make_variants():
    """Gemma 3's weights with other settings."""
    own = tiny.logits(load("gemma3_text"), LENGTHS)
    for name, changes in VARIANTS.items():
        settings = json.loads((FOLDER / "gemma3_text" / "config.json").read_text()) | changes
        tiny.write_json(FOLDER / "gemma3_text" / f"{name}.config.json", settings)
        config = AutoConfig.from_pretrained(FOLDER / "gemma3_text" / f"{name}.config.json")
        logits = tiny.logits(load("gemma3_text", config), LENGTHS[-1:])
        print(f"gemma3_text: {name} differs by {largest_difference(own, logits):.1e}")
        save_file(logits, FOLDER / "gemma3_text" / f"{name}.logits.safetensors")


def main():
    tiny.print_versions()
    tiny.quiet()
    tokenizer = Tokenizer.from_file(str(tiny.FIXTURES / "models" / "tiny-tied" / "tokenizer.json"))
    for family in sys.argv[1:] or FAMILIES:
        folder = FOLDER / family
        shutil.rmtree(folder, ignore_errors=True)
        model = make_model(family)
        model.to(torch.bfloat16).save_pretrained(folder)
        (folder / "generation_config.json").unlink()
        loaded = load(family)
        logits = tiny.logits(loaded, LENGTHS)
        save_file(logits, folder / "logits.safetensors")
        write_gguf(folder / "model.gguf", family, loaded, tokenizer)
        check_gguf(family, logits)
        make_adapter(family)
        make_gradients(family)
        if family == "llama":
            make_scalings()
        if family == "gemma3_text":
            make_variants()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    # PEFT writes target_modules in the order of a set, which hangs on the hash seed.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
