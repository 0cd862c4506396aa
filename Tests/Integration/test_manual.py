"""`deploy/manual` writes the manual pages of all programs from what they say about themselves (docs/command-line.md)."""

import re
import subprocess

import pytest

from causeway_kit.programs import COMMANDS, OPERATING, ROOT
from causeway_kit.services import BINARIES, command, is_built

PROGRAMS = {OPERATING, *(line[0] for line in COMMANDS.values())}
#: Options, and environment variables.
NAMES = r"(?<![\w-])--?[a-z][a-z0-9-]*|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b"

pytestmark = pytest.mark.skipif(not all(map(is_built, PROGRAMS)), reason="not all programs are built")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages by name, as groff shows them."""
    folder = tmp_path_factory.mktemp("manual")
    subprocess.run([ROOT / "deploy/manual", BINARIES, folder], check=True, timeout=120)
    return {file.name: shown(file) for file in sorted(folder.glob("man?/*"))}


def shown(file):
    """Returns the text of a page. groff finds no fault in it."""
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", file], capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0 and not done.stderr, f"{file.name}: {done.stderr}"
    return done.stdout


def subcommands(help):
    """Returns the commands that a help lists, without aliases of another program's."""
    own = help.partition("\nSUBCOMMANDS:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  ([a-z][a-z-]*) {2,}\S", own, re.MULTILINE)


def commands(program, *words):
    """Returns the words of each command with its `--help-all`, from the program down."""
    help = command(program, *words, "--help-all").stdout.decode()
    return [(words, help), *(line for name in subcommands(help) for line in commands(program, *words, name))]


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_every_command_has_a_page_with_all_that_its_help_names(pages, program):
    section = 1 if program == OPERATING else 8
    for words, help in commands(program):
        name = f"{'-'.join((program, *words))}.{section}"
        assert name in pages, f"{' '.join((program, *words))} has no page"
        page = set(re.findall(NAMES, pages[name]))
        missing = set(re.findall(NAMES, help)) - page
        assert not missing, f"{name} lacks {missing}"
        assert " ".join((program, *words)) in pages[name].partition("SYNOPSIS")[2].partition("DESCRIPTION")[0], name
        for below in subcommands(help):
            assert f"{'-'.join((program, *words, below))}({section})" in pages[name], f"{name} does not refer to {below}"


def test_pages_refer_to_pages(pages):
    referred = {f"{name}.{section}" for text in pages.values() for name, section in re.findall(r"([a-z][a-z-]+)\((\d)\)", text)}
    assert referred <= set(pages), referred - set(pages)


def test_an_alias_is_described_once(pages):
    assert "causeway-log-resize.1" in pages and "event-producer-publish.8" in pages
    assert not {"event-producer-log.8", "event-producer-log-resize.8", "event-producer-token.8"} & set(pages)
    assert re.search(r"log, see causeway-log\(1\)", pages["event-producer.8"])
