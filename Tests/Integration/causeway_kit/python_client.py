"""The Python client (Clients/Python/causeway) before real services: one address for all, as behind a proxy, and tests that are coroutines."""

import asyncio
import functools
import itertools

import httpx

from causeway import Backoff, Causeway

#: By the beginning of a path: the program that serves it.
_PROGRAMS = {
    "/v1/events": "event-producer",
    "/v1/executions/": "event-producer",
    "/v1/notifications/stream": "sse-edge",
    "/api/streaming/": "sse-edge",
    "/v1/notifications": "approval-api",
}


def run(test, timeout=90):
    """Makes a test of a coroutine."""

    @functools.wraps(test)
    def synchronously(*arguments, **named):
        asyncio.run(asyncio.wait_for(test(*arguments, **named), timeout))

    return synchronously


class Front(httpx.AsyncBaseTransport):
    """Sends each request to one of the services that serve its path, in turns. `tried`: the services, in the order of the requests."""

    def __init__(self, services):
        self._services = {program: itertools.cycle(several) for program, several in services.items()}
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
        self.tried = []

    async def handle_async_request(self, request):
        program = next(program for path, program in _PROGRAMS.items() if request.url.path.startswith(path))
        service = next(self._services[program])
        self.tried.append(service)
        request.url = request.url.copy_with(host="127.0.0.1", port=service.http_port)
        return await self._inner.handle_async_request(request)

    async def aclose(self):
        await self._inner.aclose()


class Client:
    """`async with Client(stack, token, edges=[…]) as causeway`: a client whose pauses are short."""

    def __init__(self, stack, token, *, edges=(), approvals=(), **options):
        self.front = Front({"event-producer": [stack.producer], "sse-edge": edges, "approval-api": approvals})
        self._http = httpx.AsyncClient(transport=self.front, timeout=30)
        self._client = Causeway("http://causeway.test", token, http=self._http, backoff=Backoff(first=0.05, max=0.5), **options)

    async def __aenter__(self):
        return self._client

    async def __aexit__(self, *_):
        await self._client.aclose()
        await self._http.aclose()
