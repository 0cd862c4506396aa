"""Parses Markdown pages without their code blocks: sections with their anchors, tables, links."""

import re
from dataclasses import dataclass
from functools import cache

from .services import ROOT

_HEADING = re.compile(r"^(#{1,6}) +(.+?)(?: +#+)? *$")
_ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)">')
#: One of the two groups is what is linked to: `[text](target "title")`, `src="target"`, `srcset="target"`, `href="target"`.
_LINKS = re.compile(r'\[[^\]]*\]\(([^()\s]+)(?: "[^"]*")?\)|\b(?:src|srcset|href)="([^"]+)"')


@dataclass(frozen=True)
class Section:
    """A heading and its text, up to the next heading of the same or a higher level."""

    title: str
    text: str


@cache
def lines_of(page):
    """The lines of a page; those of code blocks are empty, so that nothing in them is taken for a heading or a link."""
    lines, fence = [], None
    for line in (ROOT / page).read_text().splitlines():
        found = re.match(r" *(`{3,}|~{3,})", line)
        if found and fence in (None, found[1]):
            fence = None if fence else found[1]
            lines.append("")
        else:
            lines.append("" if fence else line)
    return lines


def _headings(page):
    """(line, level, title) of every heading."""
    found = ((number, _HEADING.match(line)) for number, line in enumerate(lines_of(page)))
    return [(number, len(heading[1]), heading[2]) for number, heading in found if heading]


def sections_of(page):
    """The sections by their titles; a title that a page has twice cannot be asked for."""
    lines, headings, sections = lines_of(page), _headings(page), {}
    for index, (start, level, title) in enumerate(headings):
        end = next((line for line, other, _ in headings[index + 1 :] if other <= level), len(lines))
        assert title not in sections, f"{page} has two sections called {title}"
        sections[title] = Section(title, "\n".join(lines[start + 1 : end]))
    return sections


def section(page, title):
    """The section of a page with this title."""
    sections = sections_of(page)
    assert title in sections, f"{page} has no section called {title}"
    return sections[title]


@cache
def anchors_of(page):
    """What a link to a place in the page can name: explicit anchors, and those that GitHub makes of headings."""
    anchors = set()
    for _, _, title in _headings(page):
        # GitHub drops markup and punctuation, and numbers what repeats.
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = next(n for n in range(len(lines_of(page))) if (f"{slug}-{n}" if n else slug) not in anchors)
        anchors.add(f"{slug}-{number}" if number else slug)
    explicit = [anchor for line in lines_of(page) for anchor in _ANCHOR.findall(line)]
    assert len({*explicit}) == len(explicit), f"{page} has an anchor twice"
    return frozenset(anchors | {*explicit})


def links_of(page):
    """(line, target) of every link of a page, its pictures among them."""
    text = "\n".join(lines_of(page))
    # In code there are no links; a link's text may be code.
    plain = re.sub(r"`[^`]+`", lambda code: re.sub(r"[^\n]", "x", code[0]), text)
    return [(plain.count("\n", 0, link.start()) + 1, link[1] or link[2]) for link in _LINKS.finditer(plain)]


def table_of(text, *first_columns):
    """The rows of the one table whose first columns have these titles, as dicts. Cells are text as it is written."""
    tables = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    wanted = [table for table in tables if _cells(table.splitlines()[0])[: len(first_columns)] == [*first_columns]]
    assert len(wanted) == 1, f"there must be one table that begins with the columns {first_columns}, not {len(wanted)}"
    titles, _, *rows = map(_cells, wanted[0].splitlines())
    for row in rows:
        assert len(row) == len(titles), f"this row of the table of {first_columns} has {len(row)} cells, not {len(titles)}: {row}"
    return [dict(zip(titles, row, strict=True)) for row in rows]


def _cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip()[1:-1])]


def names_in(cell):
    """The names that a cell shows as code."""
    return re.findall(r"`([^`]+)`", cell)
