"""Static checks of commands that tests cannot run; each function takes the words of one line, and fails if it could not work."""

import functools
import importlib.metadata
import os
import re
import shutil
import subprocess

import yaml

from .containers import Dockerfile
from .kubernetes import KUBECTL, Manifests, helm
from .services import ROOT, executable
from .tokens import SECRET


def is_a_goal(line):
    """Checks that `make` knows the goal, with -n, which runs nothing."""
    assert line[0] == "make"
    subprocess.run(["make", "-n", *line[1:]], cwd=ROOT, check=True, capture_output=True)


def builds_an_example(line):
    """`swift build … --product NAME` of a program that Package.swift has, and that the tests have built for debugging."""
    assert line[:2] == ["swift", "build"] and line[-2] == "--product"
    assert executable(line[-1]) and f'example("{line[-1]}"' in (ROOT / "Package.swift").read_text()


def is_installed(line):
    """`pip install` of packages that the tests have in that very version, or of a folder, into an environment that the line before makes."""
    if line[:3] == ["python3", "-m", "venv"]:
        return
    assert line[0].endswith("/bin/pip") and line[1] == "install"
    for requirement in line[2:]:
        if requirement.startswith("./"):
            assert (ROOT / requirement / "pyproject.toml").is_file()
            continue
        name, version = requirement.split("==")
        assert importlib.metadata.version(name) == version


def names_a_file(line):
    """Its last word is a file of the project."""
    assert shutil.which(line[0]) and (ROOT / line[-1]).is_file()


def is_composed(line):
    """docker-compose takes these options (or the current one does), the file has these services and profiles; what runs inside, runs here."""
    if line[:2] != ["docker", "compose"]:
        assert os.access(ROOT / line[0], os.X_OK), "test_containers.py runs it"
        return
    words = line[2:]
    command = next(word for word in words if word in ("up", "exec", "build"))
    help = _help_of(command)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    while words:
        word = words.pop(0)
        if word == "--profile":
            assert words.pop(0) in profiles
        elif word == "--scale":
            assert re.fullmatch(r"(.+)=\d+", words.pop(0))[1] in services
        elif word.startswith("--"):
            assert word in help or word == "--wait", f"docker-compose {command} has no {word}"
        elif command == "exec" and word in services:
            image = services[word]["build"]["target"]
            assert words[0] in Dockerfile(ROOT / "deploy/Dockerfile").targets[image].programs, f"the image {image} has no {words[0]}"
            return runs_here(*words)
        else:
            assert word == command or word in services, f"docker-compose.yml has no {word}"


def asks_a_cluster(line, folder):
    """The command works as far as it does without a cluster: helm renders what it installs, kubectl makes the object from files in the folder, or the
    trial's objects have what it names."""
    program, *words = line
    objects = Manifests("trial").all
    if program == "helm":
        assert words[:2] == ["upgrade", "--install"]
        status, output, errors = helm("install", "--dry-run=client", *words[2:])
        assert status == 0 and not errors and "\nNAMESPACE: causeway\n" in output, errors
    elif program == "kubectl":
        if words[0] == "--namespace":
            assert {one["metadata"]["namespace"] for one in objects} == {words[1]}
            words = words[2:]
        if words[0] == "create":
            done = subprocess.run([KUBECTL, *words, "--dry-run=client", "--output=name"], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        else:
            assert words[0] == "get"
            found = {(one["kind"].lower(), one["metadata"]["name"]) for one in objects}
            assert tuple(words[1:]) in found, f"the trial has no {words[1:]}"
    else:
        assert os.access(ROOT / program, os.X_OK), "test_containers.py runs it"


@functools.cache
def _help_of(command):
    return subprocess.run(["docker-compose", command, "--help"], capture_output=True, text=True, check=True).stdout


def runs_here(program, *arguments):
    done = subprocess.run([executable(program), *arguments], env={"AUTH_HS256_SECRET": SECRET}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
