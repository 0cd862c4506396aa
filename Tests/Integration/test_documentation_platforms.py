"""The pages about platforms, read as test_documentation.py reads the others. They need no running stack."""

import functools
import subprocess

import pytest

from causeway_kit.command_lines import asks_a_cluster
from causeway_kit.programs import COMMANDS
from causeway_kit.reader import Reader, make_checkout
from causeway_kit.services import ROOT


@pytest.fixture
def read(tmp_path):
    """`with read("docs/page.md") as page` goes through a page."""
    for name in ("reader", "checkout"):
        (tmp_path / name).mkdir()
    reader = Reader(tmp_path / "reader")
    checkout = make_checkout(tmp_path / "checkout", tmp_path / "run")
    yield lambda name: reader.page(name, checkout)
    reader.close()


def test_kubernetes(read, tmp_path):
    subprocess.run([ROOT / "deploy/containers/make-secrets", tmp_path / "files/.secrets"], check=True)
    checked = functools.partial(asks_a_cluster, folder=tmp_path / "files")
    with read("docs/kubernetes.md") as page:
        page.unrunnable("make-secrets", because="no cluster runs where the tests do", instead=checked)
        assert "kind: StatefulSet" in page.sh("helm template")
        page.unrunnable("get service", because="no cluster runs where the tests do", instead=checked)
        page.unrunnable("production.yaml", because="no cluster runs where the tests do", instead=checked)
        # test_kubernetes.py compares it with the autoscalers.
        page.sample("rules:")


def test_systemd(read, tmp_path):
    programs, settings, units = (tmp_path / name for name in ("programs", "settings", "units"))
    units.mkdir()
    with read("docs/systemd.md") as page:
        page.sh("install-programs.sh", PROGRAMS=programs, SETTINGS=settings, UNITS=units)
        installed = {file.stem for file in units.glob("*.service")}
        assert (settings / "auth-hs256-secret").stat().st_mode & 0o77 == 0
        assert {name for name in COMMANDS if (programs / name).exists()} == {*COMMANDS}
        page.unrunnable("systemctl", because="systemd does not run where the tests do", instead=lambda line: enables(line, installed))
        # test_systemd.py compares their names with the settings of the services.
        for words in ("NATS_URL", "NATS_PASSWORD_FILE", "UnsetEnvironment"):
            page.sample(words)


def enables(line, units):
    """`systemctl` is asked for all units, or for nothing of theirs."""
    assert line == ["systemctl", "daemon-reload"] or (line[:3] == ["systemctl", "enable", "--now"] and {*line[3:]} == units)
