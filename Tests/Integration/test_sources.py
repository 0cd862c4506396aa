"""Rules of the Swift sources that the compiler does not check."""

import re

import pytest

from causeway_kit.services import ROOT

SOURCES = [path for folder in ("Shared", "Services") for path in sorted((ROOT / folder).rglob("*.swift"))]
#: An element of a tuple or of a case that is returned, behind another one: `return (index, .success(try await …))`.
AWAITED_ELEMENT = re.compile(r"return \([^()]*,[^\n]*\bawait\b")


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
