"""A private nats-server."""

import json
import shutil
import signal
import socket
from pathlib import Path

from .processes import Process

_NAME = "server_name: causeway-test"
_JETSTREAM = """
jetstream {{ store_dir: "{directory}/jetstream", max_memory_store: 256MB, max_file_store: 64GB }}
"""


class NATSServer(Process):
    """nats-server with JetStream on loopback, with a free port and a separate data directory.

    It keeps port and data when it is killed and started again.
    """

    def __init__(self, directory, name="nats-server"):
        self.directory = Path(directory)
        self.port = None
        self._configuration = self.directory / f"{name}.conf"
        self._base = ["nats-server", "-c", self._configuration, "-a", "127.0.0.1", "--ports_file_dir", self.directory]
        super().__init__(name, self._base, directory)

    def start(self, *, has_jetstream=True, further=""):
        """Starts it. Without JetStream it is a bus that has lost its log. `further`: more lines of configuration."""
        self._configure(has_jetstream, further)
        # With port -1 the server takes a free one and writes it to a file: nobody else can get it in between.
        self.arguments = [str(argument) for argument in [*self._base, "-p", self.port or -1]]
        super().start()
        self.port = self.port or self.wait_until(self._reported_port, "has written its port", 20)
        self.wait_until(self._greets, "greets clients", 20)
        return self

    def reload(self, *, further=""):
        """Gives it other further lines of configuration while it runs; they apply to open connections too."""
        self._configure(True, further)
        self.signal(signal.SIGHUP)

    def _configure(self, has_jetstream, further):
        jetstream = _JETSTREAM.format(directory=self.directory) if has_jetstream else "\n"
        self._configuration.write_text(f"{_NAME}{jetstream}{further}\n")

    @property
    def _store(self):
        return self.directory / "jetstream"

    def copy_store(self, copy):
        """Copies what it has stored; it must be down."""
        shutil.copytree(self._store, copy)

    def restore_store(self, copy):
        """Replaces its stored data with a copy; it must be down."""
        shutil.rmtree(self._store)
        shutil.copytree(copy, self._store)

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def _reported_port(self):
        file = self.directory / f"nats-server_{self.pid}.ports"
        try:
            return int(json.loads(file.read_text())["nats"][0].rsplit(":", 1)[1])
        except (OSError, ValueError, KeyError):
            return None

    def _greets(self):
        """JetStream is up before the listener, so a greeting means both."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False
