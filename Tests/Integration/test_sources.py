"""Rules of the Swift sources that the compiler does not check."""

import re

import pytest

from causeway_kit.services import ROOT

SOURCES = [path for folder in ("Shared", "Services") for path in sorted((ROOT / folder).rglob("*.swift"))]
#: An element of a tuple or of a case that is returned, behind another one: `return (index, .success(try await …))`.
AWAITED_ELEMENT = re.compile(r"return \([^()]*,[^\n]*\bawait\b")
#: A `do` with typed errors that awaits and then leaves a loop.
AWAITING_BREAK = re.compile(r"do throws\([\w.]+\) \{[^{}]*?\bawait\b[^{}]*?\n\s*break\n")


@pytest.mark.parametrize("line", ["return (index, .success(try await look(at: index)))", "return (first, await second())"])
def test_the_rule_of_awaited_elements_finds_what_it_is_about(line):
    assert AWAITED_ELEMENT.search(line)


def test_no_tuple_is_returned_that_awaits_one_of_its_elements():
    """Optimised, Swift 6.3.1 returns such a tuple without its first element where errors are typed: `event-producer` crashed. Await first."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if AWAITED_ELEMENT.search(line)
    ]
    assert not found, f"await the element in a statement before the tuple: {found}"


def test_the_rule_of_typed_do_finds_what_it_is_about():
    assert AWAITING_BREAK.search("do throws(EventLogError) {\n    found = try await look()\n    break\n} catch {")


def test_no_loop_is_left_from_a_typed_do_that_has_awaited():
    """Optimised, Swift 6.3.1 resumes such a closure at a wrong address: `webhook-dispatcher` crashed. Return from a function instead."""
    found = []
    for path in SOURCES:
        text = path.read_text()
        for match in AWAITING_BREAK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}")
    assert not found, f"return the awaited value from a function: {found}"
