"""docker-compose.yml and the Dockerfile as data."""

import re
import shlex
from dataclasses import dataclass, field

import yaml

from .services import ROOT, command
from .tokens import SECRET

__all__ = ["ROOT", "Compose", "Dockerfile", "keys_of"]


def keys_of(line, **settings):
    """Returns a program's settings: the default by the name of each environment variable; None without a default."""
    done = command(*line, "--print-config", **({"auth_hs256_secret": SECRET, "log_format": "text"} | settings))
    assert done.returncode == 0, done.stderr.decode()
    keys = {}
    for text in done.stdout.decode().splitlines():
        if found := re.fullmatch(r'(# )?([a-z0-9.]+):(?: +"?([^"#]*?)"?)? +#.*', text):
            keys[found[2].upper().replace(".", "_")] = None if found[1] else found[3].strip()
    return keys


class Compose:
    """A composition, its YAML anchors resolved."""

    def __init__(self, file):
        content = yaml.safe_load(file.read_text())
        self.services, self.secrets = content["services"], content["secrets"]
        self.volumes, self.networks = content["volumes"], content["networks"]

    def environment(self, name):
        """A service's environment with nothing set outside."""
        return {
            key: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)) for key, value in self.services[name].get("environment", {}).items()
        }


@dataclass
class Target:
    """A stage of a Dockerfile, with what it has from the one it is made of."""

    user: str = "0:0"
    ports: set[str] = field(default_factory=set)
    environment: dict[str, str] = field(default_factory=dict)
    healthcheck: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    #: Our programs that are in it.
    programs: set[str] = field(default_factory=set)


class Dockerfile:
    """`targets` by name, `bases` that are not made here, `copied` paths of the context, `scripts` of the project that are run.

    `optional`: patterns of paths that are copied if they are there.
    """

    def __init__(self, file):
        self.targets, self.bases, self.copied, self.optional, self.scripts, self._runs = {}, {}, [], [], [], []
        arguments, places, target = {}, {}, None
        text = re.sub(r"(?m)^#.*\n", "", file.read_text()).replace("\\\n", " ")
        for line in filter(None, map(str.strip, text.splitlines())):
            word, _, rest = line.partition(" ")
            match word:
                case "ARG":
                    name, _, value = rest.partition("=")
                    arguments[f"${{{name}}}"] = value
                case "FROM":
                    base, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()
                    if base in arguments:
                        self.bases[base] = arguments[base]
                    parent = self.targets.get(base, Target())
                    inherited = {"labels": dict(parent.labels), "programs": set(parent.programs)}
                    target = self.targets[name] = Target(parent.user, set(parent.ports), dict(parent.environment), **inherited)
                    places = {}
                case "COPY" if rest.startswith("--from=build /programs/"):
                    target.programs.add(rest.split()[-1].removeprefix("/usr/local/bin/"))
                case "COPY" if not rest.startswith("--from"):
                    *sources, to = rest.split()
                    self.optional += [source for source in sources if "[" in source]
                    sources = [source for source in sources if "[" not in source]
                    self.copied += sources
                    places |= {f"{to.rstrip('/')}/{source.rsplit('/', 1)[-1]}": source for source in sources}
                case "LABEL":
                    target.labels |= dict(word.split("=", 1) for word in shlex.split(rest))
                case "RUN":
                    rest = re.sub(r"^(--mount=\S+ +)+", "", rest)
                    self._runs.append(rest)
                    self.scripts += [script for step in rest.split("&&") if (script := self._script(step.split()[0], places))]
                case "USER":
                    target.user = rest
                case "EXPOSE":
                    target.ports |= set(rest.split())
                case "ENV":
                    name, _, value = rest.partition("=")
                    target.environment[name] = value
                case "HEALTHCHECK":
                    target.healthcheck = yaml.safe_load(rest.partition("CMD ")[2])
                case "ENTRYPOINT":
                    target.entrypoint = yaml.safe_load(rest)
                case "CMD":
                    target.command = yaml.safe_load(rest)

    @staticmethod
    def _script(program, places):
        """The project's file that a step runs; None for a program of the image's own."""
        if program in places:
            return places[program]
        return program.removeprefix("/src/") if "deploy/" in program else None

    def run_with(self, program):
        """The step that runs the program."""
        [step] = [step for step in self._runs if any(word.endswith(program) for word in shlex.split(step))]
        return step
