"""The documentation's pages: their fenced code blocks, what is taken of them, and whether something was printed as they show it."""

import re
import textwrap
from dataclasses import dataclass

from .services import ROOT

_FENCED = re.compile(r"^([ ]*)```([\w+-]*)[^\n]*\n(.*?)^\1```[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced code block; `line` is that of its fence."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        first = self.text.strip().splitlines()[0] if self.text.strip() else ""
        return f"{self.page}:{self.line} ({self.language or 'no language'}): {first}"

    def with_values(self, values):
        """The text as somebody leaves it who sets these names to values of their own; nothing else changes.

        That is `NAME=value` at the beginning of a word in a shell's block, `name = "value"` in other languages.
        """
        text = self.text
        quoted = r"\"[^\"\n]*\""
        for name, value in values.items():
            assert not re.search(r"[\"'\\\n]", str(value)), f"{name} cannot be quoted"
            assignment = rf"(?<!\S)({name}=)(?:{quoted}|[^\s;\"]+)" if self.language == "sh" else rf"\b({name} = ){quoted}"
            text, count = re.subn(assignment, lambda found: f'{found[1]}"{value}"', text)
            assert count == 1, f"{self}\nThe block sets {name} {count} times: a test may only change what the page tells the reader to set, once."
        return text


def pages():
    """README.md and docs/*.md, as names relative to the project."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [str(file.relative_to(ROOT)) for file in files]


def blocks_of(page):
    """All code blocks of a page, in their order."""
    text = (ROOT / page).read_text()
    found = []
    for fenced in _FENCED.finditer(text):
        line = text.count("\n", 0, fenced.start()) + 1
        found.append(Block(page, line, fenced[2], textwrap.dedent(fenced[3])))
    fences = len(re.findall(r"^ *```", text, re.MULTILINE))
    assert fences == 2 * len(found), f"{page} has {fences} fences, but {len(found)} blocks: one is not closed, or stands within another"
    return found


class Page:
    """The blocks of a page, each to be taken once."""

    def __init__(self, name):
        self.name = name
        self._left = blocks_of(name)

    def take(self, words, language=None):
        """The first block not taken yet that contains these words."""
        for block in self._left:
            if words in block.text and language in (None, block.language):
                self._left.remove(block)
                return block
        raise AssertionError(f"{self.name} has no {language or 'code'} block (any more) that contains {words!r}")

    def expect_all_taken(self):
        """Fails for blocks that no line of the page's test covers."""
        assert not self._left, "\n".join(
            [
                f"{self.name} has code blocks that test_documentation.py does nothing with:",
                *map(str, self._left),
                f"Add a line for each to the test of {self.name}: page.sh, page.stream, page.python, page.javascript or page.same_as runs it;",
                "page.sample is for what is shown, not run; page.unrunnable is for what cannot run in a test: it wants the reason, "
                "and what to check instead.",
            ]
        )


def resembles(printed, shown):
    """What of `shown` is missing in `printed`; None if nothing is.

    Each line shown was printed, in this order, perhaps with others in between; `…` stands for anything within a line.
    """
    lines = iter(printed.splitlines())
    for wanted in filter(None, (line.strip() for line in shown.splitlines())):
        pattern = re.compile(".*".join(map(re.escape, wanted.split("…"))))
        if not any(pattern.fullmatch(line.strip()) for line in lines):
            return wanted
    return None


def expect_shown(printed, block):
    """Fails unless that was printed what the block shows."""
    missing = resembles(printed, block.text)
    assert missing is None, f"{block}\nis not what is printed. Missing, or out of order: {missing}\n--- printed:\n{printed}"
