"""docs/contract.md and docs/architecture.md match the sources, and links into the documentation resolve. Needs no running programs.

The contract's tables of event types are compared with the table itself, by `EventTypeTableTests.swift`; docs/events.md is compared here."""

import os
import re
from pathlib import Path

import pytest

from causeway_kit import swift_tables
from causeway_kit.documentation import pages
from causeway_kit.markdown import anchors_of, links_of, names_in, section, sections_of, table_of
from causeway_kit.services import ROOT

CONTRACT, ARCHITECTURE = "docs/contract.md", "docs/architecture.md"
#: What may cite the contract.
SOURCES = {".swift", ".py", ".js", ".md", ".yaml"}
#: Parts of sections that are cited by their name, as in `contract §10, Shares`.
PARTS = {"Shares", "Origins"}
#: `contract §3`, `contract §0, §2 and §10`, `the contract names (§0)`, `contract §10, "Shares"`.
CITATION = re.compile(
    r"\bcontract(?: [a-z]+){0,2},? \(?"
    r'(?P<numbers>§ ?\d+(?:\.\d+)*(?:(?:, and|, or|,| and| or) §\d+(?:\.\d+)*)*)(?:, "?(?P<name>[A-Z][a-z]+)\b)?',
    re.IGNORECASE,
)


def sources():
    """The source files of the repository; names that begin with a dot are build products or tools' files."""
    for directory, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        yield from (Path(directory, name) for name in sorted(files) if Path(name).suffix in SOURCES)


def citations():
    """Returns (file, number of the section, name of a part or None) of each citation of the contract."""
    for file in sources():
        if file in (Path(__file__), ROOT / CONTRACT):
            continue
        # A citation may go on in the next line of a comment.
        text = re.sub(r"\s*\n\s*(?:///?|#:?|\*)?\s*", " ", file.read_text())
        for found in CITATION.finditer(text):
            *others, last = re.findall(r"\d+(?:\.\d+)*", found["numbers"])
            yield from ((str(file.relative_to(ROOT)), number, None) for number in others)
            yield str(file.relative_to(ROOT)), last, found["name"] if found["name"] in PARTS else None


def test_every_section_has_its_number_and_an_anchor():
    titles = [title for title in sections_of(CONTRACT) if re.match(r"\d+\. ", title)]
    assert [title.split(".")[0] for title in titles] == [str(number) for number in range(16)]
    missing = {f"section-{number}" for number in range(16)} - anchors_of(CONTRACT)
    assert not missing, f"{CONTRACT} has no {missing}"
    contents = {target for _, target in links_of(CONTRACT)}
    assert {f"#section-{number}" for number in range(16)} <= contents, "the table at the top leaves a section out"


def test_what_cites_the_contract_finds_its_section():
    numbered = {title.split(". ")[0]: title for title in sections_of(CONTRACT) if re.match(r"\d+(\.\d+)*\. ", title)}
    found = list(citations())
    assert len(found) > 150, "citations are not found any more: has their form changed?"
    unknown = [f"{file}: contract §{number}" for file, number, _ in found if number not in numbered]
    assert not unknown, f"{CONTRACT} has no such section: {unknown}"
    nameless = [
        f"{file}: contract §{number}, {name}"
        for file, number, name in found
        if name and f"### {name}" not in section(CONTRACT, numbered[number]).text
    ]
    assert not nameless, f"{CONTRACT} has no such part in the section: {nameless}"
    assert {name for _, _, name in found} - {None} == PARTS, "a part is not cited by its name any more: take it out of PARTS"


def expect_rows(page, shown, stated):
    """Fails for rows of a page's table that differ from the sources."""
    keys = [*stated, *(key for key in shown if key not in stated)]
    differing = [f"{key}: {page} has {shown.get(key)}, the sources {stated.get(key)}" for key in keys if shown.get(key) != stated.get(key)]
    assert not differing, "\n".join(differing)


def test_the_types_of_executions_are_those_of_the_sources():
    rows = table_of(section(CONTRACT, "9. Execution streams (SSE)").text, "kind")
    shown = {names_in(row["type"])[0]: (row["kind"], names_in(row["required"]), row["final"] == "yes") for row in rows}
    assert len(shown) == len(rows), f"{CONTRACT} has a type twice"
    expect_rows(CONTRACT, shown, swift_tables.execution_types())


def test_the_events_page_has_the_table_of_event_types():
    rows = table_of((ROOT / "docs/events.md").read_text(), "type", "required fields")
    shown = {}
    for row in rows:
        title = [name.replace("\\|", "|") for name in names_in(row["notification"])]
        [type] = names_in(row["type"])
        required, relay, writer = names_in(row["required fields"]), row["relay"], row["written by"]
        shown[type] = required, title[0] if title else None, *(None if cell == "—" else cell for cell in (relay, writer))
    assert list(shown) == list(swift_tables.event_types()), "docs/events.md has other types, or another order"
    expect_rows("docs/events.md", shown, swift_tables.event_types())


