"""What a proxy answers by itself, what it tells the services, and what it writes down: one table for nginx, HAProxy and Caddy.

No service runs here: behind the proxies there is nobody, or somebody who tells what reached it. Contract §1.
"""

import json
import os
import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from causeway_kit.names import NameServer
from causeway_kit.ports import free_port
from causeway_kit.proxy import Caddy, HAProxy, Nginx
from causeway_kit.raw_http import Echo, exchange, request
from causeway_kit.services import ROOT
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually

KINDS = {"nginx": Nginx, "haproxy": HAProxy, "caddy": Caddy}
PROGRAMS = ("sse-edge", "websocket-edge", "jsonrpc-relay", "approval-api", "event-producer")
STREAMS = ("/v1/notifications/stream", "/api/streaming/agents/a/stream", "/api/streaming/workflows/w/stream")
REQUESTS = (
    "/v1/stream", "/v1/connect", "/v1/relay/status", "/v1/notifications", "/v1/notifications/approvals/a", "/openapi.json", "/v1/events",
    "/v1/executions/agents/a/events",
)  # fmt: skip
CONSOLE = "https://console.example"
#: As somebody may write it: spaces, a slash at the end, a default port, upper case, a scheme of an app's own.
CORS_ORIGINS = f"{CONSOLE}, http://localhost:3000/,HTTPS://Port.example:443,http://plain.example:80, app://desktop"
#: Contract §1: what belongs to a code.
STATUSES = {
    "validation_error": 400, "not_found": 404, "method_not_allowed": 405, "payload_too_large": 413, "internal": 500, "service_unavailable": 503,
}  # fmt: skip
#: HTTP has statuses of its own for what is too large (RFC 9110 §15.5.15, RFC 6585 §5).
TOO_LARGE = {413, 414, 431}
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,traceparent"}
ALLOWED_HEADERS = {
    "authorization", "content-type", "idempotency-key", "last-event-id", "cache-control", "traceparent", "tracestate", "x-request-id",
}  # fmt: skip


def services(instance):
    return {program: [instance, instance] for program in PROGRAMS}


class Started:
    """The proxies of this module, one of a kind and purpose, ended behind its last test."""

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
    """An address at which nobody listens."""
    return f"127.0.0.1:{free_port()}"


every_proxy = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def alone(started, kind, nobody):
    """A proxy with nobody behind it. Caddy is to notice that sooner than it should."""
    patience = {"edit": lambda text: text.replace("lb_try_duration 2s", "lb_try_duration 100ms")} if kind == "caddy" else {}
    return started.get(kind, "alone", nobody, cors_origins=CORS_ORIGINS, **patience)


@pytest.fixture
def echoing(started, kind, echo):
    """A proxy before somebody who tells what reached it."""
    return started.get(kind, "echoing", echo, cors_origins=CORS_ORIGINS)


def own_origin(proxy):
    return f"http://127.0.0.1:{proxy.http_port}"


def ask(proxy, method, path, fields=None, body=b"", **options):
    return exchange(proxy.http_port, request(method, path, fields, body, host=f"127.0.0.1:{proxy.http_port}"), **options)


def expect_error(answer, code, *, status=None):
    """The one form of errors."""
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
    """Whatever the origin of its page, with the fields that the edges give to each stream."""
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
    # What no EventSource sends is not answered with a stream.
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


# MARK: Refusals


@every_proxy
@pytest.mark.parametrize("path", ["/nowhere", "/", "/nowhere.html", "/metrics", "/v1/unknown.json", "/%2e%2e/x.css", "/a.js?token=eyJhbGciOiJIUzI1NiJ9"])
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
    """Names lead here that nobody told the proxy."""
    for host in ("causeway.example", "localhost:1", "[::1]:8080"):
        expect_error(exchange(alone.http_port, request("GET", "/nowhere", host=host)), "not_found")


