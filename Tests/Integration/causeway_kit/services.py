"""Causeway's own processes, as their users start them: an executable, the environment, two ports."""

import json
import os
import re
import subprocess
from pathlib import Path

import httpx

from .ports import free_port
from .processes import Process
from .tokens import SECRET

ROOT = Path(__file__).resolve().parents[3]

#: Where the built programs are.
BINARIES = Path(os.environ.get("CAUSEWAY_BIN", ROOT / ".build" / "debug"))


def _path(name):
    return BINARIES / name


def is_built(name):
    return _path(name).exists()


def executable(name):
    """The built program; `CAUSEWAY_BIN` names another folder than the debug build's."""
    path = _path(name)
    assert path.exists(), f"{path} is missing: run `make build`, or name the folder of the executables in CAUSEWAY_BIN"
    return path


class Service(Process):
    """A process with a public and an admin listener (contract §11). Settings are environment variables, in lower case.

    Every setting that a test does not name has its default, the level of the log included: who looks for a line at `debug` says so.
    """

    def __init__(self, program, directory, *, nats_url, arguments=(), name=None, **settings):
        self.http_port, self.admin_port = free_port(), free_port()
        environment = {
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": self.http_port,
            "ADMIN_PORT": self.admin_port,
            "NATS_URL": nats_url,
            "AUTH_HS256_SECRET": SECRET,
            # Not where the tests are run: a file that was left there would decide how they go.
            "DATABASE_FILE": Path(directory) / f"{name or program}.sqlite",
            # Tests are faster than a tenant's share allows; those of the shares set them.
            "INTAKE_EVENTS_PER_SECOND": 0,
            "INTAKE_BYTES_PER_SECOND": 0,
            "RATE_LIMIT": 0,
            "COMMANDS_PER_SECOND": 0,
        } | {key.upper(): value for key, value in settings.items()}
        environment = {key: str(value) for key, value in environment.items() if value is not None}
        super().__init__(name or program, [executable(program), *arguments], directory, environment)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def admin_url(self):
        return f"http://127.0.0.1:{self.admin_port}"

    def readiness(self):
        """The status of /readyz; None while nobody answers."""
        answer = self._ask_whether_ready()
        return answer.status_code if isinstance(answer, httpx.Response) else None

    def wait_ready(self, timeout=30):
        answers = []

        def is_ready():
            answers[:] = [self._ask_whether_ready()]
            return isinstance(answers[0], httpx.Response) and answers[0].status_code == 200

        try:
            self.wait_until(is_ready, "is ready", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n--- /readyz: {[getattr(answer, 'text', answer) for answer in answers]}") from None
        return self

    def _ask_whether_ready(self):
        """The answer of /readyz, or the error of the request."""
        try:
            return httpx.get(f"{self.admin_url}/readyz", timeout=5)
        except httpx.HTTPError as error:
            return error

    @property
    def log_lines(self):
        """The complete lines of its log, which are JSON objects unless it was told otherwise."""
        return [json.loads(line) for line in self.log.splitlines(keepends=True) if line.endswith("\n")]

    def metrics(self):
        """The samples of /metrics: `{'name{labels}': value}`."""
        text = httpx.get(f"{self.admin_url}/metrics", timeout=5).text
        samples = re.findall(r"^([a-zA-Z_:][^\s{]*(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in samples}


def command(program, *arguments, stdin=b"", timeout=60, **settings):
    """Runs a program to its end, with settings like `Service`'s, and returns the completed process, output as bytes."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = inherited | {key.upper(): str(value) for key, value in settings.items()}
    line = [str(executable(program)), *map(str, arguments)]
    return subprocess.run(line, input=stdin, capture_output=True, timeout=timeout, env=environment)
