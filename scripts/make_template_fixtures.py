#!/usr/bin/env python3
"""Makes Tests/Fixtures/templates: what Jinja2 and Transformers render, and mask, for the chat template tests.

    python3 scripts/make_template_fixtures.py

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


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, indent=0, separators=(",", ":"))
    (OUTPUT / name).write_text(text + "\n")


if __name__ == "__main__":
    main()
