"""Publishing in the background, in batches, from a bounded buffer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from ._transport import Transport, encode
from .errors import CausewayError, Conflict, InvalidRequest, Undelivered
from .events import NewEvent

_log = logging.getLogger("causeway")
#: Of one request: events, which is the server's limit, and bytes, far below its limit of 16 MiB.
_MOST_EVENTS, _MOST_BYTES = 1_000, 4 * 1024 * 1024
#: Bytes that a publisher holds; one event more, when it holds fewer.
_BUFFER = 32 * 1024 * 1024

_Encoded = tuple[NewEvent, bytes]


def batches(events: Sequence[NewEvent], execution: str | None = None) -> Iterator[list[_Encoded]]:
    """Cuts events into requests, in their order. Raises ValueError and TypeError for what JSON cannot hold, before the first.

    `execution`: the one that they belong to, if it is named.
    """
    named = {} if execution is None else {"execution": execution}
    encoded = deque((event, encode(event.body() | named)) for event in events)
    while encoded:
        yield _take_batch(encoded)


def _take_batch(encoded: deque[_Encoded]) -> list[_Encoded]:
    batch = [encoded.popleft()]
    size = len(batch[0][1])
    while encoded and len(batch) < _MOST_EVENTS and size + len(encoded[0][1]) <= _MOST_BYTES:
        batch.append(encoded.popleft())
        size += len(batch[-1][1])
    return batch


async def send(transport: Transport, batch: Sequence[_Encoded], *, path: str, patience: float | None, query: dict[str, str] | None = None) -> Any:
    """Sends one request with these events, until it is answered, and returns the answer."""
    body = b"[" + b",".join(bytes for _, bytes in batch) + b"]"
    return await transport.call("POST", path, body=body, query=query, patience=patience)


class Publisher:
    """Publishes events in the background: `put` returns as soon as there is room for the event.

    What `put` has taken is stored, or handed to `on_refused`, or is in `undelivered`; the order is kept. It is held in memory: a crash of
    the process loses what was not stored yet. An event that must survive that is published with `Causeway.publish`.
    """

    def __init__(self, transport: Transport, *, on_refused: Callable[[NewEvent, CausewayError], None] | None, drain: float | None):
        self._transport, self._on_refused, self._drain = transport, on_refused, drain
        self._waiting: deque[_Encoded] = deque()
        self._under_way: list[_Encoded] = []
        self._size = 0
        self._is_closing = False
        self._changed = asyncio.Condition()
        self._failures: list[Exception] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="causeway publisher")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def put(self, event: NewEvent) -> None:
        """Takes an event; waits while the buffer is full. Raises ValueError and TypeError for what JSON cannot hold."""
        bytes = encode(event.body())
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < _BUFFER or self._has_ended)
            if self._has_ended:
                raise RuntimeError("the publisher is not running: put events inside its `async with`")
            self._waiting.append((event, bytes))
            self._size += len(bytes)
            self._changed.notify_all()

    async def flush(self) -> None:
        """Waits until everything that was taken is stored or refused."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size == 0 or self._task is None or self._task.done())

    async def aclose(self) -> None:
        """Sends the rest, for at most `drain` seconds, and ends. Raises Undelivered, or a group of what was refused without `on_refused`."""
        if self._task is None:
            return
        async with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        try:
            await asyncio.wait_for(self._task, self._drain)
        except TimeoutError:
            raise Undelivered(self.undelivered) from None
        if self._failures:
            failures, self._failures = self._failures, []
            raise ExceptionGroup("events were not published", failures)

    @property
    def undelivered(self) -> list[NewEvent]:
        """What was taken and is not acknowledged; some of it may be stored."""
        return [event for event, _ in [*self._under_way, *self._waiting]]

    @property
    def _has_ended(self) -> bool:
        return self._task is None or self._task.done() or self._is_closing

    async def _run(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting or self._is_closing)
                if not self._waiting:
                    return
                self._under_way = _take_batch(self._waiting)
            sent = sum(len(bytes) for _, bytes in self._under_way)
            await self._send(self._under_way)
            async with self._changed:
                self._under_way = []
                self._size -= sent
                self._changed.notify_all()

    async def _send(self, batch: list[_Encoded]) -> None:
        """Sends a batch. One that is refused for its content is sent in halves, so that one bad event keeps no other back."""
        try:
            await send(self._transport, batch, path="/v1/events", patience=None)
        except CausewayError as failure:
            if len(batch) > 1 and isinstance(failure, InvalidRequest | Conflict):
                middle = len(batch) // 2
                await self._send(batch[:middle])
                await self._send(batch[middle:])
                return
            _log.warning("%d events from %s on were not published: %s", len(batch), batch[0][0].id, failure)
            if self._on_refused is None:
                failure.add_note(f"{len(batch)} events from {batch[0][0].id} on, of the type {batch[0][0].type}")
                self._failures.append(failure)
                return
            for event, _ in batch:
                self._report(event, failure, self._on_refused)

    def _report(self, event: NewEvent, failure: CausewayError, on_refused: Callable[[NewEvent, CausewayError], None]) -> None:
        try:
            on_refused(event, failure)
        except Exception as error:
            self._failures.append(error)
