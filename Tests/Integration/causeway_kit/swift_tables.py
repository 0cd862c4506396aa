"""Tables in Swift sources that documentation repeats, read from their text: what is written otherwise than expected fails, and is not passed over."""

import re

from .services import ROOT

MODEL = ROOT / "Shared/EventModel"


def execution_types():
    """Of each type of an execution its kind, its required fields, and whether it is final."""
    body = _body((MODEL / "ExecutionCatalogue.swift").read_text(), r"private static let table: \[String: Entry\] = ")
    found = {}
    for type, entry in _rows(body):
        kind = re.match(r"Entry\(\s*kind: \.(\w+)", entry)
        assert kind, f"ExecutionCatalogue.swift: {entry} is not understood"
        required = re.search(r"required: \[([^\]]*)\]", entry)
        found[type] = kind[1], re.findall(r'\("(\w+)",', required[1]) if required else [], "isFinal: true" in entry
    return found


def event_types():
    """Of each event type, in the table's order: required fields, title of the notification, relay subscription, and the only writer."""
    table = _body((MODEL / "EventTypeTable.swift").read_text(), r"static let rows: \[EventTypeRow\] = ")
    rows = [_body(table[call.start() :], r"EventTypeRow") for call in re.finditer(r"^ {8}EventTypeRow\(", table, re.MULTILINE)]
    assert rows, "EventTypeTable.swift: no row is found"
    found = {}
    for row in rows:
        name = re.match(r'\s*"([\w.]+)"', row)
        assert name and name[1] not in found, f"EventTypeTable.swift: {row} is not understood"
        required = re.findall(r'"(\w+)"', _body(row, r"required: ")) if "required: " in row else []
        title = re.search(r'title: "([^"]*)"', row)
        relay, role = re.search(r"relay: \.(\w+)", row), re.search(r"approval: \.(\w+)", row)
        writer = "webhooks" if "isOfWebhooks: true" in row else "approvals" if role and role[1] != "request" else None
        found[name[1]] = required, title and title[1], relay and relay[1], writer
    return found


def layers():
    """The targets of Package.swift below Shared/, Services/ and docs/, and which other targets each imports."""
    targets = _body((ROOT / "Package.swift").read_text(), r"\n    targets: ")
    calls = [(call[1], _body(targets[call.end() :], r"\A")) for call in re.finditer(r"^ {8}(\.?\w+)(?=\()", targets, re.MULTILINE)]
    names = [_name(call, arguments) for call, arguments in calls]
    assert len(names) == len({*names}), "Package.swift: a target stands twice"
    found = {}
    for (call, arguments), name in zip(calls, names, strict=True):
        if call == "tests" or name.endswith("TestKit"):
            continue
        # The strings that are left are targets: no labelled ones, no name at the beginning, nothing of other packages, no resources.
        dependencies = re.sub(r"\.\w+\([^)]*\)|\w+: \"[^\"]*\"|\A\s*\"[^\"]+\"", "", arguments)
        found[name] = {*re.findall(r'"([^"]+)"', dependencies)}
        strangers = found[name] - {*names}
        assert not strangers, f"Package.swift: {name} imports {strangers}, which are no targets"
    return found


def _name(call, arguments):
    known = {"shared", "service", "tests", "example", ".systemLibrary", ".executableTarget", ".target"}
    assert call in known, f"Package.swift: {call} is not understood"
    found = re.match(r'\s*(?:name: )?"([^"]+)"', arguments)
    assert found, f"Package.swift: {arguments} begins with no name"
    # `tests` makes a target of another name.
    return f"{found[1]}Tests" if call == "tests" else found[1]


def _body(text, before):
    """What the first bracket behind a pattern encloses."""
    found = re.search(before + r"([\[{(])", text)
    assert found, f"nothing begins with {before}"
    depth, start, quoted = 0, found.end(), False
    for place in range(found.end() - 1, len(text)):
        character = text[place]
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "[{(":
            depth += 1
        elif not quoted and character in "]})":
            depth -= 1
            if depth == 0:
                return text[start:place]
    raise AssertionError(f"what begins with {before} does not end")


def _rows(body):
    """(key, value) of a dictionary's entries, each of which begins a line; the values on one line."""
    parts = re.split(r'^ +"([\w.]+)": ', body, flags=re.MULTILINE)
    assert len(parts) > 1 and not parts[0].strip(), f"a table's rows are not understood: {body[:200]}"
    rows = list(zip(parts[1::2], parts[2::2], strict=True))
    for key, value in rows:
        assert value.rstrip().endswith(","), f"the row of {key} is not understood"
    assert len({key for key, _ in rows}) == len(rows), "a table has a row twice"
    return [(key, re.sub(r"\s*\n\s*", " ", value.strip().rstrip(","))) for key, value in rows]
