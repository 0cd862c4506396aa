"""deploy/systemd has a unit for each program, which systemd accepts, and whose settings the program knows."""

import os
import re
import shutil
import subprocess

import pytest

from causeway_kit.containers import ROOT, Compose, keys_of
from causeway_kit.programs import COMMANDS
from causeway_kit.services import BINARIES

UNITS = ROOT / "deploy/systemd"
COMMON = UNITS / "causeway-.service.d/common.conf"
COMPOSE = Compose(ROOT / "docker-compose.yml")
ours = pytest.mark.parametrize("name", COMMANDS)


def assignments(text, key):
    """The values of a key, in their order."""
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def unit(name):
    """A unit as systemd reads it: its file, then the drop-in of all."""
    return (UNITS / f"causeway-{name}.service").read_text() + COMMON.read_text()


def variables(text):
    return {word.partition("=")[0]: word.partition("=")[2] for line in assignments(text, "Environment") for word in line.split()}


def settings_of(name):
    keys = keys_of(COMMANDS[name])
    return keys.keys() | {f"{key}_FILE" for key in keys}


def test_each_program_has_a_unit():
    assert {file.name for file in UNITS.glob("*.service")} == {f"causeway-{name}.service" for name in COMMANDS}


@ours
def test_a_unit_starts_its_program_with_settings_that_it_knows(name):
    text = unit(name)
    assert assignments(text, "ExecStart") == [f"/usr/local/bin/{' '.join(COMMANDS[name])}"]
    assert variables(text).keys() <= settings_of(name)
    credentials = {line.partition(":")[0] for line in assignments(text, "LoadCredential")}
    assert {value.removeprefix("%d/") for value in variables(text).values() if value.startswith("%d/")} == credentials
    assert assignments(text, "LimitNOFILE") == list(map(str, COMPOSE.services[name].get("ulimits", {}).values()))
    window = keys_of(COMMANDS[name]).get("DRAIN_WINDOW", "0s")
    assert [int(value.removesuffix("s")) > int(window.removesuffix("s")) + 5 for value in assignments(text, "TimeoutStopSec")] == [True]


def test_the_read_model_is_in_the_folder_of_the_unit():
    text = unit("approval-api")
    [folder] = assignments(text, "StateDirectory")
    assert variables(text)["DATABASE_FILE"].startswith(f"%S/{folder}/")
    assert f"`/var/lib/{folder}`" in (ROOT / "docs/systemd.md").read_text()


def test_the_examples_of_the_page_are_settings_of_every_service():
    blocks = re.findall(r"```ini\n(.*?)```", (ROOT / "docs/systemd.md").read_text(), re.DOTALL)
    named = set()
    for block in blocks:
        if block.startswith("["):
            named |= variables(block).keys() | set(assignments(block, "UnsetEnvironment"))
        else:
            named |= {line.partition("=")[0] for line in block.splitlines()}
    assert len(named) == 6
    for name in COMMANDS:
        assert named <= settings_of(name), f"{name} knows no {named - settings_of(name)}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path):
    for source in (COMMON, *UNITS.glob("*.service")):
        target = tmp_path / source.relative_to(UNITS)
        target.parent.mkdir(exist_ok=True)
        # Ours are where the tests have them; `kill` belongs to a package that may be absent.
        target.write_text(source.read_text().replace("/usr/local/bin/", f"{BINARIES}/").replace("/bin/kill ", "/bin/true "))
    units = sorted(map(str, tmp_path.glob("*.service")))
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], env=environment, capture_output=True, text=True)
    # Reports about other units of this machine do not count.
    about = [line for line in done.stderr.splitlines() if "causeway" in line or str(tmp_path) in line]
    assert not about, "\n".join(about)
