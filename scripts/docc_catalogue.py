#!/usr/bin/env python3
"""Lays out the Markdown pages of docs/ as a DocC catalogue; scripts/docs calls it.

  scripts/docc_catalogue.py CATALOGUE

The pages are written for a code host: relative links, headings as anchors, README.md as a folder's index. DocC wants
links to pages by name, no folders, and an index in a section "Topics". What cannot be resolved is an error.
"""

import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ROOT_NAME = "Lorikeet"

# A link or an image; or a span of code, in which neither is one.
LINK_OR_CODE = re.compile(r"(!?)\[((?:`[^`]*`|\[[^\]]*\]|[^\[\]])*)\]\(([^()\s]+)\)|(`+)(?!`).*?(?<!`)\4(?!`)")
HEADING = re.compile(r"#+ (.*)")


class Fault(Exception):
    """Something that a page says and that is not so."""


def name_of(page):
    """What DocC calls a page: a folder's index has the folder's name."""
    if page.name != "README.md":
        return page.stem
    return ROOT_NAME if page.parent == DOCS else page.parent.name


def prose(text):
    """The lines of a page, each with whether it is prose and not code."""
    is_fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
            yield line, False
        else:
            yield line, not is_fenced and not line.startswith("    ")


def plain(markdown):
    """A heading without its markup."""
    return LINK_OR_CODE.sub(lambda m: m.group(2) if m.group(3) else m.group(0).strip("`"), markdown)


def anchors(text):
    """From the anchor that a code host gives a heading to the one that DocC gives it."""
    result = {}
    for line, is_prose in prose(text):
        match = HEADING.match(line) if is_prose else None
        if match:
            title = plain(match.group(1))
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            result[slug] = title.replace(" ", "-")
    return result


class Catalogue:
    def __init__(self, folder):
        self.folder = folder
        self.pages = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
        self.anchors = {path: anchors(text) for path, text in self.pages.items()}
        self.listed = {DOCS / "README.md"}
        names = [name_of(page).lower() for page in self.pages]
        for name in names:
            if names.count(name) > 1:
                raise Fault(f"two pages are called {name}")

    def write(self):
        self.folder.mkdir(parents=True)
        for page, text in self.pages.items():
            if page == DOCS / "README.md":
                text = self.root(page, text)
            elif page.name == "README.md":
                text = self.linked(page, text) + "\n## Topics\n\n### Pages\n\n" + self.topics(page, text)
            else:
                text = self.linked(page, text)
            (self.folder / f"{name_of(page)}.md").write_text(text, encoding="utf-8")
        for page in self.pages:
            if page not in self.listed:
                raise Fault(f"{page.relative_to(ROOT)}: no list of a README.md names it")

    def root(self, page, text):
        """The first page: what stands before its first section, then each section's list as topics."""
        introduction, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
        title, introduction = introduction.split("\n", 1)
        text = f"{title.replace('Documentation', ROOT_NAME)}\n\n@Metadata {{\n  @TechnologyRoot\n}}\n"
        text += self.linked(page, introduction).rstrip() + "\n\n## Topics\n"
        for section in sections:
            heading, body = section.split("\n", 1)
            text += f"\n### {heading}\n\n{self.topics(page, body)}"
        return text

    def topics(self, page, text):
        """The pages that a text links to, as a list of topics."""
        lines = []
        for match in LINK_OR_CODE.finditer(text):
            target = self.page(page, match.group(3)) if match.group(3) else None
            if target and target not in self.listed:
                self.listed.add(target)
                lines.append(f"- <doc:{name_of(target)}>\n")
        return "".join(lines)

    def page(self, page, link):
        """The page that a link leads to, if it is one of docs/."""
        if "://" in link:
            return None
        path = (page.parent / link.partition("#")[0]).resolve() if not link.startswith("#") else page
        path = path / "README.md" if path.is_dir() else path
        return path if path in self.pages else None

    def linked(self, page, text):
        """A page with its links as DocC understands them."""
        lines = []
        for line, is_prose in prose(text):
            if is_prose and line.startswith(("<!--", "[Source](")):
                continue
            lines.append(LINK_OR_CODE.sub(lambda m: self.link(page, m), line) if is_prose else line)
        return "\n".join(lines) + "\n"

    def link(self, page, match):
        mark, text, link, _ = match.groups()
        if not link or "://" in link:
            return match.group(0)
        target = self.page(page, link)
        anchor = link.partition("#")[2]
        if target:
            # The sections of the first page have become topics, which have no anchor.
            if not anchor or target == DOCS / "README.md":
                return f"[{text}](doc:{name_of(target)})"
            if anchor not in self.anchors[target]:
                raise Fault(f"{page.relative_to(ROOT)}: {link}: no heading has this anchor")
            return f"[{text}](doc:{name_of(target)}#{self.anchors[target][anchor]})"
        path = (page.parent / link.partition("#")[0]).resolve()
        if not path.exists():
            raise Fault(f"{page.relative_to(ROOT)}: {link}: no such file")
        if mark:
            shutil.copy(path, self.folder / path.name)
            return f"![{text}]({path.name})"
        # What is outside docs/ is not part of the site.
        return text if "`" in text or " " in text else f"`{text}`"


def main():
    try:
        Catalogue(pathlib.Path(sys.argv[1])).write()
    except Fault as fault:
        sys.exit(f"docs: {fault}")


main()
