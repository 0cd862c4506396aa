"""The workspace stream as a surface like the others (contract §5)."""

import json

import jwt

from .surfaces import Closed, Ended, Event, Gap, Heartbeat, Opened, Refusal, Surface, SurfaceConnection
from .websocket import Close, WebSocketConnection

#: What the close codes say that other surfaces say in words.
_REASONS = {1001: "draining", 4401: "token_expired", 1008: "limit", 1011: "unavailable"}
#: No cursor at all. A client that wants ids from the first event on, and nothing of the past, resumes from it: the gap names the place.
NO_PLACE = "live"


def workspace_of(token):
    """The tenant that a token names, as the stream's `workspace` wants it."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return next(claims[name] for name in ("tenant_id", "workspace_id", "org_id") if name in claims)


def parse_frame(text, *, has_id=False):
    """A frame's members, which are exactly those of the contract, in its order."""
    members = json.loads(text)
    want = ["type", "payload", "ts"] + (["id"] if has_id else [])
    assert list(members) == want, f"a frame has the members {want}: {text[:200]!r}"
    return members


class WorkspaceStreamConnection(SurfaceConnection):
    def __init__(self, surface, connection, cursor, *, plain):
        self.surface, self.ws, self.socket = surface, connection, connection.socket
        self._has_ids = not plain
        # None until the opening was handed out.
        self._cursor = cursor

    def next(self, timeout=15.0):
        try:
            message = self.ws.next(timeout)
            if message is not None and self.ws.closed_with is not None:
                if message.code == 4401 and "revoked" in message.reason:
                    return Ended("token_revoked")
                return Ended(_REASONS.get(message.code, f"{message.code} {message.reason}"))
        except ConnectionError:
            message = None
        if message is None:
            return Closed()
        assert not isinstance(message, Close)
        type = json.loads(message.text)["type"]
        members = parse_frame(message.text, has_id=self._has_ids and type != "connected")
        id, payload = members.get("id"), members["payload"]
        match type:
            case "connected":
                # A client that brought no place is told one at once.
                return self.next(timeout) if self._cursor == NO_PLACE and self._has_ids else Opened(None)
            case "heartbeat":
                assert payload in ({"ok": True}, {"ok": False})
                # It says so each time; only changes are news.
                if payload["ok"] != (self.standings or [True])[-1]:
                    self.standings.append(payload["ok"])
                return Heartbeat(id)
            case "stream.gap" if self._cursor == NO_PLACE and payload["reason"] == "unknown_cursor":
                self._cursor = id
                return Opened(id)
            case "stream.gap":
                return Gap(id, payload["reason"], payload.get("missedBefore"))
        return Event(id, type, payload=payload, timestamp=members["ts"])

    def cut(self):
        self.ws.cut()

    def close(self):
        self.ws.close()


class WorkspaceStream(Surface):
    name = "workspace stream"
    executable = "websocket-edge"
    path = "/v1/stream"
    smallest_event = len('\x81\x4d{"type":"load.tick","payload":{"n":1},"ts":"2024-04-01T14:32:10.000Z"}')

    def connect(self, edge, token, *, ticket=None, cursor=None, types=None, receive_buffer=None, plain=False):
        query = ({"token": token} if ticket is None else {"ticket": ticket}) | {"workspace": workspace_of(token)}
        cursor = NO_PLACE if cursor is None else cursor
        query |= {} if plain else {"last_event_id": cursor}
        query |= {} if types is None else {"types": types}
        connection = WebSocketConnection(edge.url + self.path, query=query, receive_buffer=receive_buffer)
        if connection.status == 503:
            connection.close()
            return Refusal(self)
        assert connection.status == 101, f"{connection.status} {connection.body()!r}"
        return WorkspaceStreamConnection(self, connection, cursor, plain=plain)
