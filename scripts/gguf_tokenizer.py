"""SmolLM2's tokenizer and chat template, read from a GGUF file for the reference scripts.

Built with the `tokenizers` library as SmolLM's is: digits one by one, then GPT-2's byte-level
pattern. Transformers' own GGUF reader leaves the digits out ("a  1" differs).
"""

from gguf import GGUFReader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROL_TOKEN = 3


class GGUFTokenizer:
    """Text to ids and back, and messages to text."""

    def __init__(self, path: str):
        fields = GGUFReader(path).fields

        def value(key: str):
            return fields[f"tokenizer.{key}"].contents()

        tokens, kinds = value("ggml.tokens"), value("ggml.token_type")
        merges = [tuple(merge.split(" ")) for merge in value("ggml.merges")]
        vocabulary = {token: index for index, token in enumerate(tokens)}
        self.tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        self.tokenizer.decoder = decoders.ByteLevel()
        special = [token for token, kind in zip(tokens, kinds) if kind == CONTROL_TOKEN]
        self.tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
        self.end_of_turn = value("ggml.eos_token_id")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self.template = environment.from_string(value("chat_template"))

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)

    def render(self, messages: list[dict], add_generation_prompt: bool = True) -> str:
        return self.template.render(messages=messages, add_generation_prompt=add_generation_prompt)
