"""Real proxies before real services: one origin, as browsers and programs see a deployment."""

import json
import os
import signal
import ssl
import subprocess

import httpx

from .ports import free_port
from .processes import Process
from .programs import COMMANDS
from .services import ROOT


def make_certificate(directory):
    """The folder of a certificate for this machine, signed by nobody but itself."""
    folder = directory / "tls"
    subprocess.run([ROOT / "deploy/nginx/make-certificate", folder], check=True)
    return folder


class Proxy(Process):
    """What stands before the services. Anything that wants the `url` of a service takes it as well.

    It serves over plain HTTP too, unless `redirects`.
    """

    #: Where it answers for itself; one that does not is asked for what is not there.
    health = "/proxy/health"

    def __init__(self, name, arguments, directory, environment=None, *, cors_origins="", redirects=False):
        self.cors_origins, self.redirects = cors_origins, redirects
        self.http_port, self.tls_port = free_port(), free_port()
        self.directory = directory / name
        self.certificates = make_certificate(self.directory)
        super().__init__(name, arguments, directory, environment)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def tls_url(self):
        return f"https://127.0.0.1:{self.tls_port}"

    @property
    def certificate(self):
        return self.certificates / "certificate.pem"

    @property
    def trust(self):
        """What a client trusts that knows the certificate."""
        return ssl.create_default_context(cafile=self.certificate)

    @property
    def access_log_file(self):
        return self.directory / "access.log"

    @property
    def access_lines(self):
        """What its access log tells of the requests that have ended: a line of bytes each."""
        return self.access_log_file.read_bytes().splitlines() if self.access_log_file.exists() else []

    def everything_written(self):
        """All that it has put into files: logs, and whatever lies in its folder."""
        files = [file for file in self.directory.rglob("*") if file.is_file() and file.parent != self.certificates]
        return self.log + "".join(file.read_text(errors="replace") for file in files)

    def wait_ready(self, timeout=20):
        self.wait_until(self._answers, "answers", timeout)
        return self

    def _answers(self):
        try:
            expected = 200 if self.health != "/nowhere" else 308 if self.redirects else 404
            return httpx.get(self.url + self.health, timeout=2).status_code == expected
        except httpx.HTTPError:
            return False


class Nginx(Proxy):
    """nginx with deploy/nginx's configuration.

    `services`: the instances by program, each `host:port` or a `Service`. `resolver`: the name server of names among them.
    `edit`: changes the configuration's text, for tests that are about a line of it. `options`: further ones of deploy/nginx/configure.
    `cors_origins`: CORS_ORIGINS.
    """

    # Killed outright, it would leave its worker processes behind.
    last_signal = "TERM"

    def __init__(self, directory, services, *, name="nginx", resolver=None, edit=None, options=(), cors_origins="", redirects=False):
        command = ["nginx", "-c", directory / name / "nginx.conf"]
        super().__init__(name, command, directory, cors_origins=cors_origins, redirects=redirects)
        self._resolver, self._edit, self._options = resolver, edit, options
        self.configure(services)

    def configure(self, services):
        """Writes the configuration for other services. `reload` makes a running nginx take it."""
        instances = [f"{program}={_address(instance)}" for program, several in services.items() for instance in several]
        command = [ROOT / "deploy/nginx/configure", "--directory", self.directory, "--host", "127.0.0.1"]
        command += ["--port", self.http_port, "--tls-port", self.tls_port, "--access-log", self.access_log_file]
        command += ["--resolver", self._resolver] if self._resolver else []
        command += [] if self.redirects else ["--serve-http"]
        environment = os.environ | {"CORS_ORIGINS": self.cors_origins}
        subprocess.run([*map(str, [*command, *self._options]), *instances], check=True, env=environment)
        if self._edit:
            file = self.directory / "nginx.conf"
            file.write_text(self._edit(file.read_text()))

    def kill(self):
        """Ends it at once, and its worker processes with it."""
        if self.is_running:
            self.terminate()
            self.wait(timeout=10)

    def signal_reload(self):
        """Makes it read its configuration again, without a connection being closed."""
        self.signal(signal.SIGHUP)

    @property
    def accesses(self):
        """What its access log tells of the requests that have ended."""
        return [json.loads(line) for line in self.access_lines]


