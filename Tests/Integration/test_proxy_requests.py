"""How proxies forward requests, end connections and log: the same for nginx, HAProxy and Caddy."""

import json
import re
import socket
import subprocess

import pytest

from causeway_kit.lone_proxies import CONSOLE, STREAMS, alone, ask, echo, echoing, every_proxy, nobody, started
from causeway_kit.names import NameServer
from causeway_kit.programs import COMMANDS
from causeway_kit.proxy import Nginx
from causeway_kit.raw_http import exchange, request
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually

#: A text in the form of a ticket.
TICKET = "tkt_" + 43 * "A"

__all__ = ["alone", "echo", "echoing", "nobody", "started"]


# MARK: Plain HTTP


@every_proxy
def test_plain_http_is_redirected_unless_the_operator_says_otherwise(started, kind, echo):
    proxy = started.get(kind, "redirecting", echo, redirects=True)
    target = "/v1/executions/agents/a%2Fb/events?types=a%2C*&token=x"
    for host in (f"127.0.0.1:{proxy.http_port}", "127.0.0.1", "[::1]:80"):
        for method in ("GET", "POST"):
            answer = exchange(proxy.http_port, request(method, target, {"Content-Length": "0"}, host=host))
            name = host if host == "127.0.0.1" else host.rpartition(":")[0]
            assert (answer.status, answer["location"]) == (308, f"https://{name}:{proxy.tls_port}{target}"), f"{host}: {answer}"
            assert answer["x-request-id"]
    # No request reaches a service over plain HTTP, and over HTTPS as ever.
    secure = exchange(proxy.tls_port, request("GET", target, host=f"127.0.0.1:{proxy.tls_port}"), trust=proxy.trust)
    assert reached(secure)[0] == target
    if kind == "nginx":
        assert ask(proxy, "GET", "/proxy/health").status == 200, "what checks its health has no certificate"


# MARK: What the services are told


def reached(answer):
    """Returns what the upstream received: target, and the headers by name."""
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
    [
        "a%2Fb", "a%2fb%2F", "a%2F%2Fb", "%2Fa", "%C3%A9", "e%CC%81%20x", "%F0%9F%98%80", "a%25b", "a+b", "a;b,c=d@e:f!$&'()*", "a~b._-",
        "%41%7Eb", "a%3Fb%23c", "%22%5C%7C",
    ],  # fmt: skip
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
    upstreams = {program: [f"service:{echo.http_port}"] for program in COMMANDS}
    proxy = Nginx(tmp_path, upstreams, resolver=names.address).start().wait_ready()
    try:
        for name in ("a%2Fb", "%C3%A9%20x", "a%25b"):
            assert reached(ask(proxy, "GET", f"/v1/executions/agents/{name}?x=%2F"))[0] == f"/v1/executions/agents/{name}?x=%2F"
    finally:
        proxy.kill()
        names.close()


@every_proxy
def test_a_name_with_bytes_that_no_uri_has_is_not_changed_on_the_way(echoing):
    """It is refused, or arrives unchanged."""
    answer = ask(echoing, "POST", b"/v1/executions/agents/a%2F\xc3\xa9\"b/events", {"Content-Length": "0"})
    if answer.status == 200:
        assert "a%2F\xc3\xa9\"b" in reached(answer)[0]
    else:
        assert answer.status == 400


@every_proxy
def test_what_clients_need_reaches_the_service(echoing):
    fields = {
        "Authorization": "Bearer x", "Last-Event-ID": "", "Origin": CONSOLE, "Idempotency-Key": "k", "traceparent": "00-1-2-01",
        "tracestate": "a=b", "Cache-Control": "no-cache", "X-Tenant-Id": "acme",
    }  # fmt: skip
    _, arrived = reached(ask(echoing, "POST", "/v1/events", fields | {"Content-Length": "0"}))
    for name, value in fields.items():
        # An empty Last-Event-ID means the oldest event: it is not the same as none.
        assert arrived.get(name.lower()) == [value], name
    upgrade = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
    }
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
    """Two requests on one connection: TLS handshakes are expensive."""
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
        ask(alone, "GET", path, dict.fromkeys(("Referer", "User-Agent", "X-Request-Id", "Origin"), b"http://x/\xff"))
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
        f"/v1/notifications/stream?ticket={spaced}&token={token}", f"/{token[:40]}", f"/v1/stream?ticket={TICKET}", f"/{TICKET}",
    ):  # fmt: skip
        id = token.replace(".", "_", 1)[:128]
        fields = {"Referer": f"http://x/?token={token}", "Authorization": f"Bearer {token}", "X-Request-Id": id}
        ask(alone, "GET", path, fields)
        ask(alone, "GET", path, {"Referer": f"http://x/?ticket={TICKET}", "X-Request-Id": TICKET})
        fields = {"Sec-WebSocket-Protocol": f"causeway.v1, bearer.{token}", "Cookie": f"token={token}", "Origin": f"https://{token}"}
        ask(alone, "GET", path, fields)
    exchange(alone.http_port, f"GET /v1/stream?token={token} HTTP/1.1\r\nHost: two\r\nHost: hosts\r\nToken {token}\r\n\r\n".encode())
    ask(alone, "GET", "/last")
    eventually(lambda: any(b"/last" in line for line in alone.access_lines), "the last request is in the log")
    expect_no_token(f"what {alone.name} has written", alone.everything_written())
    assert hidden not in alone.everything_written() and token.split(".")[2][:20] not in alone.everything_written()
