"""Writes Tests/Fixtures/models: three tiny random Llama models and the logits Transformers gives them.

    python scripts/make_model_fixtures.py

Each model is a whole Hugging Face folder, and together they carry the variety a reader must take:

    tiny-tied    4 heads over 2, tied head, one file, config.json as Transformers 4 wrote it
                 (rope_theta), template in tokenizer_config.json; also as two GGUF files
    tiny-untied  3 heads over 1, head of its own, rope_theta 100000, sharded with an index,
                 config.json as Transformers 5 writes it (rope_parameters), chat_template.jinja
    tiny-odd     5 heads over 5 of width 8, one layer, widths that no SIMD register divides

Every weight is a number that float16 and bfloat16 both hold exactly. So a GGUF file may mix the
three float types and still have the same logits, and the files compress well.

The versions pinned in scripts/requirements-fixtures.txt made the committed files.
"""

import importlib.metadata
import json
import shutil
from pathlib import Path

import gguf
import numpy
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

FIXTURES = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures"
VOCABULARY_SIZE = 320
SEQUENCE_LENGTHS = (1, 7, 33)

SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a small bird.<|im_end|>\n' }}"
    "{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TRAINING_TEXT = [
    "The lorikeet is a small parrot that feeds on nectar, pollen and soft fruit.",
    "Which bird is the smallest? The bee hummingbird is the smallest bird there is.",
    "system\nYou are a small bird.",
    "user\nWhat does the bird eat?",
    "assistant\nThe bird eats the fruit of the tree and the nectar of the flower.",
    "There are 12 birds in this tree and 345 in that other one.",
    "A rainbow lorikeet has a brush on its tongue, and with it the bird takes the nectar.",
]

# name: (settings of LlamaConfig, standard deviation of the weights, seed)
MODELS = {
    "tiny-tied": (
        dict(
            hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            head_dim=16, intermediate_size=128, tie_word_embeddings=True, rope_theta=10000.0,
        ),
        0.15, 11,
    ),
    "tiny-untied": (
        dict(
            hidden_size=48, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
            head_dim=16, intermediate_size=80, tie_word_embeddings=False, rope_theta=100000.0,
        ),
        0.2, 12,
    ),
    "tiny-odd": (
        dict(
            hidden_size=40, num_hidden_layers=1, num_attention_heads=5, num_key_value_heads=5,
            head_dim=8, intermediate_size=72, tie_word_embeddings=True, rope_theta=10000.0,
        ),
        0.2, 13,
    ),
}  # fmt: skip

# What each matrix of the quantised GGUF file is stored as: every type but F32 occurs.
QUANTIZED_TYPES = {
    "token_embd.weight": "Q8_0",
    "blk.0.attn_q.weight": "Q4_1",
    "blk.0.attn_k.weight": "Q8_0",
    "blk.0.attn_v.weight": "Q4_0",
    "blk.0.attn_output.weight": "Q5_0",
    "blk.0.ffn_gate.weight": "Q4_1",
    "blk.0.ffn_up.weight": "Q4_1",
    "blk.0.ffn_down.weight": "Q5_1",
    "blk.1.attn_q.weight": "Q5_1",
    "blk.1.attn_k.weight": "Q4_1",
    "blk.1.attn_v.weight": "F16",
    "blk.1.attn_output.weight": "BF16",
    "blk.1.ffn_gate.weight": "Q8_0",
    "blk.1.ffn_up.weight": "Q4_0",
    "blk.1.ffn_down.weight": "Q4_1",
}


