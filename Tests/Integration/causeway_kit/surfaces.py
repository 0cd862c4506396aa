"""The ways out of the log, seen alike.

A scenario that must hold on every surface (resume, isolation, a slow reader, a bus that restarts, a drain) is written once, over
`Surface`. A new surface adds a class and an entry to `every_surface.SURFACES`.
"""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass

from .intake import numbered
from .sse import SSEConnection


@dataclass(frozen=True)
class Opened:
    """The stream has begun; the client can resume from `id`. None: from wherever it wanted to begin."""

    id: str | None


@dataclass(frozen=True)
class Event:
    id: str | None
    type: str
    payload: dict
    timestamp: str


@dataclass(frozen=True)
class Heartbeat:
    """A sign of life; the client can resume from `id`, where the surface says one."""

    id: str | None


@dataclass(frozen=True)
class Gap:
    """The client gets less than it asked for (contract §3)."""

    id: str | None
    reason: str
    missed_before: str | None


@dataclass(frozen=True)
class Ended:
    """The server has said goodbye and why."""

    reason: str


@dataclass(frozen=True)
class Closed:
    """The connection is over; nothing more comes."""


class SurfaceConnection(ABC):
    """One client of one surface.

    `surface`: which; `socket`: for tests that read for themselves what follows the messages handed out so far.
    """

    surface = None
    socket = None

    @property
    def standings(self):
        """What the client was told of the log, in order: True when it can be reached, False when it cannot (contract §3). `next` passes that over."""
        return self.__dict__.setdefault("_standings", [])

    @abstractmethod
    def next(self, timeout=15.0):
        """The next message. `TimeoutError` when none came in time. A broken connection is a `Closed` like any other."""

    @abstractmethod
    def cut(self):
        """Breaks the connection without a word; what was not yet read is lost."""

    @abstractmethod
    def close(self): ...

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def next_event(self, timeout=15.0):
        """The next event, heartbeats passed over; anything else in its place is a failure."""
        while isinstance(message := self.next(timeout), Heartbeat):
            pass
        assert isinstance(message, Event), f"an event was due, not {message}"
        return message

    def events(self, count, timeout=15.0):
        return [self.next_event(timeout) for _ in range(count)]

    def expect_end(self, reason, timeout=15.0):
        """The server ends the stream for that reason, and closes the connection. Heartbeats before it are passed over: phases are spread, so any
        connection's may be due."""
        while isinstance(message := self.next(timeout), Heartbeat):
            pass
        assert message == Ended(reason), f"the end ({reason}) was due, not {message}"
        try:
            message = self.next(timeout=5)
        except TimeoutError:
            raise AssertionError("the server has said goodbye, but does not close the connection") from None
        assert message == Closed(), f"after the goodbye there came {message}"


class Refusal(SurfaceConnection):
    """A handshake that was answered with 503, as by an edge that has just started without the bus: what others say once the stream is open."""

    def __init__(self, surface):
        self.surface = surface
        self._messages = [Closed(), Ended("unavailable")]

    def next(self, timeout=15.0):
        return self._messages.pop() if len(self._messages) > 1 else self._messages[0]

    def cut(self):
        pass

    def close(self):
        pass


class Surface(ABC):
    """A way out of the log."""

    name: str
    #: The executable that serves it.
    executable: str
    #: The fewest bytes in which it can send the event that `numbered` makes.
    smallest_event: int
    #: Whether it carries all of a tenant's events and narrows them by `types`; else only those that were subscribed to.
    carries_everything = True
    #: Whether it sends a heartbeat at every interval, with a place to resume from.
    has_heartbeats = True
    #: Whether one connection carries everything until one side ends it.
    is_stream = True

    @abstractmethod
    def connect(self, edge, token, *, ticket=None, cursor=None, types=None, receive_buffer=None, plain=False):
        """A `SurfaceConnection`. `cursor`: None for live only, "" for the oldest event kept, else the id to resume after.

        `ticket`: sent in place of `token`, for which it was issued (contract §13).
        `plain`: live only, and without ids where the surface can leave them out. Raises `OSError` when the edge cannot be reached.
        """

    def numbered(self, number, tenant="acme", *, user=None, padding=0, prefix="n"):
        """`intake.numbered`, made so that this surface carries it. The `Event` that comes has the payload `{"n": number}` all the same."""
        return numbered(number, tenant, user=user, padding=padding, prefix=prefix)

    def __repr__(self):
        return self.name


class NotificationStreamConnection(SurfaceConnection):
    """Contract §4."""

    def __init__(self, surface, connection):
        self.surface, self.sse, self.socket = surface, connection, connection.socket
        self._expects_gap = False

    def next(self, timeout=15.0):
        try:
            block = self.sse.next_block(timeout)
        except ConnectionError:
            block = None
        if block is None:
            return Closed()
        assert not self._expects_gap or block.event == "stream.gap", f"an opening without a place, and no gap: {block.raw!r}"
        if block.event is None:
            self._expects_gap = block.id is None
            return Opened(block.id)
        self._expects_gap = False
        data = json.loads(block.data)
        match block.event:
            case "ping":
                return Heartbeat(block.id)
            case "stream.gap":
                return Gap(block.id, data["reason"], data.get("missedBefore"))
            case "stream.stalled" | "stream.live" as standing:
                assert block.id is None and list(data) == (["since"] if standing == "stream.stalled" else []), block.raw
                self.standings.append(standing == "stream.live")
                return self.next(timeout)
            case "stream.end":
                return Ended(data["reason"])
        assert data.pop("type") == block.event, f"event and data disagree about the type: {block.raw!r}"
        return Event(block.id, block.event, payload=data, timestamp=data.pop("timestamp"))

    def cut(self):
        self.sse.cut()

    def close(self):
        self.sse.close()


class NotificationStream(Surface):
    name = "notification stream"
    executable = "sse-edge"
    path = "/v1/notifications/stream"
    smallest_event = len(
        'id: evt_01HX9VTPQR3KF8MZWBYD5N6JCE\nevent: load.tick\ndata: {"type":"load.tick","n":1,"timestamp":"2024-04-01T14:32:10.000Z"}\n\n'
    )

    def connect(self, edge, token, *, ticket=None, cursor=None, types=None, receive_buffer=None, plain=False):
        headers = {} if cursor is None else {"Last-Event-ID": cursor}
        query = ({} if types is None else {"types": types}) | ({} if ticket is None else {"ticket": ticket})
        bearer = token if ticket is None else None
        connection = SSEConnection(edge.url + self.path, token=bearer, query=query, headers=headers, receive_buffer=receive_buffer, pings=True)
        assert connection.status == 200, f"{connection.status} {connection.body()!r}"
        return NotificationStreamConnection(self, connection)
