"""What stands before the streams: HTTP/1.1 as clients and proxies speak it, also badly (RFC 9112)."""

import contextlib
import json
import socket

import pytest

from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint

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
    while piece := sock.recv(65536):
        data += piece
    return data


def get(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: edge\r\n{fields}\r\n".encode()


def stream(fields="", tenant="acme"):
    return get(NotificationStream.path, f"Authorization: Bearer {mint(tenant=tenant)}\r\n{fields}")


def test_an_offer_of_another_protocol_is_passed_over(edge):
    """As `curl --http2` makes it."""
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
