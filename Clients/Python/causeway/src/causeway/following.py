"""Streams that reconnect and resume by themselves."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar
from urllib.parse import unquote

import httpx

from ._sse import Block, EventStreamParser
from ._transport import Transport
from .cursors import CursorStore
from .errors import CausewayError, Refused, TokenFailed, Unauthorized, UnexpectedAnswer, refused
from .events import Event, ExecutionEvent, Gap

_log = logging.getLogger("causeway")
Item = TypeVar("Item")


class State(StrEnum):
    """What a stream is doing."""

    #: Not connected, about to connect, or waiting until it does.
    CONNECTING = "connecting"
    #: Connected; events arrive.
    LIVE = "live"
    #: Connected, but the server cannot reach the log. Nothing is lost.
    STALLED = "stalled"
    #: Over: closed, or the execution has ended.
    ENDED = "ended"


class _Connection:
    """The blocks of one response."""

    def __init__(self, response: httpx.Response):
        self.response = response
        self._parser = EventStreamParser()
        self._blocks: deque[Block] = deque()
        self._bytes = response.aiter_bytes()

    async def next(self) -> Block | None:
        """The next block; None at the end of the response."""
        while not self._blocks:
            try:
                self._blocks += self._parser.feed(await anext(self._bytes))
            except StopAsyncIteration:
                return None
        return self._blocks.popleft()


class _Stream(ABC, Generic[Item]):
    """Follows a stream over server-sent events, for one reader at a time: `async for`, or `anext` with a time limit.

    It reconnects after every failure that can pass, with growing random pauses, and continues behind the item that it returned last: no
    item is lost or returned twice. It raises Refused for a failure that cannot pass, such as Forbidden.
    """

    def __init__(self, transport: Transport, path: str, query: dict[str, str], *, cursor: str | None, silence: float):
        self._transport, self._path, self._query, self._silence = transport, path, query, silence
        self._cursor = cursor
        self._state = State.CONNECTING
        self._connection: _Connection | None = None
        # Failures in a row, and the seconds that the server named for the next attempt.
        self._failures = 0
        self._retry_after: float | None = None
        self._must_pause = False
        # An item that was read before the reader asked for one, with the cursor behind it.
        self._pending: tuple[Item, str | None] | None = None

    @property
    def cursor(self) -> str | None:
        """The place behind the item that was returned last."""
        return self._cursor

    @property
    def state(self) -> State:
        """What it is doing."""
        return self._state

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends it."""
        self._state = State.ENDED
        await self._disconnect()

    async def __anext__(self) -> Item:
        try:
            await self._begin_next()
            if self._pending is not None:
                (pending, self._cursor), self._pending = self._pending, None
                return pending
            while self._state is not State.ENDED:
                if self._connection is None:
                    await self._connect()
                elif (item := await self._read(self._connection)) is not None:
                    return item
        except BaseException:
            # Of a call that was cancelled in the middle of reading, too: the next one connects again, and continues at the cursor.
            await self._disconnect()
            raise
        await self.aclose()
        raise StopAsyncIteration

    async def _begin_next(self) -> None:
        """Called when the reader asks for the next item, so has processed the last."""

    @abstractmethod
    async def _item_of(self, block: Block, data: Any) -> Item | None:
        """The item of a block with data; None for one that has none."""

    def _began(self, response: httpx.Response) -> None:
        """Looks at the head of a stream."""

    async def _at_place(self, block: Block) -> None:
        """Looks at a block without data."""

    # MARK: Connecting

    async def _connect(self) -> None:
        self._state = State.CONNECTING
        if self._must_pause:
            await self._transport.timing.sleep(self._transport.timing.pause_after(self._failures, self._retry_after))
        try:
            token = await self._transport.tokens.get()
            response = await self._transport.open(self._path, token, query=self._query, cursor=self._cursor, silence=self._silence)
        except (TokenFailed, httpx.TransportError) as failure:
            self._failed(failure)
            return
        try:
            if response.status_code == 200:
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise UnexpectedAnswer("the answer is not an event stream: check the URL, and the proxies on the way")
                self._transport.tokens.accepted(token)
                self._began(response)
                self._connection = _Connection(response)
                return
            if response.status_code == 204:
                self._state = State.ENDED
            else:
                await response.aread()
                self._judge(refused(response), token)
        except httpx.TransportError as failure:
            self._failed(failure)
        finally:
            if self._connection is None:
                await response.aclose()

    def _judge(self, problem: Refused, token: str) -> None:
        if isinstance(problem, Unauthorized) and self._transport.tokens.refuse(token):
            self._must_pause = False
        elif problem.can_repeat or problem.status >= 500:
            self._failed(problem, problem.retry_after)
        else:
            raise problem

    def _failed(self, failure: CausewayError | httpx.TransportError | str, retry_after: float | None = None) -> None:
        """Takes note of a failure that can pass."""
        self._failures += 1
        self._must_pause, self._retry_after = True, retry_after
        reason = type(failure).__name__ if isinstance(failure, httpx.TransportError) else failure
        _log.info("%s: reconnecting: %s", self._path, reason)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.response.aclose()

    # MARK: Reading

    async def _read(self, connection: _Connection) -> Item | None:
        """Reads one block. Returns its item, if it has one."""
        try:
            block = await connection.next()
        except httpx.TransportError as failure:
            # Among them the timeout: no byte came for longer than heartbeats take.
            self._failed(failure)
            block = None
        else:
            if block is None:
                self._failed("the connection ended")
        if block is None:
            await self._disconnect()
            return None
        if block.data is None:
            await self._at_place(block)
            return None
        try:
            data = json.loads(block.data)
        except ValueError:
            raise UnexpectedAnswer(f"an event of the type {block.type} is not JSON") from None
        match block.type:
            case "stream.end":
                await self._ended(str(data.get("reason")), block.retry)
                return None
            case "stream.stalled":
                self._state = State.STALLED
                return None
            case "stream.live":
                self._is_served()
                return None
        self._is_served()
        return await self._item_of(block, data)

    def _is_served(self) -> None:
        """Takes note that the connection works: pauses begin anew."""
        self._state = State.LIVE
        self._failures, self._must_pause, self._retry_after = 0, False, None

    async def _ended(self, reason: str, retry: int | None) -> None:
        await self._disconnect()
        if reason in ("token_expired", "token_revoked"):
            # At once: the answer to the next token says what it is worth, and a fixed one gets 401.
            self._failed(reason, None if self._failures else 0)
        else:
            self._failed(reason, retry / 1000 if reason == "draining" and retry is not None else None)


