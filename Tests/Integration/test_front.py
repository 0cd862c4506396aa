"""The HTTP/1.1 front of the services, with valid and invalid requests of clients and proxies (RFC 9112)."""

import contextlib
import json
import re
import socket
import struct
import time

import pytest

from causeway_kit.approvals import approval_services
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint, producer_token
from causeway_kit.waiting import eventually

H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


@contextlib.contextmanager
def connection(edge):
    with socket.create_connection(("127.0.0.1", edge.http_port), timeout=15) as sock:
        yield sock


def read_until(sock, mark):
    data = b""
    while mark not in data:
        piece = sock.recv(65536)
        assert piece, f"the connection ended before {mark!r}: {data!r}"
        data += piece
    return data


def read_to_the_end(sock):
    data = b""
    # Whoever closes on bytes that were not read resets the connection (RFC 9112 §9.6): after the answer, it is its end.
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            data += piece
    return data


def get(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: edge\r\n{fields}\r\n".encode()


def stream(fields="", tenant="acme"):
    return get(NotificationStream.path, f"Authorization: Bearer {mint(tenant=tenant)}\r\n{fields}")


def test_an_offer_of_another_protocol_is_passed_over(edge):
    """Returns the request of `curl --http2`."""
    with connection(edge) as sock:
        sock.sendall(stream(H2C))
        head = read_until(sock, b"\n\n")
        assert head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head


def test_a_connection_that_offered_another_protocol_ends_with_the_answer(edge):
    with connection(edge) as sock:
        sock.sendall(get("/nowhere", H2C))
        answer = read_to_the_end(sock)
        assert answer.startswith(b"HTTP/1.1 404") and b"connection: close" in answer.lower()
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "not_found"


def test_a_connection_is_used_again_and_then_becomes_a_stream(edge):
    with connection(edge) as sock:
        for _ in range(3):
            sock.sendall(get("/nowhere"))
            read_until(sock, b"}")
        sock.sendall(stream())
        assert b"id: evt_" in read_until(sock, b"\n\n")


@pytest.mark.parametrize("behind", [b"", b"garbage\r\n\r\n", b"\0" * 10_000], ids=["a request", "garbage", "zeros"])
def test_what_is_sent_behind_the_request_for_a_stream_is_dropped(edge, shared, tenant, behind):
    with connection(edge) as sock:
        sock.sendall(stream(tenant=tenant) + (behind or stream(tenant=tenant)))
        head = read_until(sock, b"\n\n")
        assert head.count(b"HTTP/1.1") == 1
        shared.intake.publish({"type": "a.b", "tenant": tenant, "payload": {"n": 7}})
        read_until(sock, b'"n": 7')
        assert edge.readiness() == 200


def test_a_client_that_asks_to_close_is_closed(edge):
    with connection(edge) as sock:
        sock.sendall(get("/nowhere", "Connection: close\r\n"))
        assert read_to_the_end(sock).startswith(b"HTTP/1.1 404")


def test_a_client_of_http_1_0_is_closed_unless_it_asks_to_stay(edge):
    with connection(edge) as sock:
        sock.sendall(b"GET /nowhere HTTP/1.0\r\n\r\n")
        assert b" 404 " in read_to_the_end(sock)
    with connection(edge) as sock:
        for _ in range(2):
            sock.sendall(b"GET /nowhere HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b" 404 " in read_until(sock, b"}")


@pytest.mark.parametrize(
    ("request_bytes", "says"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", "Host"),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "Host"),
        (b"GET /nowhere HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "Host"),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "HTTP/1.1"),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "HTTP/1.1|too long"),
        (b"\x16\x03\x01 no HTTP at all\r\n\r\n", "HTTP/1.1"),
    ],
    ids=["no Host", "two Hosts", "two Hosts in 1.0", "no colon", "a long head", "TLS"],
)
@pytest.mark.parametrize("before", [b"", get("/nowhere")], ids=["first", "behind another"])
def test_what_is_no_request_is_refused_like_everything_else(edge, request_bytes, says, before):
    with connection(edge) as sock:
        sock.sendall(before + request_bytes)
        answer = read_to_the_end(sock)
    head, _, body = answer[answer.rindex(b"HTTP/1.1 4") :].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400") and b"x-request-id: req_" in head.lower() and b"connection: close" in head.lower(), answer
    assert answer.count(b"HTTP/1.1 404") == (1 if before else 0)
    error = json.loads(body)
    assert error["error"] == "validation_error" and re.search(says, error["message"])


def post(path, fields, body=b""):
    return f"POST {path} HTTP/1.1\r\nHost: edge\r\n{fields}\r\n".encode() + body


EXPECTING = "Content-Type: application/json\r\nExpect: 100-continue\r\n"


@pytest.mark.parametrize("before", [b"", get("/nowhere")], ids=["first", "behind another"])
def test_a_client_that_waits_for_100_continue_gets_it(shared, tenant, before):
    body = json.dumps({"type": "a.b", "tenant": tenant, "payload": {"n": 1}}).encode()
    fields = f"{EXPECTING}Authorization: Bearer {producer_token()}\r\nContent-Length: {len(body)}\r\n"
    with connection(shared.producer) as sock:
        sock.sendall(before + post("/v1/events", fields))
        told = read_until(sock, b"HTTP/1.1 100 Continue\r\n\r\n")
        assert told.count(b"HTTP/1.1 404") == (1 if before else 0) and told.endswith(b"100 Continue\r\n\r\n")
        sock.sendall(body)
        assert b"HTTP/1.1 202" in read_until(sock, b"]}")
        # The connection goes on as any other.
        sock.sendall(get("/nowhere"))
        assert read_until(sock, b"}").startswith(b"HTTP/1.1 404")


def test_nobody_is_told_to_go_on_without_being_asked(shared):
    with connection(shared.producer) as sock:
        sock.sendall(post("/nowhere", f"{EXPECTING}Content-Length: 0\r\n") + post("/nowhere", "Content-Length: 2\r\n", b"{}"))
        answers = read_until(sock, b"}")
        while answers.count(b"}") < 2:
            answers += read_until(sock, b"}")
        assert b"100 Continue" not in answers


def drip(sock, seconds):
    """Sends a byte at intervals. Returns whether the connection was ended meanwhile, after a response or immediately."""
    sock.settimeout(0.1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            sock.sendall(b"0")
            if not sock.recv(65536):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("framing", ["Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"], ids=["length", "chunks"])
def test_a_body_that_drips_does_not_hold_a_connection(stack, framing):
    """Neither while it is read, nor after a response that did not wait for it. The intake's own limit is longer here."""
    [approvals] = approval_services(stack, 1, http_body_timeout="1s")
    start = b"ffff\r\n{" if "chunked" in framing else b"{"
    for path, token in (("/v1/notifications/approvals/apr_1", mint(roles=("admin",))), ("/nowhere", mint())):
        with connection(approvals) as sock:
            fields = f"Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n{framing}"
            sock.sendall(post(path, fields, start))
            assert drip(sock, seconds=15), f"{path} is held by a body that never ends"
    assert approvals.readiness() == 200


def test_what_has_no_body_or_sent_it_in_time_is_not_bound_by_its_deadline(stack):
    edge = stack.edge(http_body_timeout="1s", heartbeat_interval="500ms")
    with connection(edge) as sock:
        sock.sendall(post("/nowhere", "Content-Length: 2\r\n", b"{}"))
        read_until(sock, b"}")
        sock.sendall(stream())
        started = time.monotonic()
        seen = b""
        while time.monotonic() < started + 2.5:
            seen += read_until(sock, b"event: ping")


def test_a_client_that_resets_while_it_is_taken_over_is_no_error(edge):
    """The client is gone, which is not an error."""
    for _ in range(200):
        sock = socket.create_connection(("127.0.0.1", edge.http_port), timeout=15)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(stream("Last-Event-ID: \r\n"))
        sock.close()
    with connection(edge) as sock:
        sock.sendall(stream())
        read_until(sock, b"id: evt_")
    eventually(lambda: edge.metrics()["causeway_edge_connections"] == 0, "all are forgotten")
    assert "Request failed" not in edge.log
