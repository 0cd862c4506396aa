"""Clients without a token cannot harm others: they hold no resources and delay no one (contract §5, §11)."""

import contextlib
import http.server
import json
import os
import resource
import socket
import threading
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from causeway_kit.approvals import approval_service
from causeway_kit.intake import numbered
from causeway_kit.ports import free_port
from causeway_kit.programs import COMMANDS
from causeway_kit.tokens import mint, sign
from causeway_kit.waiting import eventually
from causeway_kit.websocket import CONTINUATION, TEXT, WebSocketConnection, frame
from causeway_kit.workspace import WorkspaceStream

MIB = 1024 * 1024


class SlowKeys:
    """An issuer's keys over HTTP. The first response is immediate; later ones wait until the test releases them."""

    def __init__(self):
        key = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
        body = json.dumps({"keys": [key | {"kid": "known", "alg": "ES256", "use": "sig"}]}).encode()
        self.asked, self.may_answer = 0, threading.Event()
        keys = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                keys.asked += 1
                if keys.asked > 1:
                    keys.may_answer.wait(30)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.may_answer.set()
        self.server.shutdown()


@pytest.fixture
def slow_keys():
    keys = SlowKeys()
    yield keys
    keys.close()


def handshake(path, token):
    fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\n{fields}\r\n".encode()


@pytest.mark.parametrize(
    ("program", "path"), [("websocket-edge", "/v1/stream?workspace=acme"), ("jsonrpc-relay", "/v1/connect")], ids=["workspace", "relay"]
)
def test_what_comes_behind_a_handshake_waits_outside_while_the_token_is_judged(stack, slow_keys, program, path):
    edge = stack.edge(program, auth_jwks_url=slow_keys.url)
    unknown = sign(b'{"sub":"x","tenant_id":"acme","exp":4102444800}', header=b'{"alg":"ES256","typ":"JWT","kid":"nobody"}')

    def asks_again():
        """A token causes a request for the keys at most every ten seconds."""
        probes.append(socket.create_connection(("127.0.0.1", edge.http_port)))
        probes[-1].sendall(handshake(path, unknown))
        return slow_keys.asked > 1

    probes = []
    eventually(asks_again, "the edge asks for the key that it does not know", timeout=30, interval=0.2)
    before = edge.memory
    strangers = [socket.create_connection(("127.0.0.1", edge.http_port)) for _ in range(10)]
    for sock in strangers:
        sock.sendall(handshake(path, unknown))
    sent = 0
    for sock in strangers:
        sock.settimeout(0.1)
        # Until its window is full: what is taken then is with the kernel.
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(64):
                sent += sock.send(bytes(MIB))
    grown = edge.memory - before
    slow_keys.may_answer.set()
    for sock in probes + strangers:
        sock.close()
    assert grown < 4 * MIB, f"{grown / MIB:.0f} MiB are held for strangers who sent {sent / MIB:.0f}"


@pytest.mark.parametrize("token", [None, mint()], ids=["no token", "a token"])
def test_endless_empty_continuations_hold_up_nobody(stack, token):
    edge = stack.edge("websocket-edge", delivery_loops="1", heartbeat_interval="100ms")
    query = {"workspace": "acme"} | ({"token": token} if token else {})
    flood = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 200_000
    is_over = threading.Event()

    def send_for_ever():
        while not is_over.is_set():
            with contextlib.suppress(OSError), WebSocketConnection(edge.url + "/v1/stream", query=query) as client:
                client.send_bytes(flood, timeout=5)

    surface = WorkspaceStream()
    floods = [threading.Thread(target=send_for_ever, daemon=True) for _ in range(2)]
    with surface.connect(edge, mint()) as neighbour:
        neighbour.next()
        for thread in floods:
            thread.start()
        for number in range(30):
            stack.intake.publish(surface.numbered(number))
            assert neighbour.next_event(timeout=5).payload == {"n": number}
        is_over.set()
    for thread in floods:
        thread.join(timeout=20)


def test_a_body_that_drips_does_not_keep_a_process_from_stopping(stack):
    edge = stack.edge("sse-edge", drain_window="1s")
    with socket.create_connection(("127.0.0.1", edge.http_port)) as stranger:
        stranger.sendall(b"POST /nowhere HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000000\r\n\r\n{")
        edge.terminate()
        deadline = time.monotonic() + 30
        while edge.exit_code is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                stranger.send(b" ")
            time.sleep(0.1)  # The stranger's pace: a byte now and then is the input.
        assert edge.wait(timeout=1) == 0


def test_refused_handshakes_do_not_keep_a_process_from_stopping(stack):
    surface, edge = WorkspaceStream(), stack.edge("websocket-edge", drain_window="1s")
    with surface.connect(edge, mint()) as client:
        client.next()
        edge.terminate()
        deadline = time.monotonic() + 30
        strangers = []
        while edge.exit_code is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                strangers.append(WebSocketConnection(edge.url + "/v1/stream", query={"workspace": "acme"}))
            time.sleep(0.1)  # The strangers' pace: new handshakes until the process stops are the input.
        assert edge.wait(timeout=1) == 0
        assert len(strangers) > 3
        client.expect_end("draining")
        for stranger in strangers:
            stranger.cut()


