"""Proxies' own responses: one table for nginx, HAProxy and Caddy. Contract §1; docs/proxies.md has the table."""

import os
import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from causeway_kit.lone_proxies import (
    CONSOLE,
    CORS_ORIGINS,
    PREFLIGHT,
    STREAMS,
    alone,
    ask,
    echo,
    echoing,
    every_proxy,
    nobody,
    started,
)  # fmt: skip
from causeway_kit.raw_http import Answer, exchange, request
from causeway_kit.services import ROOT
from causeway_kit.tokens import mint

__all__ = ["alone", "echo", "echoing", "nobody", "started"]

REQUESTS = (
    "/v1/stream", "/v1/connect", "/v1/relay/status", "/v1/notifications", "/v1/notifications/approvals/a", "/openapi.json", "/v1/events",
    "/v1/executions/agents/a/events",
)  # fmt: skip
#: Contract §1: the status of each code.
STATUSES = {
    "validation_error": 400, "not_found": 404, "method_not_allowed": 405, "payload_too_large": 413, "internal": 500,
    "service_unavailable": 503,
}  # fmt: skip
ALLOWED_HEADERS = {
    "authorization", "content-type", "idempotency-key", "last-event-id", "cache-control", "traceparent", "tracestate", "x-request-id",
}  # fmt: skip


def expect_error(answer, code, *, status=None):
    """Checks the common form of errors."""
    assert answer.status == (status or STATUSES[code]), f"{answer.status} {answer.body!r}"
    assert answer["content-type"] == "application/json"
    error = answer.json()
    assert list(error) == ["error", "message"] and error["error"] == code
    assert re.fullmatch(r"[A-Z].{10,}\.", error["message"]), error["message"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer["x-request-id"])
    assert (answer["retry-after"] is not None) == (answer.status in (429, 503))
    assert answer["allow"] is not None or answer.status != 405


def expect_readable(answer, origin):
    """A page of that origin may read it; with None, no page may."""
    assert answer["vary"].lower() == "origin"
    if origin is None:
        assert not [name for name, _ in answer.fields if name.startswith("access-control-")], answer.fields
        return
    assert answer["access-control-allow-origin"] == origin and answer["access-control-allow-credentials"] == "true"
    exposed = {name.strip().lower() for name in answer["access-control-expose-headers"].split(",")}
    assert exposed == {"x-request-id", "retry-after", "causeway-execution"}


# MARK: Nobody is there


@every_proxy
@pytest.mark.parametrize("path", REQUESTS)
def test_a_request_whose_service_is_away_can_be_sent_again(alone, path):
    with ThreadPoolExecutor() as together:
        fields = {"Origin": CONSOLE, "Content-Length": "2"}
        for answer in together.map(lambda method: ask(alone, method, path, fields, b"{}"), ("GET", "POST", "PATCH")):
            expect_error(answer, "service_unavailable")
            expect_readable(answer, CONSOLE)


@every_proxy
@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_is_away_brings_an_event_source_back(alone, path):
    """For every origin of a page, with the headers that the edges send with each stream."""
    retries, fields = set(), {"Origin": CONSOLE, "Accept": "text/event-stream"}
    with ThreadPoolExecutor() as together:
        answers = list(together.map(lambda _: ask(alone, "GET", f"{path}?token={mint()}", fields, wait_for_end=True), range(12)))
    for answer in answers:
        assert answer.status == 200 and answer["content-type"] == "text/event-stream; charset=utf-8"
        assert answer["cache-control"] == "no-cache, no-transform" and answer["x-accel-buffering"] == "no" and answer["x-request-id"]
        assert answer["connection"] == "close" and answer["retry-after"] is None
        expect_readable(answer, CONSOLE)
        told = re.fullmatch(rb'retry: (\d+)\nevent: stream.end\ndata: {"reason":"unavailable"}\n\n', answer.body)
        assert told and 1_000 <= int(told[1]) <= 10_000, answer.body
        retries.add(told[1])
    assert len(retries) > 1, "all are told to come back at the same moment"
    head = ask(alone, "HEAD", path, wait_for_end=True)
    assert head.status == 200 and head["content-type"] == "text/event-stream; charset=utf-8" and not head.body
    # A request that no EventSource sends does not get a stream.
    expect_error(ask(alone, "POST", path, {"Content-Length": "0"}), "service_unavailable")


