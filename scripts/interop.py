"""What scripts/test-interop runs: PEFT, Transformers and llama.cpp beside Lorikeet, logits against logits.

Every figure is max|Δlogit| / max|logit| over all positions of four prompts. A check whose figure is above its
bound fails; so does a file that is wrong on purpose and stays within it. `move` in the tables is how far the
adapter moves the base's logits, by the same measure: a bound far below it means something.
"""

import argparse
import importlib.metadata
import json
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

REPOSITORY = Path(__file__).resolve().parent.parent
FIXTURES = REPOSITORY / "Tests" / "Fixtures"
PAGE = REPOSITORY / "docs" / "interop.md"

TEXTS = {
    "plain": "The lorikeet is a small parrot that lives in the forests of",
    "digits": "a  1 and 2024, then 3.14159\n\n\tdef f(x):\n        return x ** 2",
    "unicode": "Écoute, 日本 and 🦜: naïve café — “quoted”",
}
TRICKY = ["", " ", "\n\n \t", "don't  WON'T", "1234567890", "e\u0301 \u1E9E", "<|im_start|>user\nHi<|im_end|>", "a\u0000b"]
QUESTION = {"role": "user", "content": "What is the capital of France?"}
CHATS = [
    [QUESTION],
    [{"role": "system", "content": "Be brief."}, QUESTION],
    [QUESTION, {"role": "assistant", "content": "Paris."}, {"role": "user", "content": "Sure? 日本 🦜"}],
]

# Bounds by what the weights are stored as. llama.cpp rounds activations, too, before a product with anything but
# f32: to f16, or to 8 bits in blocks of 32. What the latter costs hangs on the model, so it is measured.
BOUNDS = {"f32": 1e-4, "f16": 1e-2, "bf16": 3e-2}
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
PEFT_ADAPTERS = {
    "plain": dict(r=8, lora_alpha=16, target_modules=[*ATTENTION, "gate_proj", "up_proj", "down_proj"]),
    "rsLoRA": dict(r=16, lora_alpha=8, use_rslora=True, target_modules=ATTENTION),
    "rank and alpha patterns": dict(
        r=8, lora_alpha=16, target_modules=[*ATTENTION, "down_proj"],
        rank_pattern={"q_proj": 2, r"layers\.1\.self_attn\.v_proj": 7},
        alpha_pattern={"k_proj": 48, r"layers\.[01]\.mlp\.down_proj": 5},
    ),
    "rsLoRA and patterns": dict(
        r=8, lora_alpha=8, use_rslora=True, target_modules=ATTENTION, rank_pattern={"q_proj": 3},
        alpha_pattern={"o_proj": 4},
    ),
    "bf16": dict(r=8, lora_alpha=16, target_modules=ATTENTION),
    "DoRA": dict(r=8, lora_alpha=16, use_dora=True, target_modules=ATTENTION),
    "modules_to_save: embed_tokens": dict(r=8, lora_alpha=16, target_modules=ATTENTION, modules_to_save=["embed_tokens"]),
    "modules_to_save: lm_head": dict(r=8, lora_alpha=16, target_modules=ATTENTION, modules_to_save=["lm_head"]),
    "modules_to_save: both, norms, a linear layer": dict(
        r=8, lora_alpha=16, target_modules="all-linear",
        modules_to_save=["embed_tokens", "lm_head", "norm", "layers.0.mlp.down_proj"],
    ),
}  # fmt: skip
# What `lorikeet train` makes beside plain adapters.
TRAINED = {
    "DoRA": ["lora.use_dora=true"],
    "modules_to_save: embed_tokens": ["lora.modules_to_save=[embed_tokens]"],
    "modules_to_save: embed_tokens, lm_head": ["lora.modules_to_save=[embed_tokens, lm_head]"],
}
BOTH = "modules_to_save: embed_tokens, lm_head"


@dataclass
class Check:
    section: str
    base: str
    name: str
    figure: str
    bound: str
    is_met: bool


