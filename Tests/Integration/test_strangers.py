"""What somebody without a token can do to others: nothing is held for a stranger, and no stranger holds anybody up (contract §5, §11)."""

import contextlib
import http.server
import json
import socket
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from causeway_kit.tokens import mint, sign
from causeway_kit.waiting import eventually
from causeway_kit.websocket import CONTINUATION, TEXT, WebSocketConnection, frame
from causeway_kit.workspace import WorkspaceStream

MIB = 1024 * 1024


class SlowKeys:
    """An issuer's keys over HTTP. They come at once the first time, and then not before somebody lets them."""

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
        """At most every ten seconds the keys are asked for because of a token."""
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