@every_proxy
@pytest.mark.parametrize("path", (*STREAMS, *REQUESTS, "/nowhere"))
def test_a_preflight_is_answered_while_the_service_is_away(alone, path):
    answer = ask(alone, "OPTIONS", path, PREFLIGHT | {"Origin": CONSOLE})
    assert answer.status in (200, 204) and not answer.body and answer["x-request-id"]
    assert answer["access-control-allow-origin"] == CONSOLE and answer["access-control-allow-credentials"] == "true"
    assert answer["vary"].lower() == "origin" and int(answer["access-control-max-age"]) > 0
    assert {name.strip().lower() for name in answer["access-control-allow-headers"].split(",")} == ALLOWED_HEADERS
    assert {"GET", "HEAD", "POST", "PATCH", "DELETE"} == set(answer["access-control-allow-methods"].split(", "))
    expect_readable(ask(alone, "OPTIONS", path, PREFLIGHT | {"Origin": "https://evil.example"}), None)
    # Without a method that is asked for it is a request like any other.
    plain = ask(alone, "OPTIONS", path, {"Origin": CONSOLE})
    expect_error(plain, "not_found" if path == "/nowhere" else "service_unavailable")


@every_proxy
def test_a_service_that_ends_without_an_answer_is_away_too(started, kind, echo):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        behind = SimpleNamespace(http_port=listener.getsockname()[1], admin_port=echo.admin_port)
        proxy = started.get(kind, "swallowed", behind, cors_origins=CORS_ORIGINS)

        def swallow():
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.close()

        for path, method in (("/v1/events", "POST"), ("/v1/notifications/stream", "GET")):
            data = request(method, path, {"Origin": CONSOLE, "Content-Length": "0"})
            with socket.create_connection(("127.0.0.1", proxy.http_port), timeout=10) as client:
                client.sendall(data)
                listener.settimeout(10)
                swallow()
                listener.settimeout(0.5)
                received = b""
                while b"}" not in received:
                    try:
                        # nginx and Caddy may ask the other instance for a GET.
                        swallow()
                    except TimeoutError:
                        pass
                    client.settimeout(2)
                    try:
                        received += client.recv(65536)
                    except TimeoutError:
                        continue
            assert b"access-control-allow-origin: https://console.example" in received.lower(), received
            expected = b'"error":"service_unavailable"' if method == "POST" else b'{"reason":"unavailable"}'
            assert expected in received, received


@every_proxy
def test_the_answers_are_the_same_over_http2(alone):
    """With everything in one connection, as browsers have it."""

    def ask_over_http2(path, *options):
        command = ["curl", "-sS", "-i", "--http2", "--cacert", str(alone.certificate), "-H", f"Origin: {CONSOLE}", *options]
        done = subprocess.run([*command, alone.tls_url + path], capture_output=True, text=True, timeout=30)
        head, _, body = done.stdout.replace("\r", "").partition("\n\n")
        status, *lines = head.split("\n")
        assert status.startswith("HTTP/2 "), done.stdout + done.stderr
        fields = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        return Answer(int(status.split()[1]), fields, body.encode(), is_closed=False)

    for path, code in (("/nowhere", "not_found"), ("/v1/events", "service_unavailable")):
        answer = ask_over_http2(path)
        expect_error(answer, code)
        expect_readable(answer, CONSOLE)
    stream = ask_over_http2(f"{STREAMS[0]}?token={mint()}")
    assert stream.status == 200 and stream.body.endswith(b'event: stream.end\ndata: {"reason":"unavailable"}\n\n')
    expect_readable(stream, CONSOLE)
    preflight = ask_over_http2(STREAMS[0], "-X", "OPTIONS", "-H", "Access-Control-Request-Method: GET")
    assert preflight.status in (200, 204) and preflight["access-control-allow-origin"] == CONSOLE and not preflight.body


# MARK: Refusals


@every_proxy
@pytest.mark.parametrize(
    "path", ["/nowhere", "/", "/nowhere.html", "/metrics", "/v1/unknown.json", "/%2e%2e/x.css", "/a.js?token=eyJhbGciOiJIUzI1NiJ9"]
)
def test_nothing_is_said_in_json(alone, kind, path):
    answer = ask(alone, "GET", path, {"Origin": CONSOLE})
    if kind == "nginx" and path == "/":
        assert answer.status == 302 and answer["location"] == "/console/" and answer["x-request-id"]
        return
    malformed = kind == "nginx" and path.startswith("/%2e%2e")
    expect_error(answer, "validation_error" if malformed else "not_found")
    if not malformed:
        expect_readable(answer, CONSOLE)