@dataclass(frozen=True)
class Refused:
    """A request that nginx refuses before anybody else sees it."""

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
    "a transfer encoding": Refused("validation_error", request("POST", "/v1/events", {"Transfer-Encoding": "gzip"}), elsewhere={"caddy": 501}),
    "a method that proxies use": Refused("validation_error", b"CONNECT a:80" + HEAD),
    "a method that tells headers": Refused("method_not_allowed", b"TRACE /v1/events" + HEAD),
    "a method that a file has not": Refused("method_not_allowed", request("POST", "/console/", {"Content-Length": "0"})),
    "a path outside": Refused("validation_error", b"GET /../x" + HEAD),
    "an address that is too long": Refused("payload_too_large", b"GET /" + b"a" * 70_000 + HEAD, 414, {"haproxy": 400}),
    "a field that is too long": Refused("payload_too_large", request("GET", "/", {"X": "a" * 70_000}), 431, {"haproxy": 400}),
    "a body that is too large": Refused("payload_too_large", request("POST", "/v1/events", {"Content-Length": "21000000"})),
    "a chunked body that is too large": Refused(
        "payload_too_large",
        request("POST", "/v1/events", {"Transfer-Encoding": "chunked"}) + b"ffffff\r\n" + b"x" * 0xFFFFFF + b"\r\nffffff\r\n" + b"x" * 0xFFFFFF,
    ),
    "a body that is too large for a stream": Refused("payload_too_large", request("GET", STREAMS[0], {"Content-Length": "21000000"})),
    "HTTP where there is TLS": Refused("validation_error", request("GET", "/v1/events"), elsewhere={"haproxy": None, "caddy": 400}, over_tls=True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nginx_refuses_is_refused_in_json(started, echo, name):
    proxy, row = started.get("nginx", "echoing", echo, cors_origins=CORS_ORIGINS), REFUSED[name]
    answer = exchange(proxy.tls_port if row.over_tls else proxy.http_port, row.data)
    expect_error(answer, row.code, status=row.status)
    assert answer["vary"].lower() == "origin"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for name, row in REFUSED.items() for kind in row.elsewhere])
def test_what_is_hard_wired_in_the_others_stays_as_it_is_documented(started, echo, kind, name):
    """docs/proxies.md says so: bytes that are no request, and HTTP on the port of TLS. No configuration can change the text."""
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
    for origin, is_allowed in ((own_origin(proxy), True), (CONSOLE, False), ("null", False), ("*", False)):
        expect_readable(ask(proxy, "GET", "/nowhere", {"Origin": origin}), origin if is_allowed else None)


@pytest.mark.parametrize("wrong", ["console.example", "https://a/b", "https://a b", 'https://a"; return 200; #', "https://*.example", "https://a:b"])
def test_what_is_no_origin_stops_the_generator(tmp_path, wrong):
    command = [ROOT / "deploy/nginx/configure", "--directory", tmp_path, "sse-edge=127.0.0.1:1"]
    done = subprocess.run(list(map(str, command)), env=os.environ | {"CORS_ORIGINS": f"{CONSOLE},{wrong}"}, capture_output=True, text=True)
    assert done.returncode != 0 and "is not a web origin" in done.stderr and "--cors-origins" in done.stderr
    assert not (tmp_path / "nginx.conf").exists()


@every_proxy
def test_fields_come_from_the_service_when_it_answers(echoing):
    """And only once: a browser refuses a field that comes twice."""
    answer = ask(echoing, "GET", "/v1/events", {"Origin": CONSOLE})
    assert answer.status == 200 and not answer.all("access-control-allow-origin") and not answer.all("vary")
    assert ask(echoing, "OPTIONS", "/v1/events", PREFLIGHT | {"Origin": CONSOLE}).json()["method"] == "OPTIONS"


# MARK: What the services are told


def reached(answer):
    """What reached the upstream: target, and the fields by name."""
    what = answer.json()
    fields = {}
    for name, value in what["fields"]:
        fields.setdefault(name, []).append(value)
    return what["target"], fields


@every_proxy
def test_services_know_the_origin_that_the_client_used(echoing):
    lies = {
        "X-Forwarded-For": "8.8.8.8", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1",
        "X-Real-IP": "8.8.8.8", "Forwarded": "host=evil.example",
    }  # fmt: skip
    for port, scheme, trust in ((echoing.http_port, "http", None), (echoing.tls_port, "https", echoing.trust)):
        for told in ({}, lies):
            _, fields = reached(exchange(port, request("GET", "/v1/events", told, host=f"127.0.0.1:{port}"), trust=trust))
            assert fields["host"] == fields["x-forwarded-host"] == [f"127.0.0.1:{port}"]
            assert fields["x-forwarded-proto"] == [scheme] and fields["x-forwarded-for"] == ["127.0.0.1"]
            assert not {"forwarded", "x-forwarded-port", "x-real-ip"} & set(fields)


