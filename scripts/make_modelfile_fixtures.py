#!/usr/bin/env python3
"""Writes Tests/Fixtures/modelfiles with the reference libraries.

Made with gguf 0.19.0, safetensors 0.8.0, tokenizers 0.23.3, torch 2.13.0 and numpy; the versions in
use are printed and written to versions.json. Everything is seeded: a second run writes the same bytes.
"""

import json
import pathlib
import shutil
from importlib.metadata import version

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

ROOT = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "modelfiles"
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
# Types that gguf-py reads and does not write, and where the half-precision numbers of a block stand.
READ_TYPES = {
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "IQ4_NL": (0,),
}  # fmt: skip
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' "
    "+ message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
)


def write_gguf(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_values(rng):
    """Every metadata type and every tensor type Lorikeet reads, and what they hold."""
    writer = gguf.GGUFWriter(ROOT / "values.gguf", "llama")
    writer.add_uint8("value.uint8", 200)
    writer.add_int8("value.int8", -100)
    writer.add_uint16("value.uint16", 60000)
    writer.add_int16("value.int16", -30000)
    writer.add_uint32("value.uint32", 4000000000)
    writer.add_int32("value.int32", -2000000000)
    writer.add_float32("value.float32", 1e-5)
    writer.add_bool("value.bool", True)
    writer.add_string("value.string", "naïve ☃")
    writer.add_uint64("value.uint64", 2**63 + 5)
    writer.add_int64("value.int64", -(2**62))
    writer.add_float64("value.float64", 0.1)
    writer.add_array("array.strings", ["", "Ġthe", "日本"])
    writer.add_array("array.int32", [1, -2, 3])
    writer.add_array("array.float32", [0.5, -1.25])
    writer.add_array("array.bool", [True, False, True])
    writer.add_array("array.nested", [[1, 2], [3]])
    writer.add_custom_alignment(64)
    expected = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        values = rng.standard_normal((3, 64)).astype(np.float32)
        data = gguf.quants.quantize(values, kind)
        writer.add_tensor(f"tensor.{name}", data, raw_dtype=kind)
        expected[f"tensor.{name}"] = gguf.quants.dequantize(data, kind).reshape(-1).tolist()
    for name, halves in READ_TYPES.items():
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        # Any bytes are a valid block, once its scales are of a usual size.
        data = rng.integers(0, 256, (1, 256 // block, size), dtype=np.uint8)
        for place in halves:
            data[:, :, place : place + 2] = np.array([0.01 + place / 1000], dtype=np.float16).view(np.uint8)
        data = data.reshape(1, -1)
        writer.add_tensor(f"tensor.{name}", data, raw_dtype=kind)
        expected[f"tensor.{name}"] = gguf.quants.dequantize(data, kind).reshape(-1).tolist()
    write_gguf(writer)
    (ROOT / "values.json").write_text(json.dumps(expected) + "\n")


def make_types(generator):
    """Every type torch writes to safetensors, names chosen so that order shows."""
    dtypes = [
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.uint8,
        torch.int8, torch.bool, torch.int32, torch.float8_e4m3fn, torch.int16, torch.uint16,
        torch.complex64, torch.float8_e5m2, torch.uint64, torch.uint32,
    ]
    tensors = {}
    for index, dtype in enumerate(dtypes):
        raw = torch.randint(0, 2, (3, 8), generator=generator, dtype=torch.uint8)
        tensors[f"b.{index}"] = raw.to(torch.float32).to(dtype)
        tensors[f"a.{index}"] = raw[:1].to(torch.float32).to(dtype)
    tensors['quoted "name" \\ ☃\t'] = torch.ones(1)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    save_file(tensors, ROOT / "types.safetensors", metadata={"format": "pt"})


def make_tokenizer(folder):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ġ", "a")]
    tokens = specials + alphabet + [left + right for left, right in merges]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in specials])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|im_end|>",
        "chat_template": TEMPLATE,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return tokens, [f"{left} {right}" for left, right in merges]


def permute(weights, heads):
    """LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py."""
    rows = weights.shape[0]
    return (
        weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:])
        .swapaxes(1, 2)
        .reshape(weights.shape)
    )