@every_proxy
def test_any_host_is_answered_alike(alone):
    """Names that the proxy does not know resolve to this address."""
    for host in ("causeway.example", "localhost:1", "[::1]:8080"):
        expect_error(exchange(alone.http_port, request("GET", "/nowhere", host=host)), "not_found")


@dataclass(frozen=True)
class Refused:
    """A request that nginx itself refuses."""

    code: str
    data: bytes
    status: int | None = None
    #: Other proxies pass it on, or answer with bytes that no configuration can change: status and what of the body is known.
    elsewhere: dict = field(default_factory=dict)
    over_tls: bool = False


HEAD = b" HTTP/1.1\r\nHost: x\r\n\r\n"
HARD_WIRED = {"haproxy": 400, "caddy": 400}
REFUSED = {
    "bytes that are not HTTP": Refused("validation_error", b"\x16\x03\x01 nonsense\r\n\r\n", elsewhere=HARD_WIRED),
    "no host": Refused("validation_error", b"GET / HTTP/1.1\r\n\r\n", elsewhere={"caddy": 400}),
    "two hosts": Refused("validation_error", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", elsewhere=HARD_WIRED),
    "a version to come": Refused("validation_error", b"GET / HTTP/7.0\r\nHost: a\r\n\r\n", elsewhere={"caddy": 505}),
    "a transfer encoding": Refused(
        "validation_error", request("POST", "/v1/events", {"Transfer-Encoding": "gzip"}), elsewhere={"caddy": 501}
    ),
    "a method that proxies use": Refused("validation_error", b"CONNECT a:80" + HEAD),
    "a method that tells headers": Refused("method_not_allowed", b"TRACE /v1/events" + HEAD),
    "a method that a file has not": Refused("method_not_allowed", request("POST", "/console/", {"Content-Length": "0"})),
    "a path outside": Refused("validation_error", b"GET /../x" + HEAD),
    "an address that is too long": Refused("payload_too_large", b"GET /" + b"a" * 70_000 + HEAD, 414, {"haproxy": 400}),
    "a field that is too long": Refused("payload_too_large", request("GET", "/", {"X": "a" * 70_000}), 431, {"haproxy": 400}),
    "a body that is too large": Refused("payload_too_large", request("POST", "/v1/events", {"Content-Length": "21000000"})),
    "a chunked body that is too large": Refused(
        "payload_too_large",
        request("POST", "/v1/events", {"Transfer-Encoding": "chunked"}) + 2 * (b"ffffff\r\n" + b"x" * 0xFFFFFF + b"\r\n"),
    ),
    "a body that is too large for a stream": Refused("payload_too_large", request("GET", STREAMS[0], {"Content-Length": "21000000"})),
    "HTTP where there is TLS": Refused(
        "validation_error", request("GET", "/v1/events"), elsewhere={"haproxy": None, "caddy": 400}, over_tls=True
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nginx_refuses_is_refused_in_json(started, echo, name):
    proxy, row = started.get("nginx", "echoing", echo, cors_origins=CORS_ORIGINS), REFUSED[name]
    answer = exchange(proxy.tls_port if row.over_tls else proxy.http_port, row.data)
    expect_error(answer, row.code, status=row.status)
    assert answer["vary"].lower() == "origin"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for name, row in REFUSED.items() for kind in row.elsewhere])
def test_what_is_hard_wired_in_the_others_stays_as_it_is_documented(started, echo, kind, name):
    """As documented in docs/proxies.md: bytes that are not a request, and HTTP on the TLS port. No configuration can change the text."""
    proxy, row = started.get(kind, "echoing", echo, cors_origins=CORS_ORIGINS), REFUSED[name]
    expected = row.elsewhere[kind]
    port = proxy.tls_port if row.over_tls else proxy.http_port
    if expected is None:
        with pytest.raises(AssertionError, match="no answer"):
            exchange(port, row.data)
        return
    answer = exchange(port, row.data, wait_for_end=True)
    assert answer.status == expected and answer.is_closed and b"nonsense" not in answer.body


# MARK: Origins

#: Origin, `Host` of the request (None: the proxy's own address), and whether a page of that origin may read what the proxy answers.
ORIGINS = [
    (CONSOLE, None, True),
    ("HTTPS://Console.Example", None, True),
    (f"{CONSOLE}:443", None, True),
    (f"{CONSOLE}:444", None, False),
    ("http://console.example", None, False),
    (f"{CONSOLE}.evil.example", None, False),
    ("https://sub.console.example", None, False),
    ("https://consolexexample", None, False),
    ("http://localhost:3000", None, True),
    ("http://localhost:3001", None, False),
    ("http://localhost", None, False),
    ("https://port.example", None, True),
    ("http://plain.example", None, True),
    ("http://plain.example:80", None, True),
    ("app://desktop", None, True),
    ("null", None, False),
    ("", None, False),
    ("https://evil.example", None, False),
    ("console.example", None, False),
    ("http://causeway.example", "causeway.example", True),
    ("http://causeway.example", "causeway.example:80", True),
    ("http://causeway.example:80", "causeway.example", True),
    # TLS may end before the proxy, on the default port.
    ("https://causeway.example", "causeway.example", True),
    ("https://causeway.example:8443", "causeway.example:8443", False),
    ("http://causeway.example:8080", "causeway.example:8080", True),
    ("http://causeway.example:8081", "causeway.example:8080", False),
    ("http://[::1]:8080", "[::1]:8080", True),
    ("https://evil.example", "causeway.example, https://evil.example", False),
]


@every_proxy
@pytest.mark.parametrize(("origin", "host", "is_allowed"), ORIGINS)
def test_origins_are_compared_as_the_services_do_it(alone, origin, host, is_allowed):
    data = request("GET", "/nowhere", {"Origin": origin}, host=host or f"127.0.0.1:{alone.http_port}")
    answer = exchange(alone.http_port, data)
    if answer.status == 400 and "," in (host or ""):
        return
    expect_error(answer, "not_found")
    expect_readable(answer, origin if is_allowed else None)


@every_proxy
def test_its_own_origin_may_read_over_both_ports(alone):
    for port, scheme, trust in ((alone.http_port, "http", None), (alone.tls_port, "https", alone.trust)):
        for other in ("http", "https"):
            data = request("GET", "/nowhere", {"Origin": f"{other}://127.0.0.1:{port}"}, host=f"127.0.0.1:{port}")
            expect_readable(exchange(port, data, trust=trust), f"{other}://127.0.0.1:{port}" if other == scheme else None)


@every_proxy
def test_an_asterisk_allows_everybody_and_nobodys_credentials(started, kind, nobody):
    proxy = started.get(kind, "anybody", nobody, cors_origins=f"{CONSOLE}, *")
    expect_readable(ask(proxy, "GET", "/nowhere", {"Origin": CONSOLE}), CONSOLE)
    for origin in ("https://evil.example", "null"):
        answer = ask(proxy, "GET", "/nowhere", {"Origin": origin})
        assert answer["access-control-allow-origin"] == origin and answer["access-control-allow-credentials"] is None
        preflight = ask(proxy, "OPTIONS", "/v1/events", PREFLIGHT | {"Origin": origin})
        assert preflight["access-control-allow-origin"] == origin and preflight["access-control-allow-credentials"] is None
        assert "POST" in preflight["access-control-allow-methods"]
    assert ask(proxy, "GET", "/nowhere")["access-control-allow-origin"] is None


@every_proxy
def test_without_configuration_only_its_own_origin_may_read(started, kind, nobody):
    proxy = started.get(kind, "unconfigured", nobody)
    for origin, is_allowed in ((proxy.url, True), (CONSOLE, False), ("null", False), ("*", False)):
        expect_readable(ask(proxy, "GET", "/nowhere", {"Origin": origin}), origin if is_allowed else None)


@pytest.mark.parametrize(
    "wrong", ["console.example", "https://a/b", "https://a b", 'https://a"; return 200; #', "https://*.example", "https://a:b"]
)
def test_what_is_no_origin_stops_the_generator(tmp_path, wrong):
    command = [ROOT / "deploy/nginx/configure", "--directory", tmp_path, "sse-edge=127.0.0.1:1"]
    done = subprocess.run(list(map(str, command)), env=os.environ | {"CORS_ORIGINS": f"{CONSOLE},{wrong}"}, capture_output=True, text=True)
    assert done.returncode != 0 and "is not a web origin" in done.stderr and "--cors-origins" in done.stderr
    assert not (tmp_path / "nginx.conf").exists()


@every_proxy
def test_fields_come_from_the_service_when_it_answers(echoing):
    """And only once: a browser rejects a duplicate header."""
    answer = ask(echoing, "GET", "/v1/events", {"Origin": CONSOLE})
    assert answer.status == 200 and not answer.all("access-control-allow-origin") and not answer.all("vary")
    assert ask(echoing, "OPTIONS", "/v1/events", PREFLIGHT | {"Origin": CONSOLE}).json()["method"] == "OPTIONS"
