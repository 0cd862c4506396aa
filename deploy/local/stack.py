"""What `make run` starts: the processes of deploy/programs.json's programs, where they listen, and their environments."""

import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from programs import Program, read_programs

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = read_programs()

#: The distance between the ports of two instances of an edge.
EDGE_PORT_STEP = 100

#: The simulator, which publishes demo events; started when everything else is ready.
SIMULATOR = Program("simulator", ("event-producer", "simulate"))

#: Two of the simulator's tenants, with a user in each.
PEOPLE = (("acme", "ann"), ("globex", "ann"))

#: The simulator's executions, for the console to follow: they are not part of the tenants' events.
EXECUTIONS = (
    ("workflow", "release/checkout"),
    ("agent", "code-reviewer"),
    ("workflow", "nightly-report"),
    ("agent", "log-analyst"),
    ("agent", "capacity planner"),
)


class SettingError(Exception):
    """An environment variable is invalid; the text says which and why."""


@dataclass(frozen=True)
class Process:
    """One process to start: an instance of a program."""

    name: str
    program: Program
    http_port: int | None
    admin_port: int | None

    @property
    def ports(self):
        """Returns its ports, with their labels."""
        named = ((f"{self.name}, public", self.http_port), (f"{self.name}, admin", self.admin_port))
        return [(label, port) for label, port in named if port is not None]


class Settings:
    """The environment, read once."""

    def __init__(self, environment):
        self.environment = dict(environment)
        self.offset = self._number("PORT_OFFSET", 0, 0, 50_000)
        self.edges = self._number("EDGES", 1, 1, 9)
        self.rate = environment.get("SIMULATE_RATE", "2")
        # Every client of the proxy gets the demo's tokens: by default only if the proxy listens on loopback.
        self.is_demo = self._choice("DEMO", "1" if self.host in ("127.0.0.1", "localhost") else "0", ("0", "1")) == "1"
        self.configuration = self._choice("BUILD", "release", ("release", "debug"))
        # Two stacks side by side must not share a data directory either.
        default = ROOT / ".run" / (str(self.offset) if self.offset else "")
        self.directory = Path(environment.get("RUN_DIR", default)).resolve()
        self.prebuilt = Path(environment["BIN_DIR"]).resolve() if environment.get("BIN_DIR") else None
        self.bus_url = environment.get("NATS_URL") or None
        self.nats_port = self._port("NATS_PORT", 4222)
        self.nats_monitor_port = self._port("NATS_MONITOR_PORT", 8222)
        self.proxy_port = self._port("PROXY_PORT", 8080)
        self.proxy_tls_port = self._port("PROXY_TLS_PORT", 8443)
        self.receiver_port = self._port("WEBHOOK_RECEIVER_PORT", 8088)

    @property
    def has_receiver(self):
        """Whether a receiver of webhooks runs: it needs an administrator's token, and a dispatcher that may send to this machine."""
        return self.can_mint_tokens and not self.environment.get("WEBHOOK_ALLOWED_NETWORKS")

    @property
    def executables(self):
        """The folder of the built programs."""
        return self.prebuilt or ROOT / ".build" / self.configuration

    def processes(self):
        """Every service of the stack, ports assigned."""
        return [process for program in PROGRAMS for process in self._processes(program)]

    def ports(self):
        """Returns every port of the stack: (label, port)."""
        proxy = [("nginx", self.proxy_port), ("nginx, TLS", self.proxy_tls_port)]
        bus = [] if self.bus_url else [("nats-server", self.nats_port), ("nats-server, monitoring", self.nats_monitor_port)]
        receiver = [("webhook-receiver", self.receiver_port)] if self.has_receiver else []
        return proxy + bus + receiver + [port for process in self.processes() for port in process.ports]

    def service_environment(self, process):
        """Returns the environment of one service: this one, its ports, and defaults for missing settings."""
        added = {
            # A trial stack must not be reachable from other machines.
            "HTTP_HOST": self.host,
            "NATS_URL": self.bus_url or f"nats://127.0.0.1:{self.nats_port}",
            "DRAIN_WINDOW": self.environment.get("DRAIN_WINDOW", "2s"),
        }
        if process.http_port is not None:
            added |= {"HTTP_PORT": str(process.http_port), "ADMIN_PORT": str(process.admin_port)}
        if process.program.name == "approval-api":
            # The read model, rebuilt from the log when missing; one file per process.
            added["DATABASE_FILE"] = str(self.directory / f"{process.name}.sqlite")
        if process.program.name == "webhook-dispatcher":
            # Receivers of a trial stack are on this machine.
            added["WEBHOOK_ALLOWED_NETWORKS"] = self.environment.get("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
        if not self._names_a_key:
            added["AUTH_HS256_SECRET"] = self._generated_secret()
        return self.environment | added

    @property
    def host(self):
        """The address of all public listeners."""
        return self.environment.get("HTTP_HOST") or "127.0.0.1"

    @property
    def reachable_host(self):
        """The address for connections to them from this machine."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "localhost") else self.host

    def proxied(self):
        """Returns the services behind the proxy, as arguments of deploy/nginx/configure."""
        return [f"{process.program.name}={self.reachable_host}:{process.http_port}" for process in self.processes()]

    @property
    def can_mint_tokens(self):
        """Whether the secret that signs tokens is known."""
        return not self._names_a_key or any(self.environment.get(name) for name in ("AUTH_HS256_SECRET", "AUTH_HS256_SECRET_FILE"))

    @property
    def _names_a_key(self):
        names = ("AUTH_HS256_SECRET", "AUTH_HS256_SECRET_FILE", "AUTH_PUBLIC_KEY_FILE", "AUTH_JWKS_FILE", "AUTH_JWKS_URL")
        return any(self.environment.get(name) for name in names)

    def _generated_secret(self):
        """Returns the secret, which is kept in the run directory, so that tokens stay valid across runs."""
        file = self.directory / "auth-secret"
        if not file.exists():
            write_private(file, secrets.token_hex(32))
        return file.read_text().strip()

    def _processes(self, program):
        count = self.edges if program.is_edge else 1
        prefix = program.name.upper().replace("-", "_")
        http = self._port(f"{prefix}_HTTP_PORT", program.http_port)
        admin = self._port(f"{prefix}_ADMIN_PORT", program.admin_port)
        return [
            Process(
                name=program.name if index == 0 else f"{program.name}-{index + 1}",
                program=program,
                http_port=http + EDGE_PORT_STEP * index,
                admin_port=admin + EDGE_PORT_STEP * index,
            )
            for index in range(count)
        ]

    def _port(self, name, default):
        """Returns a port: as set in the environment, else the table's plus PORT_OFFSET."""
        return self._number(name, None, 1, 65_535) or default + self.offset

    def _number(self, name, default, least, most):
        text = self.environment.get(name)
        if not text:
            return default
        if not text.isdecimal() or not least <= int(text) <= most:
            raise SettingError(f"{name} is {text!r}: set it to a whole number from {least} to {most}.")
        return int(text)

    def _choice(self, name, default, choices):
        text = self.environment.get(name) or default
        if text not in choices:
            raise SettingError(f"{name} is {text!r}: set it to {' or '.join(choices)}.")
        return text


def busy_ports(ports):
    """Returns the ports that are in use already, or assigned twice: (label, port)."""
    busy, seen = [], set()
    for label, port in ports:
        if port in seen or not _is_free(port):
            busy.append((label, port))
        seen.add(port)
    return busy


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def write_private(file, text):
    """Writes a file that only its owner can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