def make_model(generator):
    """One tiny Llama as a Hugging Face folder, sharded and not, and as GGUF."""
    hidden, middle, heads, groups, size, layers, rows = 32, 64, 4, 2, 8, 2, 272
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "head_dim": size,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": middle,
        "max_position_embeddings": 128,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": groups,
        "pad_token_id": 2,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 50000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "vocab_size": rows,
    }
    names = {
        "model.embed_tokens.weight": ("token_embd.weight", (rows, hidden), None),
        "model.norm.weight": ("output_norm.weight", (hidden,), None),
    }
    for layer in range(layers):
        ours, theirs = f"model.layers.{layer}.", f"blk.{layer}."
        for ours_name, theirs_name, shape, count in [
            ("input_layernorm", "attn_norm", (hidden,), None),
            ("self_attn.q_proj", "attn_q", (heads * size, hidden), heads),
            ("self_attn.k_proj", "attn_k", (groups * size, hidden), groups),
            ("self_attn.v_proj", "attn_v", (groups * size, hidden), None),
            ("self_attn.o_proj", "attn_output", (hidden, heads * size), None),
            ("post_attention_layernorm", "ffn_norm", (hidden,), None),
            ("mlp.gate_proj", "ffn_gate", (middle, hidden), None),
            ("mlp.up_proj", "ffn_up", (middle, hidden), None),
            ("mlp.down_proj", "ffn_down", (hidden, middle), None),
        ]:
            names[f"{ours}{ours_name}.weight"] = (f"{theirs}{theirs_name}.weight", shape, count)
    weights = {
        name: (torch.randn(shape, generator=generator) * 0.1).to(torch.bfloat16)
        for name, (_, shape, _) in names.items()
    }

    single, sharded = ROOT / "tiny", ROOT / "tiny-sharded"
    for folder in [single, sharded]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    tokens, merges = make_tokenizer(single)
    save_file(weights, single / "model.safetensors", metadata={"format": "pt"})
    order = list(weights)
    shards = {
        "model-00001-of-00002.safetensors": order[:8],
        "model-00002-of-00002.safetensors": order[8:],
    }
    weight_map = {}
    for file, members in shards.items():
        save_file({name: weights[name] for name in members}, sharded / file, metadata={"format": "pt"})
        weight_map.update({name: file for name in members})
    total = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (sharded / "model.safetensors.index.json").write_text(
        json.dumps(index, indent=2, sort_keys=True) + "\n"
    )

    writer = gguf.GGUFWriter(ROOT / "tiny.gguf", "llama")
    writer.add_type("model")
    writer.add_name("Tiny")
    writer.add_block_count(layers)
    writer.add_context_length(128)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(middle)
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_rope_freq_base(50000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(rows)
    writer.add_rope_dimension_count(size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    padded = tokens + [f"[PAD{index}]" for index in range(len(tokens), rows)]
    kinds = [
        gguf.TokenType.CONTROL if index < 3
        else gguf.TokenType.NORMAL if index < len(tokens)
        else gguf.TokenType.UNUSED
        for index in range(rows)
    ]
    writer.add_token_list(padded)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, (theirs, _, count) in names.items():
        values = weights[name].to(torch.float32).numpy()
        writer.add_tensor(theirs, permute(values, count) if count else values)
    write_gguf(writer)


def llama3_factors():
    """The tensor rope_freqs.weight as generate_extra_tensors of convert_hf_to_gguf.py makes it."""
    base, size, factor, low, high, length = 500000.0, 64, 32.0, 1.0, 4.0, 8192
    frequencies = 1.0 / (base ** (torch.arange(0, size, 2, dtype=torch.float32) / size))
    factors = []
    for frequency in frequencies.tolist():
        wavelength = 2 * np.pi / frequency
        if wavelength < length / high:
            factors.append(1.0)
        elif wavelength > length / low:
            factors.append(factor)
        else:
            smooth = (length / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    (ROOT / "llama3-factors.json").write_text(
        json.dumps([float(np.float32(value)) for value in factors]) + "\n"
    )


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in ["gguf", "numpy", "safetensors", "tokenizers", "torch"]}
    print(versions)
    (ROOT / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
    make_values(np.random.default_rng(1))
    make_types(torch.Generator().manual_seed(2))
    make_model(torch.Generator().manual_seed(3))
    llama3_factors()


if __name__ == "__main__":
    main()
