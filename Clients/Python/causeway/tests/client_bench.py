"""A client whose server is a function, and whose clock stands still until it pauses."""

import asyncio
import functools
import json

import httpx

from causeway import Backoff, Causeway
from causeway._timing import Timing

URL = "http://causeway.test"


def run(test):
    """Makes a test of a coroutine."""

    @functools.wraps(test)
    def synchronously(*arguments, **named):
        asyncio.run(asyncio.wait_for(test(*arguments, **named), 60))

    return synchronously


class Clock(Timing):
    """The clocks of a client, without chance. `pauses` are those that it has made."""

    def __init__(self, now=1_700_000_000.0):
        super().__init__(Backoff(first=0.5, factor=2, max=30, jitter=0))
        self.time = now
        self.pauses = []

    def monotonic(self):
        return self.time

    def now(self):
        return self.time

    def chance(self):
        return 0.0

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        self.time += seconds


class Bench:
    """`async with Bench(answers) as bench`: `bench.client` gets these answers, one for each request; an exception is raised, a function is called."""

    def __init__(self, answers, *, token="token-1", **options):
        self.requests = []
        self.answers = list(answers)
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.client = Causeway(URL, token, http=self.http, **options)
        self.clock = Clock()
        self.client._transport.timing = self.client._transport.tokens._timing = self.clock

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.aclose()

    def _answer(self, request):
        self.requests.append(request)
        assert self.answers, f"one request too many: {request.method} {request.url}"
        answer = self.answers.pop(0)
        if callable(answer) and not isinstance(answer, httpx.Response):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def bodies(self):
        return [json.loads(request.content) for request in self.requests]


def accepted(*ids):
    return httpx.Response(202, json={"accepted": len(ids), "ids": ids})


def problem(status, code, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": code, "message": "what to do"}, headers=fields)


class Pieces(httpx.AsyncByteStream):
    """A body in these pieces; an exception among them is raised."""

    def __init__(self, *pieces):
        self._pieces = pieces

    async def __aiter__(self):
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def stream(*pieces, **headers):
    """An event stream that ends behind these pieces."""
    fields = {"content-type": "text/event-stream; charset=utf-8"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=fields, stream=Pieces(*pieces))


def begun(id):
    """The first block; None: a gap follows, which has the place."""
    return b"retry: 2000\n\n" if id is None else b"retry: 2000\nid: %s\n\n" % id.encode()


def event(cursor, type="load.tick", **payload):
    data = json.dumps({"type": type} | payload | {"timestamp": "2024-04-01T14:32:10.000Z"})
    return f"id: {cursor}\nevent: {type}\ndata: {data}\n\n".encode()


def said(type, id=None, retry=None, **data):
    fields = [f"retry: {retry}"] * (retry is not None) + [f"id: {id}"] * (id is not None)
    return "\n".join([*fields, f"event: {type}", f"data: {json.dumps(data)}", "", ""]).encode()
