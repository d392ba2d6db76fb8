#!/usr/bin/env python3
"""Makes Tests/Fixtures/templates: what Jinja2 and Transformers render, and mask, for the chat template tests.

    python3 scripts/make_template_fixtures.py
    python3 scripts/make_template_fixtures.py --trl FOLDER     # the templates of real models

The second form makes the folder that `LORIKEET_TEMPLATE_REFERENCE=FOLDER swift test --filter TemplateReference`
reads: the chat templates that the package `trl` ships of Llama 3 to 3.2, Qwen 2.5 and 3, Gemma, Gemma 3, Phi 3 and
3.5, its training variants with {% generation %} marks, and what Transformers renders and masks with both. The
templates are their models' makers', so they are read from the installed package (trl 1.16.0, Apache-2.0) and not
kept here.

Three files come of it:

* snippets.json       small templates, each with variables and what Transformers' environment renders or where
                      it fails;
* conversations.json  the conversations;
* renderings.json     every template in Tests/Fixtures/templates/*.jinja with every conversation, with and without
                      the generation prompt; the spans are those of the `.generation.jinja` beside it, which renders
                      the same text with {% generation %} marks, as Transformers' assistant mask reports them.

Needs jinja2 and transformers; their versions are printed and recorded.
"""

import datetime
import json
import pathlib
import re
import sys
import traceback

import jinja2
import transformers
from transformers.utils import chat_template_utils

from template_snippets import SNIPPETS, X
from template_conversations import CONVERSATIONS, TOOLS

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "Tests" / "Fixtures" / "templates"
VERSIONS = {"jinja2": jinja2.__version__, "transformers": transformers.__version__,
            "python": "%d.%d" % sys.version_info[:2]}


class RecordedDate(datetime.datetime):
    """The clock that `strftime_now` reads: stopped, so that a run tomorrow makes the same fixtures."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 2, 29, 15, 4, 5)


chat_template_utils.datetime = RecordedDate

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def failure(error):
    """What a test compares of an error: its kind and the template's line."""
    line = getattr(error, "lineno", None)
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == "<template>" or frame.name in ("root", "top-level template code"):
            line = frame.lineno
    result = {"kind": type(error).__name__, "line": line}
    if type(error) is jinja2.exceptions.TemplateError:
        result["message"] = str(error)
    return result


def snippet(template, variables):
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
        text = compiled.render(messages=[], tools=None, documents=None, add_generation_prompt=False, **variables)
        assert " at 0x" not in text, template
        return {"text": text}
    except Exception as error:  # noqa: BLE001: whatever it is, it is what the reference does
        return {"error": failure(error)}


def utf8_spans(text, indices):
    return [[len(text[:start].encode()), len(text[:end].encode())] for start, end in indices if end > start]


def without_null(messages):
    # apply_chat_template drops these before it calls render_jinja_template.
    return [{key: value for key, value in message.items() if value is not None} for message in messages]


def rendering(template, marked, conversation, tokens):
    result = {}
    keywords = dict(conversations=[without_null(conversation["messages"])],
                    tools=TOOLS if conversation.get("tools") else None, **tokens, **conversation.get("extra", {}))
    for name, prompt in (("text", False), ("prompt", True)):
        try:
            texts, _ = chat_template_utils.render_jinja_template(
                chat_template=template, add_generation_prompt=prompt, **keywords)
            result[name] = texts[0]
        except Exception as error:  # noqa: BLE001
            result[name + "_error"] = failure(error)
    if marked is not None and "text" in result:
        texts, indices = chat_template_utils.render_jinja_template(
            chat_template=marked, return_assistant_tokens_mask=True, **keywords)
        assert texts[0] == result["text"], (conversation["id"], texts[0], result["text"])
        result["spans"] = utf8_spans(texts[0], indices[0])
    return result


