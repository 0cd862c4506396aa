"""The relay as a surface like the others, as far as it is one: what was subscribed to, of one incident (contract §6)."""

import json
import time

from .intake import numbered
from .surfaces import Closed, Ended, Event, Gap, Heartbeat, Opened, Refusal, Surface, SurfaceConnection
from .websocket import Close, WebSocketConnection
from .workspace import NO_PLACE

_REASONS = {1001: "draining", 1008: "limit", 1011: "unavailable"}
#: What an event of the scenarios needs besides its number so that the relay carries it.
_CARRIER = {"incidentId": "inc_scenario", "message": "m", "agentName": "a"}
#: The relay ends a connection whose client says nothing for 60 s.
_PING_EVERY = 20


def request(method, params=None, id=None):
    """A request, or without an id a notification."""
    message = {"jsonrpc": "2.0", "method": method}
    message |= {} if params is None else {"params": params}
    message |= {} if id is None else {"id": id}
    return json.dumps(message)


class RelayClient:
    """A connection that speaks JSON-RPC, past its `connected`."""

    def __init__(self, edge, token, **options):
        self.ws = WebSocketConnection(edge.url + Relay.path, token=token, **options)
        assert self.ws.status == 101, f"{self.ws.status} {self.ws.body()!r}"
        self.connected = self.next()
        assert self.connected["method"] == "connected", f"the first message is not `connected`: {self.connected}"
        self._ids = 0

    def next(self, timeout=15.0):
        message = json.loads(self.ws.next_text(timeout))
        for part in message if isinstance(message, list) else [message]:
            assert part["jsonrpc"] == "2.0", f"not JSON-RPC 2.0: {part}"
        return message

    def call(self, method, params=None):
        """Sends a request and returns its response, which must be the next message."""
        self._ids += 1
        self.ws.send_text(request(method, params, id=self._ids))
        response = self.next()
        assert response.get("id") == self._ids, f"the answer to {method} was due, not {response}"
        return response

    def result(self, method, params=None):
        response = self.call(method, params)
        assert set(response) == {"jsonrpc", "id", "result"}, f"{method} failed: {response}"
        return response["result"]

    def error(self, method, params=None):
        """The code of the error that a request gets."""
        response = self.call(method, params)
        assert set(response) == {"jsonrpc", "id", "error"}, f"{method} did not fail: {response}"
        assert isinstance(response["error"]["message"], str) and response["error"]["message"]
        return response["error"]["code"]

    def expect_silence(self):
        """Nothing is on its way: the answer to a ping is the next that comes."""
        assert self.result("ping", {}) == {"pong": True}

    def close(self):
        self.ws.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class RelayConnection(SurfaceConnection):
    def __init__(self, surface, connection, cursor, *, plain):
        self.surface, self.ws, self.socket = surface, connection, connection.socket
        self._has_ids = not plain
        self._cursor = cursor
        self._has_ended = False
        params = {"incidentId": _CARRIER["incidentId"]} | ({} if plain else {"lastEventId": cursor})
        self._send(request("investigation.subscribe", params, id="subscribe"))

    def _send(self, text):
        self._sent_at = time.monotonic()
        try:
            self.ws.send_text(text)
        except OSError:
            pass  # what the relay said before it ended the connection is still to be read

    def probe(self):
        """Asks for a sign of life, which comes as a `Heartbeat`."""
        self._send(request("ping", id="probe"))

    def next(self, timeout=15.0):
        deadline = time.monotonic() + timeout
        while True:
            if time.monotonic() - self._sent_at > _PING_EVERY:
                self._send(request("ping"))
            try:
                message = self.ws.next(deadline - time.monotonic())
            except ConnectionError:
                message = None
            if message is None:
                return Closed()
            if isinstance(message, Close):
                if self._has_ended:
                    continue
                return Ended(_REASONS.get(message.code, f"{message.code} {message.reason}"))
            if (meaning := self._meaning(json.loads(message.text))) is not None:
                return meaning

    def _meaning(self, message):
        """What a message is to a scenario; None for what a client only takes note of."""
        match message:
            case {"method": "connected" | "pong"}:
                return None
            case {"id": "subscribe", "result": {"subscriptionId": str(), "incidentId": "inc_scenario"}}:
                # A client that brought no place is told one at once.
                return None if self._cursor == NO_PLACE and self._has_ids else Opened(None)
            case {"id": "probe", "result": {"pong": True}}:
                return Heartbeat(None)
            case {"id": None, "error": {"code": -32001, "message": why}}:
                self._has_ended = True
                return Ended({"Authentication revoked": "token_revoked", "Authentication failed": "unauthorized"}.get(why, "token_expired"))
            case {"method": "stream.gap", "params": {"reason": "unknown_cursor", "id": id}} if self._cursor == NO_PLACE:
                self._cursor = id
                return Opened(id)
            case {"method": "stream.stalled" | "stream.live" as standing, "params": params}:
                assert list(params) == (["since"] if standing == "stream.stalled" else [])
                self.standings.append(standing == "stream.live")
                return None
            case {"method": "stream.gap", "params": params}:
                return Gap(params["id"], params["reason"], params.get("missedBefore"))
            case {"method": "investigation.progress" as type, "params": params}:
                id, timestamp = params.pop("id") if self._has_ids else None, params.pop("timestamp")
                assert {name: params.pop(name) for name in _CARRIER} == _CARRIER
                return Event(id, type, payload=params, timestamp=timestamp)
        raise AssertionError(f"not a message that was asked for: {message}")

    def cut(self):
        self.ws.cut()

    def close(self):
        self.ws.close()


class Relay(Surface):
    name = "relay"
    executable = "jsonrpc-relay"
    path = "/v1/connect"
    carries_everything = False
    has_heartbeats = False
    smallest_event = len(
        '\x81\x7e\x00\x7e{"jsonrpc":"2.0","method":"investigation.progress","params":{"n":1,"incidentId":"inc_scenario","message":"m",'
        '"agentName":"a","timestamp":"2024-04-01T14:32:10.000Z"}}'
    )

    def connect(self, edge, token, *, ticket=None, cursor=None, types=None, receive_buffer=None, plain=False):
        assert types is None, "the relay is not narrowed by types"
        credential = {"token": token} if ticket is None else {"query": {"ticket": ticket}}
        connection = WebSocketConnection(edge.url + self.path, receive_buffer=receive_buffer, **credential)
        if connection.status == 503:
            connection.close()
            return Refusal(self)
        assert connection.status == 101, f"{connection.status} {connection.body()!r}"
        return RelayConnection(self, connection, NO_PLACE if cursor is None else cursor, plain=plain)

    def numbered(self, number, tenant="acme", *, user=None, padding=0, prefix="n"):
        event = numbered(number, tenant, user=user, padding=padding, prefix=prefix, type="investigation.progress")
        event["payload"] |= _CARRIER
        return event
