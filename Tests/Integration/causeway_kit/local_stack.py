"""`make run` for tests: the default stack, on other ports."""

import os
import re
import signal
import subprocess
from pathlib import Path

from .ports import WORKER
from .programs import COMMANDS, PROGRAMS
from .services import BINARIES, ROOT
from .waiting import eventually


def offset_of(worker):
    """Far from the defaults, where a developer's own stack may run, above the ports of the other tests (`causeway_kit.ports`), and below those
    from which the kernel takes the ports of clients. The steps are small because the second edge of one stack is 100 above the first."""
    return 22_000 + 10 * worker


OFFSET = offset_of(WORKER)
#: The ports by what listens there.
TABLE = {
    "nginx": 8080,
    "nginx, TLS": 8443,
    **{program["name"]: program["http_port"] for program in PROGRAMS},
    **{f"{program['name']}, admin": program["admin_port"] for program in PROGRAMS},
    "nats-server": 4222,
}
SERVING = (*COMMANDS, "nats-server")


class LocalStack:
    """`make run` with programs that are built already: the build is done before these tests run.

    `root`: where it is run; unless it is named, in the project's folder.
    """

    def __init__(self, directory, *, root=ROOT, **environment):
        self.directory = directory / "run"
        self.output_file = directory / "make-run.out"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        settings = {"PORT_OFFSET": str(OFFSET), "RUN_DIR": str(self.directory), "BIN_DIR": str(BINARIES)} | environment
        with self.output_file.open("wb") as output:
            self.make = subprocess.Popen(
                ["make", "--no-print-directory", "run"],
                cwd=root,
                env=inherited | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self.output_file.read_text()

    def wait_until_running(self):
        def running():
            assert self.make.poll() is None, f"make run ended with code {self.make.returncode}:\n{self.output}"
            return "Read everything that the log keeps" in self.output or "identity provider" in self.output

        eventually(running, "make run says that it runs", timeout=170, interval=0.2)
        return self

    def token(self, name):
        [token] = re.findall(rf"^  {name}=(\S+)$", self.output, re.MULTILINE)
        return token

    def children(self):
        """All processes of this stack, `make` included: the name of the program by pid."""
        found = {}
        for entry in os.listdir("/proc"):
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                environment = Path(f"/proc/{entry}/environ").read_bytes()
            except (OSError, ValueError):
                continue
            if f"RUN_DIR={self.directory}".encode() in environment.split(b"\0"):
                found[int(entry)] = os.path.basename(words[0]).decode()
        return found

    def programs(self):
        """The pids of those that serve; one of each kind."""
        return {name: pid for pid, name in self.children().items() if name in SERVING}

    def interrupt(self):
        """Ctrl-C in its terminal: SIGINT to the whole foreground group."""
        os.killpg(self.make.pid, signal.SIGINT)

    def end(self):
        if self.make.poll() is None:
            os.killpg(self.make.pid, signal.SIGTERM)
        try:
            self.make.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(self.make.pid, signal.SIGKILL)
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)
