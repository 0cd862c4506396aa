"""Proxies without services behind them: with no upstream, or with one that records requests. For tests of a proxy's own behaviour.

The fixtures are for the modules that import them.
"""

import pytest

from .ports import free_port
from .programs import COMMANDS
from .proxy import Caddy, HAProxy, Nginx
from .raw_http import Echo, exchange, request
from .tokens import expect_no_token

KINDS = {"nginx": Nginx, "haproxy": HAProxy, "caddy": Caddy}
STREAMS = ("/v1/notifications/stream", "/api/streaming/agents/a/stream", "/api/streaming/workflows/w/stream")
CONSOLE = "https://console.example"
#: Spellings of an operator: spaces, a slash at the end, a default port, upper case, an app's own scheme.
CORS_ORIGINS = f"{CONSOLE}, http://localhost:3000/,HTTPS://Port.example:443,http://plain.example:80, app://desktop"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,traceparent"}

every_proxy = pytest.mark.parametrize("kind", KINDS)


def services(instance):
    """Uses the instance twice for every service."""
    return {program: [instance, instance] for program in COMMANDS}


class Started:
    """The proxies of this module, one per kind and purpose, stopped after its last test."""

    def __init__(self, directory):
        self._directory, self._started = directory, {}

    def get(self, kind, purpose, behind, **options):
        name = f"{kind}-{purpose}"
        if name not in self._started:
            self._started[name] = KINDS[kind](self._directory, services(behind), name=name, **options).start().wait_ready()
        return self._started[name]

    def end(self):
        for proxy in self._started.values():
            proxy.terminate()
            proxy.wait(timeout=10)
        for proxy in self._started.values():
            expect_no_token(f"what {proxy.name} has written", proxy.everything_written())


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    proxies = Started(tmp_path_factory.mktemp("proxies"))
    yield proxies
    proxies.end()


@pytest.fixture(scope="module")
def echo():
    upstream = Echo()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def nobody():
    """An address without a listener."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def alone(started, kind, nobody):
    """A proxy without an upstream. Caddy is configured to detect that sooner than by default."""
    patience = {"edit": lambda text: text.replace("lb_try_duration 2s", "lb_try_duration 100ms")} if kind == "caddy" else {}
    return started.get(kind, "alone", nobody, cors_origins=CORS_ORIGINS, **patience)


@pytest.fixture
def echoing(started, kind, echo):
    """A proxy in front of an upstream that records requests."""
    return started.get(kind, "echoing", echo, cors_origins=CORS_ORIGINS)


def ask(proxy, method, path, fields=None, body=b"", **options):
    """Sends a request to the address of the proxy itself."""
    return exchange(proxy.http_port, request(method, path, fields, body, host=f"127.0.0.1:{proxy.http_port}"), **options)