@every_proxy
@pytest.mark.parametrize(
    "name",
    ["a%2Fb", "a%2fb%2F", "a%2F%2Fb", "%2Fa", "%C3%A9", "e%CC%81%20x", "%F0%9F%98%80", "a%25b", "a+b", "a;b,c=d@e:f!$&'()*", "a~b._-", "%41%7Eb", "a%3Fb%23c", "%22%5C%7C"],
)
def test_names_reach_the_service_as_they_were_sent(echoing, name):
    for path in (f"/v1/executions/agents/{name}/events", f"/v1/notifications/approvals/{name}"):
        target, _ = reached(ask(echoing, "POST", f"{path}?a=%2F&b=+%20", {"Content-Length": "0"}))
        assert target == f"{path}?a=%2F&b=+%20"
    answer = ask(echoing, "GET", f"/api/streaming/agents/{name}/stream?token=a.b")
    assert f'"target": "/api/streaming/agents/{name}/stream?token=a.b"' in answer.body.decode()


def test_names_reach_services_that_are_looked_up_as_they_were_sent(tmp_path, echo):
    """As in containers: an address with a variable in it has rules of its own for the path."""
    names = NameServer()
    names.addresses = {"service": ["127.0.0.1"]}
    upstreams = {program: [f"service:{echo.http_port}"] for program in PROGRAMS}
    proxy = Nginx(tmp_path, upstreams, resolver=names.address).start().wait_ready()
    try:
        for name in ("a%2Fb", "%C3%A9%20x", "a%25b"):
            assert reached(ask(proxy, "GET", f"/v1/executions/agents/{name}?x=%2F"))[0] == f"/v1/executions/agents/{name}?x=%2F"
    finally:
        proxy.kill()
        names.close()


@every_proxy
def test_a_name_with_bytes_that_no_uri_has_is_not_changed_on_the_way(echoing):
    """It is refused, or arrives as it was sent."""
    answer = ask(echoing, "POST", b"/v1/executions/agents/a%2F\xc3\xa9\"b/events", {"Content-Length": "0"})
    if answer.status == 200:
        assert "a%2F\xc3\xa9\"b" in reached(answer)[0]
    else:
        assert answer.status == 400


@every_proxy
def test_what_clients_need_reaches_the_service(echoing):
    fields = {
        "Authorization": "Bearer x", "Last-Event-ID": "", "Origin": CONSOLE, "Idempotency-Key": "k", "traceparent": "00-1-2-01", "tracestate": "a=b",
        "Cache-Control": "no-cache", "X-Tenant-Id": "acme",
    }  # fmt: skip
    _, arrived = reached(ask(echoing, "POST", "/v1/events", fields | {"Content-Length": "0"}))
    for name, value in fields.items():
        # An empty Last-Event-ID means the oldest event: it is not the same as none.
        assert arrived.get(name.lower()) == [value], name
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    _, arrived = reached(ask(echoing, "GET", "/v1/connect", upgrade))
    assert arrived["upgrade"] == ["websocket"] and arrived["connection"][0].lower() == "upgrade"


@every_proxy
def test_a_token_of_the_greatest_length_passes(echoing):
    token = "a" * 16_384
    for fields, query in (({"Authorization": f"Bearer {token}"}, ""), ({}, f"?token={token}")):
        target, arrived = reached(ask(echoing, "GET", f"/v1/relay/status{query}", fields))
        assert token in (target if query else arrived["authorization"][0])


@every_proxy
def test_a_request_keeps_its_id_or_gets_one(echoing, alone):
    for sent in ("mine.1-x_Y", "a" * 128):
        assert reached(ask(echoing, "GET", "/v1/events", {"X-Request-Id": sent}))[1]["x-request-id"] == [sent]
        assert ask(alone, "GET", "/nowhere", {"X-Request-Id": sent})["x-request-id"] == sent
    for wrong in ("two words", "a" * 129, "", b"\xff\xfe", "a,b"):
        [given] = reached(ask(echoing, "GET", "/v1/events", {"X-Request-Id": wrong}))[1]["x-request-id"]
        assert re.fullmatch(r"[a-f0-9-]{32,36}", given)
        assert re.fullmatch(r"[a-f0-9-]{32,36}", ask(alone, "GET", "/nowhere", {"X-Request-Id": wrong})["x-request-id"])
    answered = ask(alone, "POST", "/v1/events", {"Content-Length": "0"})["x-request-id"]
    eventually(lambda: any(answered.encode() in line for line in alone.access_lines), "the access log has the id that was answered")