def _address(instance):
    return instance if isinstance(instance, str) else f"127.0.0.1:{instance.http_port}"


class Caddy(Proxy):
    """Caddy with deploy/caddy's configuration. `edit`: changes its text, for tests that are about a line of it."""

    health = "/nowhere"
    _NAMES = {
        "sse-edge": "SSE_EDGES",
        "websocket-edge": "WEBSOCKET_EDGES",
        "jsonrpc-relay": "RELAYS",
        "approval-api": "APPROVAL_APIS",
        "event-producer": "PRODUCERS",
        "webhook-dispatcher": "WEBHOOK_DISPATCHERS",
    }

    def __init__(self, directory, services, *, name="caddy", edit=None, cors_origins="", redirects=False):
        configuration = directory / name / "Caddyfile" if edit else ROOT / "deploy/caddy/Caddyfile"
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", configuration]
        super().__init__(name, command, directory, cors_origins=cors_origins, redirects=redirects)
        if edit:
            configuration.write_text(edit((ROOT / "deploy/caddy/Caddyfile").read_text()))
        self.environment = {
            "HOST": "127.0.0.1",
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.tls_port),
            "CERTIFICATES": str(self.certificates),
            "ACCESS_LOG": str(self.access_log_file),
            "CORS_ORIGINS": cors_origins,
            "SERVE_HTTP": "" if redirects else "1",
            "XDG_DATA_HOME": str(self.directory),
            "XDG_CONFIG_HOME": str(self.directory),
        }
        self.environment |= {self._NAMES[program]: " ".join(map(_address, several)) for program, several in services.items()}


class HAProxy(Proxy):
    """HAProxy with deploy/haproxy's configuration, which wants two instances of each. `edit`: as Caddy's."""

    health = "/nowhere"
    # Its master ends the worker when it is asked to end.
    last_signal = "TERM"

    def __init__(self, directory, services, *, name="haproxy", edit=None, cors_origins="", redirects=False):
        configuration = directory / name / "haproxy.cfg" if edit else ROOT / "deploy/haproxy/haproxy.cfg"
        command = ["haproxy", "-db", "-f", configuration]
        super().__init__(name, command, directory, cors_origins=cors_origins, redirects=redirects)
        if edit:
            configuration.write_text(edit((ROOT / "deploy/haproxy/haproxy.cfg").read_text()))
        # It looks for the key of certificate.pem in certificate.pem.key.
        self.certificate.with_suffix(".pem.key").write_bytes((self.certificates / "key.pem").read_bytes())
        self.environment = {
            "HOST": "127.0.0.1",
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.tls_port),
            "CERTIFICATE": str(self.certificate),
            "CORS_ORIGINS": cors_origins,
            "SERVE_HTTP": "" if redirects else "1",
        }
        # Its configuration names two instances of every program; nobody listens on the port of RFC 863 here.
        nobody = ["127.0.0.1:9", "127.0.0.1:9"]
        for program, instances in (dict.fromkeys(COMMANDS, nobody) | services).items():
            prefix = program.upper().replace("-", "_")
            for number, instance in enumerate(instances, 1):
                self.environment[f"{prefix}_{number}"] = _address(instance)
                self.environment[f"{prefix}_{number}_ADMIN"] = str(getattr(instance, "admin_port", _address(instance).split(":")[-1]))

    @property
    def access_lines(self):
        """What it writes to standard output; the kit has that in one file with what HAProxy says of itself and its servers."""
        lines = self.log_file.read_bytes().splitlines() if self.log_file.exists() else []
        return [line for line in lines if not line.startswith((b"[", b"Server ", b"backend "))]
