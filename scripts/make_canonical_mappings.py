"""Writes Sources/Tokenization/CanonicalMappings.swift: what normalisation form C needs to know of each scalar.

The mappings are those of the reference, the NFC and NFD normalisers of the Python package `tokenizers`, whose
Unicode version is older than most runtimes'.

    pip install tokenizers==0.23.3
    python scripts/make_canonical_mappings.py
"""

import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import normalizers

NFC, NFD = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)


def decompositions():
    """`composed first [second]` for each scalar; with `!` where form C does not put it together again."""
    for c in SCALARS:
        if c in HANGUL or NFD(chr(c)) == chr(c):
            continue
        parts = unicodedata.decomposition(chr(c)).split()
        assert len(parts) in (1, 2) and NFD("".join(chr(int(p, 16)) for p in parts)) == NFD(chr(c))
        mark = "" if NFC(chr(c)) == chr(c) else "!"
        yield " ".join([f"{c:x}{mark}"] + [f"{int(p, 16):x}" for p in parts])


def combining_classes():
    """`first last class` for each range of scalars of one class other than 0."""
    classes = {}
    for c in SCALARS:
        value = unicodedata.combining(chr(c))
        # A later scalar has class 0 to the reference, which then keeps it before a mark of class 1.
        if value > 1 and NFD(chr(c) + "\u0334") == chr(c) + "\u0334":
            value = 0
        if value:
            classes[c] = value
    start = None
    for c in sorted(classes):
        if start is None:
            start = c
        if classes.get(c + 1) != classes[c]:
            yield f"{start:x} {c:x} {classes[c]:x}"
            start = None


def literal(name, comment, entries):
    lines, line = [], ""
    for entry in entries:
        if len(line) + len(entry) + 1 > 92:
            lines.append(line)
            line = ""
        line += entry + ";"
    lines.append(line)
    body = "".join(f"    {line}\\\n" for line in lines).rstrip("\\\n")
    return f'  /// {comment}\n  static let {name}: StaticString = """\n{body}\n    """\n'


def main():
    path = Path(__file__).parent.parent / "Sources/Tokenization/CanonicalMappings.swift"
    path.write_text(
        f"// Made by scripts/make_canonical_mappings.py from tokenizers {tokenizers.__version__}. Do not edit.\n\n"
        "/// Canonical decompositions and combining classes, in hexadecimal.\nenum CanonicalMappings {\n"
        + literal("decompositions", "`composed first second`; `!` where form C keeps the parts.", decompositions())
        + "\n"
        + literal("combiningClasses", "`first last class` of each range of a class other than 0.", combining_classes())
        + "}\n"
    )
    print(path, path.stat().st_size, "bytes")


main()
