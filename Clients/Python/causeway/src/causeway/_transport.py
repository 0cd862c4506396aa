"""Requests: with the token, repeated as the server asks, and their answers as values or errors."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import httpx

from ._timing import Timing
from .errors import CausewayError, TokenFailed, Unauthorized, UnexpectedAnswer, Unreachable, refused
from .tokens import TokenSource

_log = logging.getLogger("causeway")
#: What a header carries unchanged.
_SENDABLE = re.compile(r"[\x21-\x7e]*")


class Transport:
    """Sends a client's requests to one deployment."""

    def __init__(self, url: str, tokens: TokenSource, http: httpx.AsyncClient, timing: Timing):
        parts = httpx.URL(url)
        if parts.scheme not in ("http", "https") or not parts.host or parts.query or parts.fragment or parts.userinfo:
            raise ValueError("the URL of a deployment is http://HOST or https://HOST, perhaps with a port and a path")
        self._url = url.rstrip("/")
        self.tokens, self.timing = tokens, timing
        self.http = http

    async def call(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
        patience: float | None,
    ) -> Any:
        """Sends a request until it is answered, and returns the JSON of the answer.

        Only for requests that have their effect once, however often they are sent: with ids, or with an Idempotency-Key (`key`).

        `patience`: for how many seconds it is repeated; None for ever. Raises Refused, Unreachable and TokenFailed.
        """
        if key is not None and not (_SENDABLE.fullmatch(key) and 0 < len(key) <= 256):
            raise ValueError("a key has 1 to 256 visible ASCII characters")
        headers = {"Accept": "application/json"} | ({"Idempotency-Key": key} if key is not None else {})
        content = encode(json_body) if json_body is not None else body
        if content is not None:
            headers["Content-Type"] = "application/json"
        deadline = None if patience is None else self.timing.monotonic() + patience
        failures = 0
        while True:
            failure: CausewayError
            retry_after = None
            token = None
            try:
                token = await self.tokens.get()
                fields = headers | {"Authorization": f"Bearer {token}"}
                response = await self.http.request(method, self._url + path, params=query, content=content, headers=fields)
                if response.is_success:
                    self.tokens.accepted(token)
                    return _value_of(response)
                problem = refused(response)
                if isinstance(problem, Unauthorized) and self.tokens.refuse(token):
                    continue
                if not problem.can_repeat:
                    raise problem
                failure, retry_after = problem, problem.retry_after
            except httpx.TransportError as error:
                failure = Unreachable(f"{method} {path} got no answer ({type(error).__name__}): check the address, and try again")
                failure.__cause__ = error
            except TokenFailed as error:
                failure = error
            failures += 1
            pause = self.timing.pause_after(failures, retry_after)
            if deadline is not None and self.timing.monotonic() + pause > deadline:
                raise failure
            _log.info("%s %s is repeated in %.1f s: %s", method, path, pause, failure)
            await self.timing.sleep(pause)

    async def open(self, path: str, token: str, *, query: Mapping[str, str], cursor: str | None, silence: float) -> httpx.Response:
        """Begins a stream, whatever its status; the caller closes it. `silence`: seconds without a byte after which it is broken."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        if cursor is not None:
            # Any value gets an answer: one that no header carries, say of a damaged file, is sent as one that is no cursor, and gets a gap.
            headers["Last-Event-ID"] = cursor if _SENDABLE.fullmatch(cursor) else "malformed"
        timeout = httpx.Timeout(10, read=silence, pool=None)
        request = self.http.build_request("GET", self._url + path, params=query, headers=headers, timeout=timeout)
        return await self.http.send(request, stream=True)


def encode(value: Any) -> bytes:
    """The JSON of a value. Raises ValueError and TypeError for what JSON cannot hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _value_of(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise UnexpectedAnswer(f"the answer {response.status_code} is not JSON: check the URL, and the proxies on the way") from None