# MARK: Connections


@every_proxy
@pytest.mark.parametrize("path", STREAMS)
def test_the_connection_ends_with_the_stream(echoing, path):
    """A client that waits for the end of the connection would wait for as long as an idle one is kept."""
    answer = ask(echoing, "GET", path, wait_for_end=True, timeout=10)
    assert answer.body.endswith(b'data: {"reason":"draining"}\n\n') and answer["connection"] == "close" and answer.is_closed


@every_proxy
def test_other_connections_are_kept(echoing):
    """Two requests on one connection: TLS handshakes are dear."""
    with socket.create_connection(("127.0.0.1", echoing.http_port), timeout=10) as client:
        for _ in range(2):
            client.sendall(request("GET", "/v1/relay/status"))
            received = b""
            while b'"fields"' not in received or not received.endswith(b"]]}"):
                received += client.recv(65536)
            assert received.startswith(b"HTTP/1.1 200")


@every_proxy
def test_a_stream_over_http2_leaves_the_connection_to_the_others(echoing):
    """A browser has all its streams in one connection: the end of one is no reason to lose it."""
    url = f"https://127.0.0.1:{echoing.tls_port}"
    command = ["curl", "-sS", "--cacert", str(echoing.certificate), "--http2", "-w", "%{num_connects} %{http_version}\\n"]
    command += [f"{url}{STREAMS[0]}", f"{url}/v1/relay/status"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "1 2\n" in done.stdout and "0 2\n" in done.stdout, done.stdout + done.stderr


# MARK: What is written down


@every_proxy
def test_the_access_log_is_json_in_utf8_whatever_is_sent(alone, kind):
    paths = (b"/caf\xc3\xa9", b"/caf\xe9", b"/\xff\xfe\"\\x", b"/a%E9%00b", b"/\xed\xa0\x80?x=\xff", b"/tab%09", b'/q"uote\\', b"/%22%5c")
    for path in paths:
        ask(alone, "GET", path, {"Referer": b"http://x/\xff", "User-Agent": b"\xfe\x00"[:1], "X-Request-Id": b"\xff", "Origin": b"\xff"})
    exchange(alone.http_port, b"GET /caf\xe9\xff HTTP/1.1\r\nHost: \xff\r\n\r\n")
    exchange(alone.http_port, b"G\xc9T / HTTP/1.1\r\nHost: x\r\n\r\n")
    exchange(alone.http_port, b"GET /simple HTTP/1.0\r\n\r\n")
    eventually(lambda: any(b"/simple" in line for line in alone.access_lines), "the last request is in the log")
    assert len(alone.access_lines) >= len(paths)
    for line in alone.access_lines:
        entry = json.loads(line.decode())
        assert isinstance(entry, dict) and isinstance(entry["status"], int), entry


@every_proxy
def test_no_token_is_in_a_log(alone):
    token = mint()
    hidden = token.replace("e", "%65", 1)
    spaced = mint(headers={"a": " "})
    for path in (
        f"/v1/stream?token={token}", f"/nowhere?TOKEN={token}", f"/{token}", f"/x/{token}/y", f"/{hidden}", f"/v1/stream%3Ftoken={token}",
        f"/v1/notifications/stream?ticket={spaced}&token={token}", f"/{token[:40]}",
    ):  # fmt: skip
        fields = {"Referer": f"http://x/?token={token}", "Authorization": f"Bearer {token}", "X-Request-Id": token.replace(".", "_", 1)[:128]}
        ask(alone, "GET", path, fields)
        ask(alone, "GET", path, {"Sec-WebSocket-Protocol": f"causeway.v1, bearer.{token}", "Cookie": f"token={token}", "Origin": f"https://{token}"})
    exchange(alone.http_port, f"GET /v1/stream?token={token} HTTP/1.1\r\nHost: two\r\nHost: hosts\r\nToken {token}\r\n\r\n".encode())
    ask(alone, "GET", "/last")
    eventually(lambda: any(b"/last" in line for line in alone.access_lines), "the last request is in the log")
    expect_no_token(f"what {alone.name} has written", alone.everything_written())
    assert hidden not in alone.everything_written() and token.split(".")[2][:20] not in alone.everything_written()
