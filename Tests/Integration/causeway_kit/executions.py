"""Executions of agents and workflows (contract §9): publishing their events and watching them."""

import json
from urllib.parse import quote

from .sse import SSEConnection, SSEParser


def events_path(kind, name):
    """Where events of `name` are published; kind is `agents` or `workflows`."""
    return f"/v1/executions/{kind}/{quote(name, safe='')}/events"


def stream_path(kind, name):
    return f"/api/streaming/{kind}/{quote(name, safe='')}/stream"


class ExecutionParser(SSEParser):
    """As on the notification stream, with comments, which are counted and passed over."""

    def __init__(self):
        super().__init__()
        self.heartbeats = 0

    def feed(self, data):
        *complete, self._rest = (self._rest + data).split(b"\n\n")
        self.heartbeats += complete.count(b": heartbeat")
        return [self._block(lines + b"\n\n") for lines in complete if lines != b": heartbeat"]


class ExecutionStream:
    """One `GET` of an execution stream."""

    def __init__(self, edge, kind, name, token, /, *, last=None, **query):
        """`last`: the `Last-Event-ID`; further arguments are the query's."""
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        self._parser = ExecutionParser()
        url = edge.url + stream_path(kind, name)
        self._connection = SSEConnection(url, token=token, headers=headers, query=query or None, parser=self._parser)
        self.status = self._connection.status
        self.headers = self._connection.headers
        self.is_over = False
        #: Reports about the log, in order: True for reachable, False for unreachable. `next` skips them.
        self.standings = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def heartbeats(self):
        return self._parser.heartbeats

    def next(self, timeout=15.0):
        """The next event as `(id, type, data)`; None after a regular end of the stream."""
        while block := self._connection.next_block(timeout):
            if block.event in ("stream.stalled", "stream.live"):
                self.standings.append(block.event == "stream.live")
            elif block.data is not None:
                return (None if block.id is None else int(block.id), block.event, block.data)
        self.is_over = True
        return None

    def take(self, count, timeout=15.0):
        """The next `count` events."""
        return [self.next(timeout) for _ in range(count)]

    def rest(self, timeout=15.0):
        """All events until the stream ends."""
        events = []
        while (event := self.next(timeout)) is not None:
            events.append(event)
        return events

    def error(self):
        """The JSON of a response that is not a stream."""
        return json.loads(self._connection.body())

    def close(self):
        self._connection.close()


class Executions:
    """Publishes events of one agent or workflow through the intake."""

    def __init__(self, intake, kind, name, tenant):
        self.intake, self.kind, self.name, self.tenant = intake, kind, name, tenant

    def post(self, content, **options):
        """Sends one raw request."""
        return self.intake.post(content, path=events_path(self.kind, self.name), **options)

    def publish(self, *events, execution=None):
        """Publishes `(type, payload)` pairs in one request and returns the answer."""
        named = {} if execution is None else {"execution": execution}
        response = self.post([{"type": type, "payload": payload, "tenant": self.tenant} | named for type, payload in events])
        assert response.status_code == 202, f"{response.status_code} {response.text}"
        return response.json()

    def progress(self, *fractions, execution=None):
        return self.publish(*(("progress", {"progress": fraction}) for fraction in fractions), execution=execution)
