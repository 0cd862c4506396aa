"""The reader of test_documentation.py detects faults of a page."""

import pytest

from causeway_kit import documentation, reader
from causeway_kit.documentation import Block, resembles
from causeway_kit.reader import Reader


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Makes a page of that text, and opens it."""
    someone = Reader(tmp_path)
    for module in (documentation, reader):
        monkeypatch.setattr(module, "ROOT", tmp_path)

    def make(text):
        (tmp_path / "page.md").write_text(text)
        return someone.page("page.md", tmp_path)

    yield make
    someone.close()


def test_a_block_that_nobody_takes_is_named(page):
    with pytest.raises(AssertionError, match=r"page.md:5 \(sh\): echo two"), page("```sh\necho one\n```\n\n```sh\necho two\n```\n") as reading:
        reading.sh("one")


def test_every_command_must_succeed_and_variables_last(page):
    with page("```sh\nA=1\n```\n```sh\necho $A\n```\n```\n1\n```\n```sh\nfalse\ntrue\n```\n```sh\necho $B\n```\n") as reading:
        reading.sh("A=1", A=2)
        with pytest.raises(AssertionError, match="is not what is printed"):
            reading.sh("echo $A", shows="1")
        for failing in ("false", "$B"):
            with pytest.raises(AssertionError, match="ended with status 1"):
                reading.sh(failing)


def test_an_unfinished_block_is_noticed(page):
    with pytest.raises(AssertionError, match="3 fences"), page("```sh\ntrue\n```\n```js\n"):
        pass


@pytest.mark.parametrize(
    ("printed", "shown", "missing"),
    [
        ("a\nb\nc", "a\nc", None),
        ("a\nb", "b\na", "a"),
        ("id: evt_12", "id: evt_…", None),
        ("id: evt_12 and more", "id: evt_12", "id: evt_12"),
        ("id: 12", "id: evt_…", "id: evt_…"),
        ("aXc", "a.c", "a.c"),
    ],
)
def test_what_was_printed_is_compared_with_what_is_shown(printed, shown, missing):
    assert resembles(printed, shown) == missing


def test_only_what_the_page_sets_can_be_set():
    shell = Block("page.md", 1, "sh", "export URL=http://a:1 OTHER_URL=b\ncurl $URL?token=$TOKEN\n")
    assert shell.with_values({"URL": "c"}).splitlines() == ['export URL="c" OTHER_URL=b', "curl $URL?token=$TOKEN"]
    script = Block("page.md", 1, "js", 'const url = "a", token = "…";\nopen(`?token=${token}`);\n')
    assert script.with_values({"token": "t"}).startswith('const url = "a", token = "t";\nopen(`?token=${token}`)')
    for name in ("TOKEN", "token"):
        with pytest.raises(AssertionError, match="0 times"):
            shell.with_values({name: "x"})
