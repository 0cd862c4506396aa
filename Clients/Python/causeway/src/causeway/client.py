"""The client: one object for one deployment and one token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

from ._timing import Backoff, Timing
from ._transport import Transport
from .approvals import Approvals
from .cursors import CursorStore
from .errors import CausewayError
from .events import NewEvent
from .following import EventStream, ExecutionStream
from .publishing import Publisher, batches, send
from .tokens import Token, TokenSource

Kind = Literal["agent", "workflow"]


class Causeway:
    """A client of Causeway for asyncio. Use it with `async with`; all methods may be called at the same time, from tasks of one event loop.

    Calls that fail for a reason that can pass (429, 503, no connection) are repeated for `patience` seconds, no earlier than `Retry-After`
    says, and raise the last failure then. They are safe to repeat: events have ids, decisions and consumptions keys.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        patience: float = 60.0,
        backoff: Backoff | None = None,
        silence: float = 75.0,
        http: httpx.AsyncClient | None = None,
    ):
        """`url`: of the deployment, such as `https://events.example.com`.

        `token`: a token, or a function (async or not) that returns one. It is called before the token expires, and after it was refused.

        `silence`: seconds without a byte after which a stream is broken; more than two heartbeats (30 s by default). `http`: a client with
        settings of your own, for a proxy or certificates, which you close yourself.
        """
        timing = Timing(backoff or Backoff())
        self._own_http = http is None
        # A stream has its connection for as long as it is open: a limit on connections would be one on streams.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        http = http or httpx.AsyncClient(timeout=httpx.Timeout(10, read=30), limits=limits)
        self._transport = Transport(url, TokenSource(token, timing), http, timing)
        self._patience, self._silence = patience, silence
        #: Approvals: ask, wait, consume, decide.
        self.approvals = Approvals(self._transport, patience=patience, silence=silence)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes its connections. Close streams and publishers before."""
        if self._own_http:
            await self._transport.http.aclose()

    # MARK: Publishing

    async def publish(self, event: NewEvent) -> str:
        """Publishes an event, and returns its id in the log once it is stored. Raises Refused, Unreachable and TokenFailed.

        After Unreachable and Unavailable it may be stored: publish the same object again. Within two minutes it is then stored once; later,
        it may be stored a second time if only the answer was lost.
        """
        [id] = await self.publish_all([event])
        return id

    async def publish_all(self, events: Iterable[NewEvent]) -> list[str]:
        """Publishes events in their order, and returns their ids in the log once all are stored.

        A request has at most 1,000 events and 4 MiB, and is stored as a whole or not at all. An error has a note that says which events
        were in the request that failed: those before them are stored. Publishing the same objects again is harmless, as for `publish`.
        """
        return [str(id) for id in await self._publish("/v1/events", list(events))]

    def publisher(self, *, on_refused: Callable[[NewEvent, CausewayError], None] | None = None, drain: float | None = None) -> Publisher:
        """A publisher in the background, for many events: `async with causeway.publisher() as publisher: await publisher.put(event)`.

        `on_refused` is called with each event that the server refuses, and the error; without it, leaving the `async with` raises them as a
        group. `drain`: seconds for which leaving it tries to store the rest; None for as long as it takes.
        """
        return Publisher(self._transport, on_refused=on_refused, drain=drain)

    async def publish_execution(
        self, kind: Kind, name: str, events: Sequence[NewEvent], *, execution: str | None = None, replace: bool = False
    ) -> list[int]:
        """Publishes events of an execution (docs/producing.md#executions-of-agents-and-workflows), and returns their numbers.

        `execution`: which one; by default the current one, or a new one. `replace`: ends another one that is running first.
        """
        if any(event.user is not None for event in events):
            raise ValueError("an event of an execution has no user")
        query = {"replace": "true"} if replace else None
        return [int(id) for id in await self._publish(f"/v1/executions/{kind}s/{quote(name, safe='')}/events", events, query, execution)]

    async def _publish(
        self, path: str, events: Sequence[NewEvent], query: dict[str, str] | None = None, execution: str | None = None
    ) -> list[Any]:
        ids: list[Any] = []
        for batch in batches(events, execution):
            try:
                answer = await send(self._transport, batch, path=path, patience=self._patience, query=query)
            except Exception as failure:
                failure.add_note(f"in the request with the events {len(ids)} to {len(ids) + len(batch) - 1} of {len(events)}")
                raise
            ids += answer["ids"]
            # The next request continues this one's execution.
            query = None
        return ids

    # MARK: Following

    def follow(self, types: Iterable[str] = (), *, after: str | None = None, store: CursorStore | None = None) -> EventStream:
        """Follows the tenant's events: `async with causeway.follow() as events: async for item in events`. Items are Event and Gap.

        `types`: exact types, and prefixes that end in `.*`; all, unless given. `after`: the id of the last event that you have; `""` for
        the oldest that is kept; None for new events alone. `store`: keeps the cursor, and once it has one, that counts. Needs the role
        `member` or `admin`.
        """
        wanted = types if isinstance(types, str) else ",".join(types)
        return EventStream(self._transport, {"types": wanted} if wanted else {}, after=after, store=store, silence=self._silence)

    def follow_execution(
        self, kind: Kind, name: str, *, execution: str | None = None, wait: bool = False, after: int | None = None
    ) -> ExecutionStream:
        """Follows an execution of an agent or a workflow, to its end. Items are ExecutionEvent and Gap.

        `execution`: which one; by default the current one. `wait`: until one starts, where NotFound would be raised. `after`: the number of
        the last event that you have; all, unless given.
        """
        query = ({"execution": execution} if execution else {}) | ({"wait": "true"} if wait else {})
        path = f"/api/streaming/{kind}s/{quote(name, safe='')}/stream"
        return ExecutionStream(self._transport, path, query, after=after, silence=self._silence)
