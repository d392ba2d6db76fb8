"""Writes Sources/Tokenization/ScalarClassRanges.swift: which scalars are letters, numbers and space.

The classes are read off the reference itself, scalar by scalar: \\p{L}, \\p{N} and \\s as the regular
expressions of the Python package `tokenizers` see them, and the numbers as its Digits step does.

    pip install tokenizers==0.23.3
    python scripts/make_unicode_classes.py
"""

from pathlib import Path

import tokenizers
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, Split

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def members(pattern):
    split = Split(Regex(pattern), "removed")
    return {c for c in SCALARS if not split.pre_tokenize_str(chr(c))}


def main():
    letters, numbers, spaces = members(r"\p{L}"), members(r"\p{N}"), members(r"\s")
    step = Digits(individual_digits=True)
    digits = {c for c in SCALARS if len(step.pre_tokenize_str("a" + chr(c))) > 1}
    assert numbers <= digits and not (letters & digits) and not (spaces & (letters | digits))

    starts, previous = [], -1
    for c in range(0x110000):
        if c in letters:
            kind = 1
        elif c in numbers:
            kind = 2
        elif c in spaces:
            kind = 3
        elif c in digits:
            kind = 4
        else:
            kind = 0
        if kind != previous:
            starts.append(f"0x{c << 3 | kind:X},")
            previous = kind

    lines, line = [], "   "
    for item in starts:
        if len(line) + 1 + len(item) > 100:
            lines.append(line)
            line = "   "
        line += " " + item
    lines.append(line)

    path = Path(__file__).parent.parent / "Sources/Tokenization/ScalarClassRanges.swift"
    path.write_text(
        f"""// Made by scripts/make_unicode_classes.py from tokenizers {tokenizers.__version__}. Do not edit.

extension ScalarClass {{
  /// Where the class changes, in ascending order: `scalar << 3 | rawValue`, valid up to the next entry.
  static let ranges: [UInt32] = [
"""
        + "\n".join(lines)
        + "\n  ]\n}\n"
    )
    print(f"tokenizers {tokenizers.__version__}: {len(starts)} ranges")


main()