class EventStream(_Stream[Event | Gap]):
    """Every event of the tenant that the token's user may see, and gaps where events are missing.

    With a `store`, a restarted process continues behind the last item that was processed: the cursor of an item is saved when the next one
    is asked for. An item is processed at least once: a process that ends before that gets it again.
    """

    def __init__(self, transport: Transport, query: dict[str, str], *, after: str | None, store: CursorStore | None, silence: float):
        super().__init__(transport, "/v1/notifications/stream", query, cursor=after, silence=silence)
        self._store = store
        self._is_loaded = store is None
        self._saved: str | None = None

    async def opened(self) -> None:
        """Connects, and returns when the server has said where the stream begins. Every event from then on arrives, also after an interruption.

        A gap at the beginning is the first item.
        """
        try:
            await self._begin_next()
            while self._pending is None and (self._connection is None or self._state is State.CONNECTING):
                if self._connection is None:
                    await self._connect()
                    continue
                before = self._cursor
                if (item := await self._read(self._connection)) is not None:
                    # Until it is returned, the cursor stays before it: a store must not have the place behind an item that nobody has seen.
                    self._pending, self._cursor = (item, self._cursor), before
        except BaseException:
            await self._disconnect()
            raise

    async def save(self) -> None:
        """Saves the cursor behind the item that was returned last, for a reader that asks for no other."""
        if self._store is not None and self._is_loaded and self._cursor and self._cursor != self._saved:
            await self._store.save(self._cursor)
            self._saved = self._cursor

    async def _begin_next(self) -> None:
        if not self._is_loaded and self._store is not None:
            self._saved = await self._store.load()
            self._cursor = self._saved or self._cursor
            self._is_loaded = True
        await self.save()

    async def _at_place(self, block: Block) -> None:
        # The first block has the place where the stream begins; before a gap it has none.
        if block.id:
            self._is_served()
            await self._move_to(block.id)

    async def _move_to(self, id: str) -> None:
        """Takes a place at which there is no item."""
        self._cursor = id
        await self.save()

    async def _item_of(self, block: Block, data: Any) -> Event | Gap | None:
        if block.type == "ping":
            if block.id:
                await self._move_to(block.id)
            return None
        self._cursor = block.id or self._cursor
        if block.type == "stream.gap":
            return Gap(str(data.get("reason")), data.get("missedBefore"))
        try:
            time, type = datetime.fromisoformat(data.pop("timestamp")), data.pop("type")
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UnexpectedAnswer(f"an event of the type {block.type} has no time: check the URL, and the proxies on the way") from None
        return Event(block.id or "", type, data, time)


class ExecutionStream(_Stream[ExecutionEvent | Gap]):
    """One execution of an agent or a workflow, from its first event to its last, which ends it."""

    def __init__(self, transport: Transport, path: str, query: dict[str, str], *, after: int | None, silence: float):
        super().__init__(transport, path, query, cursor=None if after is None else str(after), silence=silence)
        self._is_over = False

    @property
    def execution(self) -> str | None:
        """The execution's id, as far as the server has named it."""
        return self._query.get("execution")

    def _began(self, response: httpx.Response) -> None:
        name = response.headers.get("causeway-execution")
        if name:
            # A reconnect asks for this one, whatever runs by then.
            self._query = self._query | {"execution": unquote(name)}

    async def _begin_next(self) -> None:
        if self._is_over:
            await self.aclose()

    async def _item_of(self, block: Block, data: Any) -> ExecutionEvent | Gap | None:
        if block.type == "stream.gap":
            return Gap(str(data.get("reason")), data.get("missedBefore"))
        if block.id is None or not block.id.isdigit():
            raise UnexpectedAnswer("an event of an execution has no number: check the URL, and the proxies on the way")
        self._cursor = block.id
        event = ExecutionEvent(int(block.id), block.type or "message", data)
        self._is_over = event.is_final
        return event