OPEN_FILES = 256


def limited(service):
    """The service with an open-file limit that a few hundred strangers exceed."""
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    return service


def idle_connections(port, count):
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        connections.append(connection)
    return connections


def answers(service):
    """Whether the public port, health and readiness all answer."""
    urls = (f"{service.url}/v1/x", f"{service.admin_url}/healthz", f"{service.admin_url}/readyz")
    try:
        return [httpx.get(url, timeout=5).status_code for url in urls][1:] == [200, 200]
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("program", COMMANDS)
@pytest.mark.parametrize("port", ["http_port", "admin_port"])
def test_idle_strangers_do_not_take_the_descriptors_of_a_process(stack, program, port):
    match program:
        case "event-producer":
            service = stack.start("event-producer", "serve").wait_ready()
        case "approval-api":
            service = approval_service(stack).wait_ready()
        case "webhook-dispatcher":
            service = stack.start("webhook-dispatcher").wait_ready()
        case _:
            service = stack.edge(program)
    limited(service)
    strangers = idle_connections(getattr(service, port), OPEN_FILES + 200)
    try:
        eventually(lambda: answers(service), f"{program} answers newcomers, and says that it lives and is ready", timeout=8)
        assert len(os.listdir(f"/proc/{service.pid}/fd")) < OPEN_FILES - 16, "the reserve is kept"
    finally:
        for connection in strangers:
            connection.close()


def test_a_stream_outlives_a_flood_of_strangers_and_of_refused_handshakes(stack):
    edge = limited(stack.edge("websocket-edge"))
    with WorkspaceStream().connect(edge, mint()) as stream:
        stream.next()
        strangers = idle_connections(edge.http_port, OPEN_FILES)
        for connection in strangers[-100:]:
            with contextlib.suppress(OSError):
                connection.sendall(handshake("/v1/stream?workspace=acme", "not-a-token"))
        strangers += idle_connections(edge.http_port, OPEN_FILES)
        eventually(lambda: answers(edge), "newcomers are answered", timeout=8)
        stack.intake.publish(numbered(1))
        assert stream.next_event()
        for connection in strangers:
            connection.close()


def test_the_bus_comes_back_while_strangers_hold_what_they_can(stack):
    edge = limited(stack.edge("sse-edge"))
    strangers = idle_connections(edge.http_port, OPEN_FILES + 200)
    stack.nats.kill()
    stack.nats.start()
    eventually(lambda: answers(edge), "the edge is ready again", timeout=20)
    for connection in strangers:
        connection.close()


@pytest.mark.parametrize("port", ["http_port", "admin_port"])
def test_a_head_that_drips_is_closed_with_a_408_and_a_silent_connection_without(stack, port):
    edge = stack.shared_edge_of("sse-edge")
    silent, dripping = idle_connections(getattr(edge, port), 2)
    begin = time.monotonic()
    dripping.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ")
    dripping.settimeout(20)
    silent.settimeout(20)
    head = dripping.recv(4096)
    assert head.startswith(b"HTTP/1.1 408 "), head
    assert silent.recv(4096) == b""
    assert 8 < time.monotonic() - begin < 15


def test_more_connections_than_the_limit_holds_are_a_warning_and_not_a_failure(stack):
    edge = stack.edge("sse-edge", max_connections="9999999")
    edge.wait_for_log("MAX_CONNECTIONS is more than the open-file limit has room for")
    edge.wait_for_log("LimitNOFILE")


@pytest.mark.parametrize(
    ("program", "path"),
    [("sse-edge", "/v1/notifications/stream"), ("websocket-edge", "/v1/stream?workspace=acme"), ("jsonrpc-relay", "/v1/connect")],
)
def test_while_no_key_was_ever_had_a_process_is_not_ready_and_tokens_are_503(stack, program, path):
    url = f"http://127.0.0.1:{free_port()}/keys"
    edge = stack.start(program, auth_hs256_secret=None, auth_jwks_url=url)
    eventually(lambda: edge.readiness() == 503, "the process says that it is not ready")
    eventually(lambda: f"no signature keys yet from {url}" in httpx.get(f"{edge.admin_url}/readyz").text, "it names the URL")
    unknown = sign(b'{"sub":"x","tenant_id":"acme","exp":4102444800}', header=b'{"alg":"ES256","typ":"JWT","kid":"nobody"}')
    with socket.create_connection(("127.0.0.1", edge.http_port), timeout=15) as connection:
        connection.sendall(handshake(path, unknown))
        head = connection.recv(65536).lower()
    assert head.startswith(b"http/1.1 503 ") and b"\r\nretry-after: " in head, head
