"""Receivers of webhooks that can do everything wrong, and clients of their REST API (contract §14)."""

import base64
import contextlib
import functools
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock
from urllib.parse import urlencode

import standardwebhooks.webhooks
import svix.webhooks

from .approvals import ApprovalClient
from .ports import free_port
from .waiting import eventually


def dispatcher(stack, **settings):
    """Starts a dispatcher; does not wait until it is ready."""
    return stack.start("webhook-dispatcher", **settings)


def dispatchers(stack, count, **settings):
    """Starts several dispatchers, and waits until they are ready."""
    started = [dispatcher(stack, **settings) for _ in range(count)]
    return [service.wait_ready() for service in started]


@dataclass(frozen=True)
class Delivery:
    """A request that a receiver got."""

    headers: dict
    body: bytes
    #: When it came, on the monotonic clock.
    at: float
    #: The status that it was answered with; None for one that was not.
    status: int | None

    @property
    def id(self):
        return self.headers["webhook-id"]

    # Parsed once: a receiver shares its interpreter with tests that ask for the types of thousands of deliveries again and again.
    @functools.cached_property
    def message(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.message["type"]

    @property
    def data(self):
        return self.message["data"]

    @property
    def is_accepted(self):
        return self.status is not None and 200 <= self.status < 300

    def verify(self, secret, *, clock=timedelta()):
        """Fails unless both libraries accept the delivery, with a receiver's clock that is off by `clock`, and it has the standard's form."""
        with receivers_clock(clock):
            standardwebhooks.webhooks.Webhook(secret).verify(self.body, self.headers)
            svix.webhooks.Webhook(secret).verify(self.body, self.headers)
        assert any(hmac.compare_digest(self.sign(secret), signature) for signature in self.signatures), "not signed with the secret"
        assert self.headers["content-type"] == "application/json" and "." not in self.id, self.headers

    def sign(self, secret):
        """The signature as the standard describes it, made without a library."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()

    @property
    def signatures(self):
        return self.headers["webhook-signature"].split(" ")


@contextlib.contextmanager
def receivers_clock(offset):
    """Lets both libraries read a clock that is off by `offset`."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + offset

    with mock.patch.object(standardwebhooks.webhooks, "datetime", Clock):
        yield


@dataclass
class Answer:
    """How a hook answers."""

    status: int = 204
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    #: `whole`; `drip`: the body's bytes one by one, without an end; `reset`: RST in place of an answer; `silence`: none at all.
    manner: str = "whole"


class Hook:
    """One path of a receiver: what came there, and how it is answered."""

    def __init__(self, receiver, name):
        self.name, self.url = name, f"{receiver.url}/{name}"
        #: An `Answer`, or a function that makes one for a number (from 0) and a request's headers.
        self.answer = Answer()
        self._lock, self._deliveries = threading.Lock(), []
        self._open = threading.Event()
        self._open.set()

    @property
    def deliveries(self):
        """All that has come, in order, refused ones and pings included."""
        with self._lock:
            return list(self._deliveries)

    @property
    def accepted(self):
        """Deliveries of events that were answered with 2xx: pings and tests are left out."""
        return [delivery for delivery in self.deliveries if delivery.is_accepted and delivery.type != "webhook.ping"]

    def wait_for(self, count, timeout=60):
        """Waits until as many events were accepted, and returns them."""
        eventually(lambda: len(self.accepted) >= count, f"{self.name} has {count} events", timeout)
        return self.accepted

    def wait_for_any(self, condition, what, timeout=60):
        """Waits for a delivery, of any status, that meets a condition, and returns the first."""
        return eventually(lambda: next(filter(condition, self.deliveries), None), f"{self.name}: {what}", timeout)

    def hold(self):
        """Lets requests wait for their answer until `release`."""
        self._open.clear()

    def release(self):
        self._open.set()

    def expect_order(self, ids):
        """Fails unless the accepted events are those, each for the first time in that order."""
        first = list(dict.fromkeys(delivery.id for delivery in self.accepted))
        assert first == ids, f"{self.name} got {len(first)} events, not the {len(ids)} of the log in their order"

    def take(self, headers, body):
        """Handles a request; called by a thread of the receiver."""
        with self._lock:
            number = len(self._deliveries)
            self._deliveries.append(Delivery(headers, body, time.monotonic(), None))
        self._open.wait(60)
        answer = self.answer(number, headers) if callable(self.answer) else self.answer
        if answer.manner == "whole":
            with self._lock:
                self._deliveries[number] = Delivery(headers, body, self._deliveries[number].at, answer.status)
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        hook = self.server.hooks.get(self.path.lstrip("/"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = hook.take(headers, body) if hook else Answer(404)
        match answer.manner:
            case "reset":
                # Closing with the linger time 0 sends RST.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
            case "silence":
                self.server.is_over.wait(30)
                self.close_connection = True
            case "drip":
                self._head(answer, 1 << 30)
                while not self.server.is_over.wait(0.1):
                    self.wfile.write(b" ")
            case _:
                self._head(answer, len(answer.body))
                self.wfile.write(answer.body)

    def _head(self, answer, length):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status >= 200 and answer.status not in (204, 304):
            self.send_header("content-length", str(length))
        self.end_headers()

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        """Senders that end in the middle of a request are what the tests are about."""


class Receiver:
    """An HTTP server on loopback with any number of hooks. `with Receiver() as receiver:` ends it."""

    def __init__(self):
        self.port, self._server, self._hooks = free_port(), None, {}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def hook(self, name="hook", answer=None):
        """A further path."""
        assert name not in self._hooks, f"{name} exists"
        hook = self._hooks[name] = Hook(self, name)
        if answer is not None:
            hook.answer = answer
        return hook

    def start(self):
        """Starts it, also again at the same port."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.hooks, self._server.is_over = self._hooks, threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver of webhooks", daemon=True).start()
        return self

    def stop(self):
        """Stops accepting. Requests that wait for their answer get it."""
        for hook in self._hooks.values():
            hook.release()
        self._server.is_over.set()
        self._server.shutdown()
        self._server.server_close()


class WebhookClient(ApprovalClient):
    """An administrator, or another user, at one dispatcher."""

    def create(self, hook, types=("load.*",), *, key=None, **members):
        """Registers an endpoint and returns the answer. `hook`: one of a receiver, or a URL."""
        body = {"url": getattr(hook, "url", hook), "types": list(types)} | members
        return self.send("POST", "/v1/webhooks", json=body, headers={"Idempotency-Key": key} if key else {})

    def created(self, hook, types=("load.*",), *, enabled=True, **members):
        """Registers an endpoint, waits until it has answered its ping, and returns it."""
        answer = self.create(hook, types, **members)
        assert answer.status_code == 201, answer.text
        endpoint = answer.json()
        if enabled:
            self.wait_for_state(endpoint["id"], "enabled")
        return endpoint

    def endpoints(self):
        answer = self.send("GET", "/v1/webhooks")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def endpoint(self, endpoint):
        return self.send("GET", f"/v1/webhooks/{endpoint}")

    def state(self, endpoint):
        return self.endpoint(endpoint).json()["state"]

    def wait_for_state(self, endpoint, *names, timeout=60):
        """Waits until the endpoint is in one of the states, and returns the state."""
        found = {}

        def state():
            found.update(self.endpoint(endpoint).json())
            return found["state"] if found["state"]["name"] in names else None

        try:
            return eventually(state, f"the endpoint is {' or '.join(names)}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {found}, after the attempts {self.attempts(endpoint)}") from None

    def change(self, endpoint, **members):
        return self.send("PATCH", f"/v1/webhooks/{endpoint}", json=members)

    def delete(self, endpoint):
        return self.send("DELETE", f"/v1/webhooks/{endpoint}")

    def rotate(self, endpoint):
        """Rotates the secret and returns the new one."""
        answer = self.send("POST", f"/v1/webhooks/{endpoint}/secret")
        assert answer.status_code == 200, answer.text
        return answer.json()["secret"]

    def test(self, endpoint):
        return self.send("POST", f"/v1/webhooks/{endpoint}/test", timeout=40)

    def replay(self, endpoint, **members):
        return self.send("POST", f"/v1/webhooks/{endpoint}/replay", json=members)

    def preview(self, endpoint, **members):
        """Counts what a replay would send."""
        return self.send("GET", f"/v1/webhooks/{endpoint}/replay?{urlencode(members)}")

    def resend(self, endpoint, event):
        return self.send("POST", f"/v1/webhooks/{endpoint}/resend", json={"event": event}, timeout=40)

    def enable(self, endpoint):
        return self.send("POST", f"/v1/webhooks/{endpoint}/enable")

    def attempts(self, endpoint):
        answer = self.send("GET", f"/v1/webhooks/{endpoint}/attempts")
        assert answer.status_code == 200, answer.text
        return answer.json()["attempts"]