def print_versions():
    """Prints the version of everything a fixture's numbers depend on."""
    packages = ["torch", "transformers", "peft", "bitsandbytes", "tokenizers", "safetensors", "gguf", "numpy"]
    print(", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages))


def quiet():
    """One thread, so that every sum is taken in one order; no progress bars."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def write_json(path: Path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def representable(values: torch.Tensor) -> torch.Tensor:
    """The nearest numbers that float16 and bfloat16 both hold exactly."""
    rounded = values.to(torch.float16).to(torch.bfloat16).to(torch.float32)
    assert torch.equal(rounded, rounded.to(torch.float16).to(torch.float32))
    return rounded


def make_tokenizer() -> Tokenizer:
    """A byte-level BPE tokenizer built as SmolLM's is: digits one by one, then GPT-2's pattern."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TRAINING_TEXT, trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY_SIZE
    return tokenizer


def make_model(name: str) -> LlamaForCausalLM:
    """The random model `name`; the norms' weights are spread around one so that they matter."""
    settings, deviation, seed = MODELS[name]
    config = LlamaConfig(
        vocab_size=VOCABULARY_SIZE, max_position_embeddings=256, rms_norm_eps=1e-5,
        bos_token_id=1, eos_token_id=2, pad_token_id=2, attn_implementation="eager",
        **{key: value for key, value in settings.items() if key != "rope_theta"},
        rope_parameters={"rope_type": "default", "rope_theta": settings["rope_theta"]},
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = "norm" in parameter_name
            parameter.copy_(representable(1 + 0.1 * noise if is_norm else deviation * noise))
    return model


def load(name: str) -> LlamaForCausalLM:
    """The committed model `name` in float32, with the plain attention."""
    return LlamaForCausalLM.from_pretrained(
        FIXTURES / "models" / name, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def input_ids(length: int) -> torch.Tensor:
    """`length` token ids drawn over the whole vocabulary."""
    generator = torch.Generator().manual_seed(1000 + length)
    return torch.randint(0, VOCABULARY_SIZE, (length,), generator=generator)


def logits(model, lengths=SEQUENCE_LENGTHS) -> dict[str, torch.Tensor]:
    """`input_ids.<length>` I32 [length] and `logits.<length>` F32 [length, vocabulary]."""
    tensors = {}
    with torch.no_grad():
        for length in lengths:
            ids = input_ids(length)
            tensors[f"input_ids.{length}"] = ids.to(torch.int32)
            tensors[f"logits.{length}"] = model(input_ids=ids[None]).logits[0].contiguous()
    return tensors


def write_tokenizer(tokenizer: Tokenizer, folder: Path, template_in_own_file: bool):
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 256,
    }
    if template_in_own_file:
        (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    else:
        config["chat_template"] = CHAT_TEMPLATE
    write_json(folder / "tokenizer_config.json", config)


def write_config_of_transformers_4(folder: Path):
    """Rewrites config.json with the keys of Transformers 4, which most published folders have."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["rope_scaling"] = None
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.46.0"
    write_json(path, dict(sorted(config.items())))


def permuted(rows: numpy.ndarray, heads: int) -> numpy.ndarray:
    """The rows of a q or k projection as llama.cpp's converter orders them: pairs side by side."""
    out, columns = rows.shape
    return rows.reshape(heads, 2, out // heads // 2, columns).swapaxes(1, 2).reshape(out, columns)


def unpermuted(rows: numpy.ndarray, heads: int) -> numpy.ndarray:
    """The inverse of `permuted`."""
    out, columns = rows.shape
    return rows.reshape(heads, out // heads // 2, 2, columns).swapaxes(1, 2).reshape(out, columns)


def heads_to_permute(gguf_name: str, config: LlamaConfig) -> int | None:
    """How many heads the permutation of this GGUF tensor runs over, or None where there is none."""
    if gguf_name.endswith("attn_q.weight"):
        return config.num_attention_heads
    if gguf_name.endswith("attn_k.weight"):
        return config.num_key_value_heads
    return None


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer, config):
    """Adds the tokenizer and the chat template to a GGUF file."""
    description = json.loads(tokenizer.to_str())
    tokens = sorted(description["model"]["vocab"].items(), key=lambda item: item[1])
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(False)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in SPECIAL_TOKENS else gguf.TokenType.NORMAL for token, _ in tokens]
    )
    writer.add_token_merges([" ".join(pair) for pair in description["model"]["merges"]])
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(config.pad_token_id)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_gguf(path: Path, model: LlamaForCausalLM, tokenizer: Tokenizer, types: dict[str, str]):
    """Writes the model as llama.cpp's converter would, each matrix in its type of `types` or in F32.

    Returns the state dict of the model that the file really holds: its tensors dequantised.
    """
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("Tiny Tied")
    writer.add_size_label("82K")
    writer.add_license("apache-2.0")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1 if types else gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.head_dim)
    add_tokenizer(writer, tokenizer, config)
    writer.add_quantization_version(2)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    held = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        gguf_name = names.get_name(name, try_suffixes=(".weight",))
        values = tensor.numpy()
        heads = heads_to_permute(gguf_name, config)
        if heads is not None:
            values = permuted(values, heads)
        kind = gguf.GGMLQuantizationType[types.get(gguf_name, "F32")]
        stored = gguf.quants.quantize(values, kind)
        writer.add_tensor(gguf_name, stored, raw_dtype=kind)
        values = gguf.quants.dequantize(stored, kind).reshape(tensor.shape)
        held[name] = torch.from_numpy(unpermuted(values, heads) if heads is not None else values).contiguous()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if config.tie_word_embeddings:
        held["lm_head.weight"] = held["model.embed_tokens.weight"]
    return held


def main():
    print_versions()
    quiet()
    folder_of_all = FIXTURES / "models"
    shutil.rmtree(folder_of_all, ignore_errors=True)
    tokenizer = make_tokenizer()
    loaded_logits = {}
    for name in MODELS:
        folder = folder_of_all / name
        model = make_model(name)
        model.save_pretrained(folder, max_shard_size="150KB" if name == "tiny-untied" else "1GB")
        (folder / "generation_config.json").unlink()
        if name != "tiny-untied":
            write_config_of_transformers_4(folder)
        write_tokenizer(tokenizer, folder, template_in_own_file=name == "tiny-untied")

        loaded = load(name)
        for key, value in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key
        check_tokenizer(tokenizer, folder)
        loaded_logits[name] = logits(loaded)
        save_file(loaded_logits[name], folder / "logits.safetensors")

    model = load("tiny-tied")
    held = write_gguf(folder_of_all / "tiny-tied.f32.gguf", model, tokenizer, {})
    assert all(torch.equal(held[key], value) for key, value in model.state_dict().items())
    held = write_gguf(folder_of_all / "tiny-tied.mixed.gguf", model, tokenizer, QUANTIZED_TYPES)
    model.load_state_dict(held)
    save_file(logits(model), folder_of_all / "tiny-tied.mixed.logits.safetensors")
    for kind, expected in [("f32", loaded_logits["tiny-tied"]), ("mixed", logits(model))]:
        read = LlamaForCausalLM.from_pretrained(
            folder_of_all, gguf_file=f"tiny-tied.{kind}.gguf", dtype=torch.float32,
            attn_implementation="eager",
        )  # fmt: skip
        for key, value in logits(read).items():
            torch.testing.assert_close(value, expected[key], rtol=0, atol=1e-5)

    for path in sorted(folder_of_all.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:8d}  {path.relative_to(FIXTURES)}")


def check_tokenizer(tokenizer: Tokenizer, folder: Path):
    """AutoTokenizer must read the folder to the same ids and render the template."""
    auto = AutoTokenizer.from_pretrained(folder)
    for text in TRAINING_TEXT + ["a  1", "x2024\n\n é 日本 <|im_end|>\n", ""]:
        assert auto(text)["input_ids"] == tokenizer.encode(text).ids, text
    rendered = auto.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert rendered == (
        "<|im_start|>system\nYou are a small bird.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    ), rendered


if __name__ == "__main__":
    main()
