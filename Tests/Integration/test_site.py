"""The static site of `make site` has every page of docs/, and mkdocs finds no fault in it."""

import os
import re
import subprocess
import sys

import yaml

from causeway_kit.documentation import pages
from causeway_kit.markdown import links_of
from causeway_kit.services import ROOT

SITE = ROOT / "deploy/site"


def entries(nav):
    """The pages of a `nav`, in its order."""
    for item in nav:
        for target in item.values():
            if isinstance(target, str):
                yield target
            else:
                yield from entries(target)


def test_every_page_is_in_the_navigation():
    shown = [f"docs/{page}" for page in entries(yaml.safe_load((SITE / "mkdocs.yml").read_text())["nav"])]
    written = [page for page in pages() if page != "README.md"]
    assert sorted(shown) == sorted(written), f"add to `nav` of deploy/site/mkdocs.yml, or remove: {set(shown) ^ set(written)}"


def test_every_page_is_linked_from_the_first_one():
    linked = {f"docs/{target}" for _, target in links_of("docs/README.md")}
    missing = {*pages()} - {"README.md", "docs/README.md"} - linked
    assert not missing, f"docs/README.md does not link to {missing}"


def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", SITE / "mkdocs.yml", "--site-dir", tmp_path / "site"]
    environment = os.environ | {"REPOSITORY_URL": "https://git.example.com/causeway"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    contract = (tmp_path / "site/contract.html").read_text()
    assert 'id="section-3"' in contract and "https://git.example.com/causeway/Shared/" in (tmp_path / "site/architecture.html").read_text()
    loaded = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="(https?://[^"]+)"', contract)
    assert not loaded, f"pages of the site load from other hosts: {loaded}"


def test_the_tests_build_the_site_with_the_version_of_make_site():
    [version] = re.findall(r"^mkdocs==.*$", (SITE / "requirements.txt").read_text(), re.MULTILINE)
    assert version in (ROOT / "Tests/Integration/requirements.txt").read_text().splitlines()