class Tool:
    """Lorikeet's commands and its side of the comparison."""

    def __init__(self, binaries: Path):
        self.lorikeet = binaries / "lorikeet"
        self.interop = binaries / "lorikeet-interop"

    def run(self, *words, expected: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([self.lorikeet, *map(str, words)], capture_output=True, text=True, cwd=REPOSITORY)
        if done.returncode != expected:
            sys.exit(f"interop: lorikeet {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr}")
        return done

    def logits(self, model: Path, adapter: Path | None, ids: Path, output: Path) -> dict[str, torch.Tensor]:
        subprocess.run([self.interop, "logits", model, adapter or "-", ids, output], check=True, cwd=REPOSITORY)
        return load_file(output)

    def tokens(self, model: Path, request: dict, folder: Path) -> dict:
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        answer = folder / "tokens.json"
        subprocess.run([self.interop, "tokens", model, folder / "request.json", answer], check=True, cwd=REPOSITORY)
        return json.loads(answer.read_text(encoding="utf-8"))

    def convert(self, model: Path, output: Path, kind: str):
        subprocess.run([self.interop, "convert", model, output, kind], check=True, cwd=REPOSITORY)


class LlamaCpp:
    """llama.cpp in a process of its own."""

    def __init__(self, python: str):
        self.process = subprocess.Popen(
            [python, REPOSITORY / "scripts" / "interop_llama.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.version = json.loads(self.process.stdout.readline())["llama-cpp-python"]

    def logits(self, model: Path, adapter: Path | None, ids: Path, output: Path) -> dict[str, torch.Tensor] | str:
        """The logits, or why there are none."""
        job = {"model": str(model), "adapter": str(adapter) if adapter else None, "ids": str(ids), "output": str(output)}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("interop: llama.cpp ended")
        answer = json.loads(line)
        return answer.get("error") or load_file(output)


def difference(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> float:
    """max|Δlogit| / max|logit|, the worst of all prompts."""
    worst = 0.0
    for name, logits in wanted.items():
        if found[name].shape != logits.shape:
            return math.inf
        worst = max(worst, ((found[name] - logits).abs().max() / logits.abs().max()).item())
    return worst if not math.isnan(worst) else math.inf


class Proof:
    """All checks on one base."""

    def __init__(self, name: str, base: Path, folder: Path, tool: Tool, llama: LlamaCpp, train: list[str]):
        self.name, self.base, self.folder, self.tool, self.llama = name, base, folder, tool, llama
        self.train = train
        self.checks: list[Check] = []
        self.count = 0
        folder.mkdir(parents=True)

    # What is recorded

    def add(self, section: str, name: str, figure: str, bound: str, is_met: bool):
        self.checks.append(Check(section, self.name, name, figure, bound, is_met))
        print(f"{'ok  ' if is_met else 'FAIL'} {self.name}: {section}: {name}: {figure} ({bound})", flush=True)

    def near(self, section: str, name: str, found, wanted, kind: str = "f32", move: float | None = None):
        """Logits that must be near others; where it is known how far the adapter moves them, far nearer than that."""
        figure = difference(found, wanted)
        # A bound that the adapter's own effect would meet shows nothing.
        is_met = figure <= BOUNDS[kind] and (move is None or figure < move / 3)
        moved = "" if move is None else f", move {move:.1e}"
        self.add(section, name, f"{figure:.1e}{moved}", f"≤ {BOUNDS[kind]:.0e}", is_met)

    def far(self, section: str, name: str, found, wanted, kind: str = "f32"):
        """Logits of a file that is wrong on purpose: a check with this bound must tell it from a sound one."""
        if isinstance(found, str):
            sys.exit(f"interop: {name}: {found}")
        figure = difference(found, wanted)
        self.add(section, name, f"{figure:.1e}", f"> {BOUNDS[kind]:.0e}", figure > BOUNDS[kind])

    # Where logits come from

    def output(self) -> Path:
        self.count += 1
        return self.folder / f"logits-{self.count}.safetensors"

    def ours(self, model: Path, adapter: Path | None = None):
        return self.tool.logits(model, adapter, self.ids, self.output())

    def llamas(self, model: Path, adapter: Path | None = None):
        found = self.llama.logits(model, adapter, self.ids, self.output())
        if isinstance(found, str):
            sys.exit(f"interop: llama.cpp does not load {model} with {adapter}: {found}")
        return found

    def theirs(self, model) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            return {
                f"logits.{name}": model(input_ids=torch.tensor([ids])).logits[0].contiguous()
                for name, ids in self.sequences.items()
            }

    def transformers_base(self):
        settings = dict(dtype=torch.float32, attn_implementation="eager")
        if self.base.suffix == ".gguf":
            return AutoModelForCausalLM.from_pretrained(
                self.base.parent, gguf_file=self.base.name, **settings
            ).eval()
        return AutoModelForCausalLM.from_pretrained(self.base, **settings).eval()

    # The checks

    def run(self):
        tokens = self.tool.tokens(self.base, {"texts": list(TEXTS.values()), "chats": CHATS[:1]}, self.folder)
        self.sequences = dict(zip(TEXTS, tokens["texts"])) | {"chat": tokens["chats"][0]["ids"]}
        self.ids = self.folder / "ids.json"
        self.ids.write_text(json.dumps(self.sequences))
        self.plain = self.ours(self.base)
        run = self.folder / "run"
        self.tool.run("train", *self.train, "--output", run, "--quiet")
        self.trained = run / "adapter"
        self.tuned = self.ours(self.base, self.trained)
        self.move = difference(self.tuned, self.plain)
        self.peft_reads_ours()
        self.we_read_peft()
        self.transformers_reads_merged()
        self.llama_reads_merged()
        self.llama_reads_adapters()

    def peft_reads_ours(self):
        section = "PEFT reads our adapter"
        model = self.transformers_base()
        self.near(section, "the base without an adapter", self.theirs(model), self.plain)
        found = self.theirs(PeftModel.from_pretrained(model, self.trained).eval())
        self.near(section, "an adapter that `lorikeet train` made", found, self.tuned, move=self.move)
        for index, (name, settings) in enumerate(TRAINED.items()):
            adapter = self.folder / f"run-{index}" / "adapter"
            changes = [word for setting in settings for word in ("--set", setting)]
            self.tool.run("train", *self.train, *changes, "--output", adapter.parent, "--quiet")
            found = self.theirs(PeftModel.from_pretrained(self.transformers_base(), adapter).eval())
            ours = self.ours(self.base, adapter)
            self.near(section, f"{name}, trained", found, ours, move=difference(ours, self.plain))
            if name == BOTH:
                self.whole, self.wholly_tuned = adapter, ours

    def we_read_peft(self):
        section = "We read PEFT's adapters"
        self.peft: dict[str, tuple[Path, dict[str, torch.Tensor], float]] = {}
        for index, (name, settings) in enumerate(PEFT_ADAPTERS.items()):
            folder = self.folder / f"peft-{index}"
            torch.manual_seed(40 + index)
            model = get_peft_model(self.transformers_base(), LoraConfig(task_type="CAUSAL_LM", **settings))
            for key, parameter in model.named_parameters():
                if "lora_B" in key:
                    torch.nn.init.normal_(parameter, std=0.02)
                if "lora_" in key and name == "bf16":
                    parameter.data = parameter.data.to(torch.bfloat16)
                if "modules_to_save" in key:
                    parameter.data += 0.05 * parameter.data.std() * torch.randn_like(parameter)
                    parameter.data *= 1.05
            model.save_pretrained(folder)
            is_writable = name != "DoRA" and "modules_to_save" not in name
            found = self.theirs(PeftModel.from_pretrained(self.transformers_base(), folder).eval())
            move = difference(found, self.plain)
            ours = self.ours(self.base, folder)
            self.near(section, name, ours, found, move=move)
            if name in ["DoRA", "modules_to_save: lm_head"]:
                words = ["export", "--adapter", folder, "--model", self.base, "--output", self.folder / "refused.gguf"]
                said = self.tool.run(*words, expected=65).stderr.strip().splitlines()[-1]
                is_told = name.split(":")[0] in said
                self.add(section, f"{name}, to GGUF", "refused: “" + said.split(": ", 2)[-1] + "”", "refused", is_told)
            if is_writable:  # what follows writes GGUF
                self.peft[name] = (folder, ours, move)
            if name == "rsLoRA":
                wrong = self.folder / "peft-wrong"
                shutil.copytree(folder, wrong)
                self.change_settings(wrong / "adapter_config.json", use_rslora=False)
                self.far("Wrong on purpose", "`use_rslora` taken from a PEFT adapter", self.ours(self.base, wrong), found)

    @staticmethod
    def change_settings(path: Path, **values):
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def merge(self, output: Path, kind: str, *more, adapter: Path | None = None) -> Path:
        self.tool.run(
            "merge", "--model", self.base, "--adapter", adapter or self.trained, "--output", output, "--type", kind, *more, "--quiet"
        )  # fmt: skip
        return output

    def transformers_reads_merged(self):
        section = "Transformers reads our merged folder"
        folders = {"f32": self.merge(self.folder / "merged", "f32"), "bf16": self.merge(self.folder / "merged-bf16", "bf16")}
        if self.base.suffix == ".gguf":
            sharded = self.merge(self.folder / "sharded", "f32", "--max-shard-size", "200MB")
            count = len(list(sharded.glob("model-*.safetensors")))
            assert count > 1 and (sharded / "model.safetensors.index.json").exists()
            folders[f"f32 in {count} shards"] = sharded
        for kind, folder in folders.items():
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
            wanted = self.ours(folder) if kind == "bf16" else self.tuned
            self.near(section, kind, self.theirs(model.eval()), wanted, move=None if kind == "bf16" else self.move)
        self.transformers_reads_whole(section)
        wrong = self.folder / "merged-wrong"
        shutil.copytree(folders["f32"], wrong)
        settings = json.loads((wrong / "config.json").read_text())
        theta = (settings.get("rope_parameters") or settings)["rope_theta"]
        # Both generations of Transformers' keys.
        rope = {"rope_type": "default", "rope_theta": theta * 1.1}
        self.change_settings(wrong / "config.json", rope_theta=theta * 1.1, rope_parameters=rope)
        model = AutoModelForCausalLM.from_pretrained(wrong, dtype=torch.float32, attn_implementation="eager")
        self.far("Wrong on purpose", "`rope_theta` of the merged folder a tenth larger", self.theirs(model.eval()), self.tuned)
        self.tokenizer_is_ours(folders["f32"])

    def transformers_reads_whole(self, section: str):
        """Models whose embeddings and head were trained: apart beside an adapter, or with all weights."""

        def read(folder: Path):
            return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

        model = read(self.merge(self.folder / "merged-whole", "f32", adapter=self.whole))
        assert model.lm_head.weight is not model.model.embed_tokens.weight
        move = difference(self.wholly_tuned, self.plain)
        self.near(section, "f32, of embeddings and head trained whole", self.theirs(model), self.wholly_tuned, move=move)
        run = self.folder / "full"
        rate = ["--set", "lora=null", "--set", "training.learning_rate=1e-4"]
        self.tool.run("train", *self.train, *rate, "--output", run, "--quiet")
        ours = self.ours(run / "model")
        found = self.theirs(read(run / "model"))
        self.near(section, "the model of a run with `lora: null`", found, ours, move=difference(ours, self.plain))

    def tokenizer_is_ours(self, folder: Path):
        section = "AutoTokenizer on our merged folder"
        auto = AutoTokenizer.from_pretrained(folder)
        texts = [*TEXTS.values(), *TRICKY]
        ours = self.tool.tokens(self.base, {"texts": texts, "chats": CHATS}, self.folder)
        equal = sum(auto(text, add_special_tokens=False)["input_ids"] == ids for text, ids in zip(texts, ours["texts"]))
        self.add(section, "token ids of texts", f"{equal} of {len(texts)} equal", "all", equal == len(texts))
        equal = 0
        for chat, found in zip(CHATS, ours["chats"]):
            text = auto.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
            equal += text == found["text"] and auto(text, add_special_tokens=False)["input_ids"] == found["ids"]
        self.add(section, "rendered chats and their token ids", f"{equal} of {len(CHATS)} equal", "all", equal == len(CHATS))

    def llama_reads_merged(self):
        section = "llama.cpp reads our merged GGUF"
        for kind in ["f32", "f16", "q8_0"]:
            path = self.merge(self.folder / f"merged-{kind}.gguf", kind)
            found, ours = self.llamas(path), self.ours(path)
            if kind == "q8_0":
                self.within_its_rounding(section, path, found, ours)
                continue
            self.near(section, kind, found, ours, kind)
            if kind != "f32":
                continue
            self.near(section, "f32, against base and adapter", found, self.tuned, move=self.move)
            whole = self.merge(self.folder / "merged-whole.gguf", kind, adapter=self.whole)
            move = difference(self.wholly_tuned, self.plain)
            name = "f32, of embeddings and head trained whole"
            self.near(section, name, self.llamas(whole), self.wholly_tuned, move=move)
            wrong = self.folder / "merged-wrong.gguf"
            shutil.copy(path, wrong)
            field = gguf.GGUFReader(wrong, "r+").fields["llama.rope.freq_base"]
            field.parts[field.data[0]][0] *= 1.1
            self.far("Wrong on purpose", "`rope.freq_base` of the merged GGUF a tenth larger", self.llamas(wrong), self.tuned)

    def within_its_rounding(self, section: str, path: Path, found, ours):
        """The same weights as f32 must give the same logits; as q8_0, what llama.cpp differs from itself by."""
        decoded = self.folder / "decoded.gguf"
        self.tool.run("quantize", "--model", path, "--type", "f32", "--output", decoded, "--quiet")
        exact = self.llamas(decoded)
        self.near(section, "q8_0, its numbers given to llama.cpp as f32", exact, ours)
        figure, own = difference(found, ours), difference(found, exact)
        # `own` is figured over the largest logit of `exact`, which is not quite that of `ours`.
        is_met = abs(figure - own) <= 2 * BOUNDS["f32"]
        self.add(section, "q8_0", f"{figure:.1e}, of llama.cpp from itself {own:.1e}", "as from itself", is_met)

    def llama_reads_adapters(self):
        section = "llama.cpp reads our GGUF adapters"
        base = self.folder / "base.gguf"
        self.tool.convert(self.base, base, "f32")
        self.near(section, "the base without an adapter", self.llamas(base), self.plain)

        def export(adapter: Path, output: str, *more) -> Path:
            path = self.folder / output
            self.tool.run("export", "--adapter", adapter, "--model", self.base, "--output", path, *more)
            return path

        path = export(self.trained, "trained.gguf")
        self.near(section, "an adapter that `lorikeet train` made", self.llamas(base, path), self.tuned, move=self.move)
        for kind in ["f16", "bf16"]:
            typed = export(self.trained, f"trained-{kind}.gguf", "--type", kind)
            found = self.llamas(base, typed)
            self.near(section, f"the same in {kind}", found, self.ours(self.base, typed), kind, self.move)
        back = self.folder / "back"
        self.tool.run("export", "--adapter", path, "--model", self.base, "--output", back)
        same = (back / "adapter_model.safetensors").read_bytes() == (self.trained / "adapter_model.safetensors").read_bytes()
        self.add(section, "back to PEFT", "the same bytes" if same else "other bytes", "the same bytes", same)
        for index, (name, (folder, wanted, move)) in enumerate(self.peft.items()):
            exported = export(folder, f"peft-{index}.gguf")
            self.near(section, f"PEFT's {name}", self.llamas(base, exported), wanted, move=move)
            self.near("We read our GGUF adapters", f"PEFT's {name}", self.ours(self.base, exported), wanted, move=move)
            if name == "rsLoRA":
                wrong = self.folder / "rslora-wrong.gguf"
                shutil.copy(exported, wrong)
                field = gguf.GGUFReader(wrong, "r+").fields["adapter.lora.alpha"]
                field.parts[field.data[0]][0] = PEFT_ADAPTERS[name]["lora_alpha"]
                self.far("Wrong on purpose", "rsLoRA's root of the rank forgotten", self.llamas(base, wrong), wanted)
        for half in "qk":
            self.wrong_order(path, base, half)

    def wrong_order(self, path: Path, base: Path, half: str):
        """B of q or k with its rows in Hugging Face's order."""
        wrong = self.folder / f"order-wrong-{half}.gguf"
        shutil.copy(path, wrong)
        fields = gguf.GGUFReader(base).fields
        heads = fields["llama.attention.head_count" + ("_kv" if half == "k" else "")].contents()
        for tensor in gguf.GGUFReader(wrong, "r+").tensors:
            if f"attn_{half}." in tensor.name and tensor.name.endswith("lora_b"):
                rows = numpy.array(tensor.data)
                out, rank = rows.shape
                tensor.data[:] = rows.reshape(heads, out // heads // 2, 2, rank).swapaxes(1, 2).reshape(out, rank)
        self.far("Wrong on purpose", f"B of {half} with its rows in PEFT's order", self.llamas(base, wrong), self.tuned)


# The page

BEGIN, END = "<!-- made by scripts/test-interop -->", "<!-- end of what scripts/test-interop makes -->"


def render(proofs: list[Proof], versions: str) -> str:
    lines = [BEGIN, "", f"Made with {versions}.", ""]
    bases = [proof.name for proof in proofs]
    sections = list(dict.fromkeys(check.section for proof in proofs for check in proof.checks))
    for section in sections:
        lines += [f"### {section}", "", "| | " + " | ".join(f"{base}" for base in bases) + " | allowed |"]
        lines.append("|---" * (len(bases) + 2) + "|")
        checks = [check for proof in proofs for check in proof.checks if check.section == section]
        # Shards differ in number from model to model, and only the large one has some.
        for name in dict.fromkeys(check.name for check in checks):
            row = {check.base: check for check in checks if check.name == name}
            cells = [row[base].figure if base in row else "–" for base in bases]
            # What an error says is long, and says the same of every model.
            for index in range(1, len(cells)):
                if cells[0].startswith("refused") and cells[index] == cells[0]:
                    cells[index] = "the same"
            bound = next(iter(row.values())).bound
            lines.append(f"| {name} | " + " | ".join(cells) + f" | {bound} |")
        lines.append("")
    return "\n".join([*lines, END])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--llama-python", required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--no-page", action="store_true")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(2)

    work = arguments.keep or Path(tempfile.mkdtemp(prefix="lorikeet-interop-"))
    work.mkdir(parents=True, exist_ok=True)
    tool, llama = Tool(arguments.binaries.resolve()), LlamaCpp(arguments.llama_python)
    packages = ["torch", "transformers", "peft", "tokenizers", "safetensors", "gguf"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    versions += f", llama-cpp-python {llama.version}"
    print(versions)

    proofs = []
    for name in ["tiny-tied", "tiny-untied"]:
        base = FIXTURES / "models" / name
        settings = work / f"{name}.yaml"
        settings.write_text(
            f"model: {{path: {base}}}\n"
            f"data: {{train: {FIXTURES}/training/conversations.jsonl, max_length: 256}}\n"
            "lora: {r: 4, lora_alpha: 8, target_modules: all-linear}\n"
            "training: {output_dir: unused, max_steps: 20, learning_rate: 5.0e-3}\n"
        )
        proofs.append(Proof(name, base, work / name, tool, llama, [settings]))
    if arguments.model and not arguments.tiny:
        model = Path(arguments.model).resolve()
        train = ["configs/support.yaml"]
        for setting in [
            f"model.path={model}", "model.load_in_4bit=false", "training.max_steps=30", "data.validation=[]",
            "training.save_steps=30", "training.samples=0",
        ]:  # fmt: skip
            train += ["--set", setting]
        proofs.append(Proof("SmolLM2-135M", model, work / "smollm2", tool, llama, train))
    for proof in proofs:
        proof.run()

    failed = [check for proof in proofs for check in proof.checks if not check.is_met]
    count = sum(len(proof.checks) for proof in proofs)
    if len(proofs) == 3 and not arguments.no_page and not failed:
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(BEGIN, 1)
        PAGE.write_text(head + render(proofs, versions) + rest.split(END, 1)[1], encoding="utf-8")
    if not arguments.keep:
        shutil.rmtree(work)
    print(f"{count - len(failed)} of {count} checks met")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
