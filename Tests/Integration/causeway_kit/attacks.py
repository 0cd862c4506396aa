"""What one client can do to a deployment at its worst, each for as long as it is let: by a tenant with tokens, or by a stranger without.

An attack is a function of an `Aim`; it runs in a process of its own (see `attacking`). It goes on whatever it is answered: refusals, closed
connections and timeouts are what it lives with. It adds what it achieves to the tally of its aim.
"""

import contextlib
import itertools
import json
import os
import random
import select
import socket
import threading
import time

import httpx

from .approvals import requested
from .attacking import address_of, converse
from .relay import Relay, request
from .surfaces import NotificationStream
from .tokens import mint
from .websocket import TEXT, WebSocketConnection, frame
from .workspace import WorkspaceStream, workspace_of

TENANT = "loud"


def _token(role="member", user="usr_loud"):
    return mint(TENANT, user=user, roles=(role,))


def _side_by_side(count, work):
    """Runs `work(number)` in that many threads, again and again, whatever it raises."""

    def repeat(number):
        while True:
            try:
                work(number)
            except (OSError, httpx.HTTPError, AssertionError, KeyError, ValueError):
                # Bounds the attacker's own CPU while nothing accepts its connections: there is no condition to wait for.
                time.sleep(0.02)

    threads = [threading.Thread(target=repeat, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _dial(aim, url, data=b"", receive_buffer=None):
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(10)
    try:
        connection.connect(address_of(url))
        aim.tally.add(connections=1)
        _send(aim, connection, data)
    except BaseException:
        connection.close()
        raise
    return connection


def _send(aim, connection, data):
    connection.sendall(data)
    aim.tally.add(bytes=len(data))


def _send_request(aim, client, method, url, content=b"", **options):
    """A request and its answer, whatever that is."""
    answer = client.request(method, url, content=content, **options)
    aim.tally.add(answers=1, accepted=answer.is_success, bytes=len(content))


def _open(aim, url, **options):
    """A WebSocket connection, past its handshake."""
    connection = WebSocketConnection(url, **options)
    aim.tally.add(connections=1)
    return connection


def _upgrade(path, token=None, **fields):
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    head += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    return (head + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n").encode()


# MARK: A tenant


def _posting(aim, threads, bodies, role="producer"):
    def work(number):
        headers = {"Authorization": f"Bearer {_token(role, f'svc_{number}')}", "Content-Type": "application/json"}
        with httpx.Client(timeout=20, headers=headers) as client:
            for body in bodies(number):
                _send_request(aim, client, "POST", f"{aim.producer}/v1/events", body)

    _side_by_side(aim.count(threads), work)


def _event(number, padding=0, **members):
    return {"type": "load.tick", "tenant": TENANT, "payload": {"n": number, "padding": "x" * padding}} | members


def valid_events(aim):
    """Batches of a hundred small events, as fast as they are answered."""
    _posting(aim, 8, lambda _: (json.dumps([_event(n) for n in range(begin, begin + 100)]).encode() for begin in itertools.count(0, 100)))


def large_events(aim):
    """Batches that have as many bytes as a request may have."""
    batch = json.dumps([_event(n, 200_000) for n in range(60)]).encode()
    _posting(aim, 4, lambda _: itertools.repeat(batch))


def invalid_events(aim):
    """What is refused: no JSON, a thousand events of which the last is wrong, another tenant's."""
    bodies = [
        b"[" * 100_000,
        json.dumps([_event(n) for n in range(999)] + [{"type": "x"}]).encode(),
        json.dumps([_event(1, tenant="quiet")]).encode(),
        b"\xff" * 10_000,
    ]
    _posting(aim, 8, lambda _: itertools.cycle(bodies), role="member")


def oversized_everything(aim):
    """Bodies, heads, identifiers and messages far beyond every bound."""

    def work(number):
        kind = number % 4
        if kind == 0:
            head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n" + _bearer("producer")
            with _dial(aim, aim.producer, head) as connection:
                while True:
                    _send(aim, connection, b"x" * 65_536)
        elif kind == 1:
            with _dial(aim, random.choice(aim.every()), b"GET / HTTP/1.1\r\nHost: x\r\n") as connection:
                while True:
                    _send(aim, connection, b"X-Filler: " + b"y" * 60_000 + b"\r\n")
        elif kind == 2:
            with httpx.Client(timeout=20, headers={"Authorization": f"Bearer {_token('producer')}"}) as client:
                body = json.dumps(_event(1, id="i" * 100_000)).encode()
                _send_request(aim, client, "POST", f"{aim.producer}/v1/events", body, headers={"Content-Type": "application/json"})
        else:
            with _open(aim, aim.relay + Relay.path, token=_token()) as connection:
                while True:
                    _send(aim, connection.socket, frame(TEXT, b'{"jsonrpc":"2.0","method":"' + b"m" * 1_000_000 + b'"}'))

    _side_by_side(8, work)


def _bearer(role):
    return f"Authorization: Bearer {_token(role)}\r\n\r\n".encode()


def pollers(aim):
    """Asks for lists and counts of many notifications, as fast as it is answered."""

    def work(number):
        with httpx.Client(timeout=20, headers={"Authorization": f"Bearer {_token('admin', f'usr_{number}')}"}) as client:
            while True:
                for path in ("?limit=200", "/approvals?limit=200", "?read=false"):
                    _send_request(aim, client, "GET", f"{aim.approvals}/v1/notifications{path}")

    _side_by_side(aim.count(32), work)


def poison_approvals(aim):
    """Requests that have expired already and are as large as an event may be, so that what follows from them is larger."""

    def bodies(number):
        for count in itertools.count():
            name = f"poison-{number}-{count}-{time.monotonic_ns()}"
            event = requested(name, TENANT, expiresAt="2020-01-01T00:00:00.000Z")
            event["payload"]["incidentId"] = "i" * 256
            event["payload"]["filler"] = "x" * max(0, 262_144 - len(json.dumps(event["payload"])) - 20)
            yield json.dumps(event).encode()

    _posting(aim, 4, bodies)


def subscriptions(aim):
    """Many subscriptions on many connections, and batches that subscribe with a place and unsubscribe again."""
    each, batch = 100, 25

    def script(number):
        yield _upgrade(Relay.path, _token(user=f"usr_{number}"))
        for begin in range(0, each, batch):
            yield _calls(("investigation.subscribe", {"incidentId": f"inc_{number}_{n}"}) for n in range(begin, begin + batch))
        names = [f"inc_churn_{number}_{n}" for n in range(12)]
        churn = _calls(
            call
            for name in names
            for call in (("investigation.subscribe", {"incidentId": name, "lastEventId": ""}), ("investigation.unsubscribe", {"incidentId": name}))
        )
        while True:
            yield churn

    # Up to a hundred thousand: a thousand connections of a hundred subscriptions.
    converse(aim, aim.relay, aim.count(1000), script)


def _calls(calls):
    """One message with those calls, as a frame."""
    return frame(TEXT, json.dumps([json.loads(request(method, params, id=n)) for n, (method, params) in enumerate(calls)]).encode())


def slow_readers(aim):
    """Connections on every stream that hardly read, while their tenant's events come."""
    held = []
    for number in range(aim.count(1000)):
        token = _token(user=f"usr_{number}")
        with contextlib.suppress(OSError):
            if number % 2:
                head = f"GET {NotificationStream.path} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: \r\nAuthorization: Bearer {token}\r\n\r\n"
                held.append(_dial(aim, aim.sse, head.encode(), receive_buffer=4096))
            else:
                path = f"{WorkspaceStream.path}?workspace={workspace_of(token)}&last_event_id="
                held.append(_dial(aim, aim.workspace, _upgrade(path, token), receive_buffer=4096))
    threading.Thread(target=valid_events, args=(aim,), daemon=True).start()
    while True:
        time.sleep(0.5)  # Their pace is the attack: readers that hardly read.
        for connection in held[:: max(1, len(held) // 20)]:
            with contextlib.suppress(OSError):
                connection.recv(1)


def endless_frames(aim):
    """Empty continuation frames, pings and tiny messages on open connections, as fast as they are taken."""
    floods = [
        frame(0x1, b"", fin=False) + frame(0x0, b"", fin=False) * 4000,
        frame(0x9, b"") * 4000,
        frame(0x1, b"{}") * 2000,
    ]

    def work(number):
        relay = number % 2
        url, path = (aim.relay, Relay.path) if relay else (aim.workspace, f"{WorkspaceStream.path}?workspace={TENANT}")
        with _open(aim, url + path, token=_token(user=f"usr_{number}")) as connection:
            flood = floods[number // 2 % len(floods)]
            connection.socket.settimeout(10)
            _send(aim, connection.socket, flood)
            rest = flood[len(flood) // 2 :] if number // 2 % 3 else frame(0x0, b"", fin=False) * 4000
            while True:
                readable, _, _ = select.select([connection.socket], [], [], 0)
                if readable and not connection.socket.recv(65_536):
                    return
                _send(aim, connection.socket, rest)

    _side_by_side(8, work)


# MARK: A stranger


def refused_handshakes(aim):
    """Streams and handshakes without a token, and with tokens that are none."""

    def work(number):
        for url, path in ((aim.sse, NotificationStream.path), (aim.workspace, WorkspaceStream.path), (aim.relay, Relay.path)):
            token = [None, "nonsense", mint(secret="x" * 64), "e30." * 5000][number % 4]
            fields = f"Authorization: Bearer {token}\r\n" if token else ""
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode() if url == aim.sse else _upgrade(path, token)
            with _dial(aim, url, head) as connection:
                connection.recv(4096)

    _side_by_side(aim.count(16), work)


def bytes_behind_an_upgrade(aim):
    """Handshakes with a token that takes time to judge, and megabytes behind them."""
    token = mint(secret="x" * 64, headers={"kid": "unknown"})

    def work(number):
        url, path = ((aim.workspace, WorkspaceStream.path), (aim.relay, Relay.path))[number % 2]
        with _dial(aim, url, _upgrade(path, token)) as connection:
            while True:
                _send(aim, connection, frame(0x2, os.urandom(8)) * 4096)

    _side_by_side(aim.count(16), work)


def held_connections(aim):
    """Connections that say nothing, or a byte of a head a second."""
    held = []
    for number in range(aim.count(2000)):
        with contextlib.suppress(OSError):
            held.append(_dial(aim, aim.every()[number % 5], b"GET / HTTP/1.1\r\nHost:" if number % 2 else b""))
    while True:
        time.sleep(1)  # Their pace is the attack: a byte a second.
        for connection in held:
            with contextlib.suppress(OSError):
                _send(aim, connection, b"x")


def unauthorised_requests(aim):
    """Requests of every kind without a token, large bodies included."""

    def work(number):
        with httpx.Client(timeout=20) as client:
            while True:
                _send_request(aim, client, "POST", f"{aim.producer}/v1/events", b"x" * 1_000_000)
                _send_request(aim, client, "GET", f"{aim.approvals}/v1/notifications")
                _send_request(aim, client, "POST", f"{aim.approvals}/v1/notifications/approvals/x", b'{"action":"approve"}')

    _side_by_side(aim.count(16), work)


def nonsense(aim):
    """Bytes that are no HTTP, and heads that never end."""

    def work(number):
        with _dial(aim, random.choice(aim.every()), os.urandom(2000) if number % 2 else b"GET / HTTP/1.1\r\nA: ") as connection:
            _send(aim, connection, b"a" * 60_000)
            connection.recv(4096)

    _side_by_side(aim.count(16), work)


BY_A_TENANT = [
    valid_events, large_events, invalid_events, oversized_everything, pollers, poison_approvals, subscriptions, slow_readers, endless_frames,
]  # fmt: skip
BY_A_STRANGER = [refused_handshakes, bytes_behind_an_upgrade, held_connections, unauthorised_requests, nonsense, oversized_everything]
