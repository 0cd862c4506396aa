"""The long poll as a surface (contract §15): a client that polls repeatedly, and presents the events as one stream."""

import json
import time
from collections import deque

from .cursors import Cursor
from .sse import SSEConnection
from .surfaces import Closed, Ended, Event, Gap, Heartbeat, Opened, Surface, SurfaceConnection

#: The messages of refusals, by the reason that other surfaces send.
_REASONS = {
    "This server is about to stop": "draining",
    "This server has as many": "overloaded",
    "The tenant has as many": "limit",
    "The event log is out of reach": "unavailable",
}


def parse_batch(body):
    """The members of a response, which are exactly those of the contract, in its order."""
    document = json.loads(body)
    assert list(document) in (["events", "cursor"], ["events", "cursor", "gap"]), f"not a response of a long poll: {body[:300]!r}"
    for event in document["events"]:
        assert list(event) == ["id", "type", "payload", "timestamp"], f"not an event of a long poll: {event}"
    Cursor.parse(document["cursor"])
    return document


class LongPollConnection(SurfaceConnection):
    """One client. A request is outstanding whenever all received events were consumed, or before the first one."""

    def __init__(self, surface, edge, token, cursor, *, types, receive_buffer):
        self.surface, self._url, self._token, self._receive_buffer = surface, edge.url + surface.path, token, receive_buffer
        self._query = {"limit": 200} | ({} if types is None else {"types": types})
        self._pending, self._response, self._body, self._is_over, self._is_probe = deque(), None, b"", False, False
        self._cursor = cursor
        if cursor is not None:
            self._pending.append(Opened(None))
            self._ask()
            return
        # The current cursor; it waits from there on, so that no event published afterwards can be missed.
        self._ask(wait="0s")
        while self._response is not None:
            self._read(time.monotonic() + 15)
        if not self._is_over:
            self._pending.clear()
            self._pending.append(Opened(self._cursor))
            self._ask()

    @property
    def socket(self):
        return self._response.socket if self._response else None

    def _ask(self, wait="20s"):
        headers = {} if self._cursor is None else {"Last-Event-ID": self._cursor}
        query = self._query | {"wait": wait}
        response = SSEConnection(self._url, token=self._token, query=query, headers=headers, receive_buffer=self._receive_buffer)
        self._body = b""
        if response.status == 200:
            self._response = response
            return
        with response:
            answer = response.body()
        assert response.status in (401, 429, 503), f"{response.status} {answer!r}"
        assert response.status == 401 or int(response.headers["retry-after"]) >= 1
        message = json.loads(answer)["message"]
        reasons = [reason for words, reason in _REASONS.items() if message.startswith(words)]
        self._pending.append(Ended("token_expired" if response.status == 401 else reasons[0]))
        self._is_over = True

    def _read(self, deadline):
        """Reads the next part of the current response."""
        try:
            data = self._response.next_bytes(deadline)
        except ConnectionError:
            return self._stop()
        if data:
            self._body += data
            return None
        self._response.close()
        self._response = None
        try:
            document = parse_batch(self._body)
        except ValueError:
            # Truncated: the received part is unusable.
            self._is_over = True
            return None
        return self._take(document)

    def _take(self, document):
        events = [Event(**event) for event in document["events"]]
        before = self._cursor
        self._cursor = document["cursor"]
        if "gap" in document:
            reason, missed_before = document["gap"]["reason"], document["gap"].get("missedBefore")
            assert list(document["gap"]) == ["reason"] + (["missedBefore"] if missed_before else [])
            if missed_before:
                first = Cursor.parse(missed_before)
                place = first._replace(sequence=first.sequence - 1).text
            else:
                place = self._cursor
            self._pending.append(Gap(place, reason, missed_before))
        self._pending.extend(events)
        if self._is_probe or not self._pending and self._cursor != before:
            self._pending.append(Heartbeat(self._cursor))
        self._is_probe = False

    def next(self, timeout=15.0):
        deadline = time.monotonic() + timeout
        while not self._pending:
            if self._is_over:
                return Closed()
            if self._response is None:
                try:
                    self._ask()
                except OSError:
                    self._is_over = True
            else:
                self._read(deadline)
        return self._pending.popleft()

    def probe(self):
        """Polls immediately for the available events; a `Heartbeat` follows them."""
        self._stop_waiting()
        self._is_probe = True
        self._ask(wait="0s")

    def _stop_waiting(self):
        if self._response is not None:
            self._response.close()
            self._response = None

    def _stop(self):
        self._stop_waiting()
        self._is_over = True

    def cut(self):
        if self._response is not None:
            self._response.cut()
            self._response = None
        self._is_over = True

    def close(self):
        self._stop()


class LongPoll(Surface):
    name = "long poll"
    executable = "sse-edge"
    path = "/v1/events"
    has_heartbeats = False
    is_stream = False
    smallest_event = len('{"id":"evt_01HX9VTPQR3KF8MZWBYD5N6JCE","type":"load.tick","payload":{"n":1},"timestamp":"2024-04-01T14:32:10.000Z"}')

    def connect(self, edge, token, *, ticket=None, cursor=None, types=None, receive_buffer=None, plain=False):
        assert ticket is None, "a client that polls has a token: each ticket would be one request"
        return LongPollConnection(self, edge, token, cursor, types=types, receive_buffer=receive_buffer)