def main():
    print("made with", ", ".join(f"{name} {version}" for name, version in VERSIONS.items()))
    snippets = []
    for number, entry in enumerate(SNIPPETS, 1):
        template, variables = entry if isinstance(entry, tuple) else (entry, {})
        snippets.append({"id": number, "template": template, **({"uses_variables": True} if variables else {}),
                         **snippet(template, variables)})
    write("snippets.json", {"versions": VERSIONS, "variables": X, "snippets": snippets})

    write("conversations.json", {"tools": TOOLS, "conversations": CONVERSATIONS})

    renderings = []
    for path in sorted(OUTPUT.glob("*.jinja")):
        if path.name.endswith(".generation.jinja"):
            continue
        template = path.read_text()
        marked_path = path.with_suffix(".generation.jinja")
        marked = marked_path.read_text() if marked_path.exists() else None
        tokens = dict(TOKENS)
        if found := re.search(r"\{#-? eos: (\S+) -?#\}", template):
            tokens["eos_token"] = found[1]
        for conversation in CONVERSATIONS:
            renderings.append({"template": path.name, "eos_token": tokens["eos_token"],
                               "conversation": conversation["id"],
                               **rendering(template, marked, conversation, tokens)})
    write("renderings.json", {"versions": VERSIONS, "renderings": renderings})
    failed = sum("error" in each for each in snippets)
    print(f"{len(snippets)} snippets, {failed} of them errors; {len(renderings)} renderings, "
          f"{sum('spans' in each for each in renderings)} with spans")


def write(name, value, folder=OUTPUT):
    text = json.dumps(value, ensure_ascii=False, indent=0, separators=(",", ":"))
    (folder / name).write_text(text + "\n")


#: Templates of trl by their file's name, and the tokens of the models they belong to.
MODELS = {
    **dict.fromkeys(["llama3", "llama3_1", "llama3_2"], {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    **dict.fromkeys(["qwen2_5", "qwen3", "qwen3_instruct_2507"], {"bos_token": "", "eos_token": "<|im_end|>"}),
    **dict.fromkeys(["gemma", "gemma3"], {"bos_token": "<bos>", "eos_token": "<eos>"}),
    **dict.fromkeys(["phi3", "phi3_5"], {"bos_token": "<s>", "eos_token": "<|endoftext|>"}),
}  # fmt: skip


def make_from_trl(folder):
    import trl

    print("trl", trl.__version__)
    folder.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(trl.__file__).parent / "chat_templates"
    renderings = []
    for name, tokens in MODELS.items():
        for variant in (name, name + "_training"):
            path = source / f"{variant}.jinja"
            if not path.exists():
                continue
            template = path.read_text()
            (folder / path.name).write_text(template)
            # The original has no marks: its mask is that of the training variant, where that renders the same.
            marked_path = path if variant != name else source / f"{name}_training.jinja"
            marked = marked_path.read_text() if marked_path.exists() else None
            for conversation in CONVERSATIONS:
                made = rendering(template, None, conversation, tokens)
                keywords = dict(conversations=[without_null(conversation["messages"])],
                                tools=TOOLS if conversation.get("tools") else None, **tokens,
                                **conversation.get("extra", {}))
                if marked is not None and "text" in made:
                    try:
                        texts, indices = chat_template_utils.render_jinja_template(
                            chat_template=marked, return_assistant_tokens_mask=True, **keywords)
                    except Exception:  # noqa: BLE001: the training variant refuses what the original renders
                        texts = [None]
                    if texts[0] == made["text"]:
                        made["spans"] = utf8_spans(texts[0], indices[0])
                renderings.append({"template": path.name, **tokens, "conversation": conversation["id"], **made})
    write("renderings.json", {"versions": VERSIONS | {"trl": trl.__version__}, "renderings": renderings}, folder)
    print(len(renderings), "renderings,", sum("spans" in each for each in renderings), "with spans")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trl"]:
        make_from_trl(pathlib.Path(sys.argv[2]))
    else:
        main()
