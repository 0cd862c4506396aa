"""Real proxies before real services: one origin, as browsers and programs see a deployment."""

import json
import signal
import ssl
import subprocess

import httpx

from .ports import free_port
from .processes import Process
from .services import ROOT


def make_certificate(directory):
    """The folder of a certificate for this machine, signed by nobody but itself."""
    folder = directory / "tls"
    subprocess.run([ROOT / "deploy/nginx/make-certificate", folder], check=True)
    return folder


class Proxy(Process):
    """What stands before the services. Anything that wants the `url` of a service takes it as well."""

    #: Where it answers for itself.
    health = "/proxy/health"

    def __init__(self, name, arguments, directory, environment=None):
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

    def wait_ready(self, timeout=20):
        self.wait_until(self._answers, "answers", timeout)
        return self

    def _answers(self):
        try:
            return httpx.get(self.url + self.health, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class Nginx(Proxy):
    """nginx with deploy/nginx's configuration.

    `services`: the instances by program, each `host:port` or a `Service`. `resolver`: the name server of names among them.
    `edit`: changes the configuration's text, for tests that are about a line of it.
    """

    # Killed outright, it would leave its worker processes behind.
    last_signal = "TERM"

    def __init__(self, directory, services, *, name="nginx", resolver=None, edit=None):
        super().__init__(name, ["nginx", "-c", directory / name / "nginx.conf"], directory)
        self._resolver, self._edit = resolver, edit
        self.configure(services)

    def configure(self, services):
        """Writes the configuration for other services. `reload` makes a running nginx take it."""
        instances = [f"{program}={_address(instance)}" for program, several in services.items() for instance in several]
        command = [ROOT / "deploy/nginx/configure", "--directory", self.directory, "--host", "127.0.0.1"]
        command += ["--port", self.http_port, "--tls-port", self.tls_port, "--access-log", self.access_log_file]
        command += ["--resolver", self._resolver] if self._resolver else []
        subprocess.run([*map(str, command), *instances], check=True)
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
    def access_log_file(self):
        return self.directory / "access.log"

    @property
    def accesses(self):
        """What its access log tells of the requests that have ended."""
        return [json.loads(line) for line in self.access_log_file.read_text().splitlines()]

    def everything_written(self):
        """All that it has put into files: logs, and whatever lies in its folder."""
        files = [file for file in self.directory.rglob("*") if file.is_file() and file.parent != self.certificates]
        return self.log + "".join(file.read_text(errors="replace") for file in files)


def _address(instance):
    return instance if isinstance(instance, str) else f"127.0.0.1:{instance.http_port}"