def test_the_codes_of_errors_are_those_of_the_errors_page():
    errors = table_of((ROOT / "docs/errors.md").read_text(), "`error`")
    contract = table_of(section(CONTRACT, "Errors").text, "status")
    shown = {(code, row["status"]) for row in contract for code in names_in(row["`error`"])}
    assert shown == {(names_in(row["`error`"])[0], row["status"]) for row in errors}
    retriable = {code for row in contract if "Retry-After" in row["header"] for code in names_in(row["`error`"])}
    assert retriable == {names_in(row["`error`"])[0] for row in errors if row["repeat"] == "yes"}


def test_the_errors_page_has_the_codes_of_the_other_pages():
    """Every reason of `stream.end`, close code and code of JSON-RPC stands once in errors.md."""
    errors = (ROOT / "docs/errors.md").read_text()

    def codes(text, column, pattern):
        return sorted(code for row in table_of(text, column) for code in re.findall(pattern, row[column]))

    endings = table_of((ROOT / "docs/endings.md").read_text(), "label")
    assert codes(errors, "`reason` of `stream.end`", r"`(\w+)`") == sorted({row["SSE: `stream.end`"] for row in endings} - {"—"})
    columns = "workspace: close code", "relay: error, close code"
    closing = {code for row in endings for column in columns for code in re.findall(r"\b\d{4}\b", row[column])}
    assert codes(errors, "close code", r"\d{4}") == sorted(closing)
    relay = section(CONTRACT, "6. Relay (JSON-RPC 2.0 over WebSocket)").text
    assert codes(errors, "code", r"−\d{5}") == codes(relay, "code", r"−\d{5}")


@pytest.mark.parametrize(
    ("title", "column"),
    [("5. Workspace stream (WebSocket)", "workspace: close code"), ("6. Relay (JSON-RPC 2.0 over WebSocket)", "relay: error, close code")],
)
def test_close_codes_are_those_of_the_endings_page(title, column):
    endings = table_of((ROOT / "docs/endings.md").read_text(), "label")
    shown = {code for row in table_of(section(CONTRACT, title).text, "close code") for code in re.findall(r"\d{4}", row["close code"])}
    assert shown == {code for row in endings for code in re.findall(r"\b\d{4}\b", row[column])}


def test_reasons_of_stream_end_are_those_of_the_endings_page():
    endings = table_of((ROOT / "docs/endings.md").read_text(), "label")
    rows = table_of(section(CONTRACT, "4. Notification stream (SSE)").text, "`reason` of `stream.end`")
    shown = {reason for row in rows for reason in names_in(row["`reason` of `stream.end`"])}
    assert shown == {row["SSE: `stream.end`"] for row in endings} - {"—"}


def test_layers_are_those_of_the_package():
    rows = table_of(section(ARCHITECTURE, "Layers").text, "target")
    shown = {names_in(row["target"])[0]: {*names_in(row["imports"])} for row in rows}
    assert len(shown) == len(rows), f"{ARCHITECTURE} has a target twice"
    expect_rows(ARCHITECTURE, shown, swift_tables.layers())
    order = list(shown)
    down = [f"{target} imports {other}" for target in order for other in shown[target] if order.index(other) > order.index(target)]
    assert not down, f"an import points down the table of layers: {down}"


@pytest.mark.parametrize("program", ["approval-api", "event-producer", "webhook-dispatcher", "causeway"])
def test_what_is_no_edge_links_no_delivery_loop(program):
    layers = swift_tables.layers()
    linked, waiting = set(), [program]
    while waiting:
        target = waiting.pop()
        waiting += layers[target] - linked
        linked |= layers[target]
    # CEpoll is a module map without code, which the polled connections to the bus use too.
    assert "ServiceKit" in linked and not linked & {"EdgeRuntime", "EdgeService", "CZlib"}


@pytest.mark.parametrize("page", [*pages(), "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_lead_somewhere(page):
    broken = []
    for line, target in links_of(page):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists():
            broken.append(f"{page}:{line}: {target} is no file")
        elif anchor and (file.suffix != ".md" or anchor not in anchors_of(os.path.relpath(file, ROOT))):
            broken.append(f"{page}:{line}: {target} is no place in that page")
    assert not broken, "\n".join(broken)


def test_both_pages_are_linked_from_where_people_begin():
    for page in ("README.md", "CONTRIBUTING.md"):
        missing = {CONTRACT, ARCHITECTURE} - {target for _, target in links_of(page)}
        assert not missing, f"{page} does not link to {missing}"
