"""Tokens: a fixed one, or a function that gets one, called before it expires and after it was refused."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import logging
import re
from collections.abc import Awaitable, Callable

from ._timing import Timing
from .errors import TokenFailed

#: A token, or a function that returns one.
Token = str | Callable[[], str | Awaitable[str]]

_log = logging.getLogger("causeway")
#: Seconds before `exp` at which a token is renewed, unless it lives for less than a minute.
_LEAD = 30.0
#: How many tokens in a row the server may refuse before no more are asked for.
_MOST_REFUSALS = 3
#: What a header can carry (RFC 6750 §2.1). Others would be named in the error of an HTTP library.
_SENDABLE = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class TokenSource:
    """Holds the token. One call of the function at a time serves all who wait."""

    def __init__(self, token: Token, timing: Timing):
        self._renew = None if isinstance(token, str) else token
        self._held = _checked(token) if isinstance(token, str) else None
        self._timing = timing
        self._renew_at: float | None = None
        self._expires_at: float | None = None
        self._refusals = 0
        # The last failure of the function, how many there were in a row, and when it is called again.
        self._failure: TokenFailed | None = None
        self._failures = 0
        self._ask_at = 0.0
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """The token; a new one if the last is about to expire or was refused. Raises TokenFailed."""
        async with self._lock:
            if self._renew is None or (self._held is not None and not self._is_past(self._renew_at)):
                assert self._held is not None
                return self._held
            if self._failure is None or self._timing.monotonic() >= self._ask_at:
                try:
                    self._hold(await self._ask())
                    self._failure, self._failures = None, 0
                except TokenFailed as failure:
                    self._failed(failure)
            if self._failure is not None and (self._held is None or self._is_past(self._expires_at)):
                raise self._failure
            assert self._held is not None
            return self._held

    def refuse(self, token: str) -> bool:
        """Says that the server refused a token. Returns whether another attempt makes sense."""
        if self._renew is None:
            return False
        if token == self._held:
            self._held = None
            self._refusals += 1
        return self._refusals < _MOST_REFUSALS

    def accepted(self, token: str) -> None:
        """Says that the server accepted a token."""
        if token == self._held:
            self._refusals = 0

    def _failed(self, failure: TokenFailed) -> None:
        """Takes note of a failure of the function: those who wait for a token share it, until the pause is over."""
        self._failure = failure
        self._failures += 1
        self._ask_at = self._timing.monotonic() + self._timing.pause_after(self._failures, None)
        if self._held is not None and not self._is_past(self._expires_at):
            _log.warning("no new token yet, the present one is still valid: %s", failure)

    async def _ask(self) -> str:
        assert self._renew is not None
        try:
            answer = self._renew()
            return _checked(await answer if inspect.isawaitable(answer) else answer)
        except TokenFailed:
            raise
        except Exception as failure:
            raise TokenFailed(f"the function that gets a token failed: {type(failure).__name__}") from failure

    def _hold(self, token: str) -> None:
        self._held = token
        now, expiry = self._timing.now(), expiry_of(token)
        # A token that has expired when it arrives is used nevertheless: this machine's clock may be wrong, and the server decides.
        self._expires_at = expiry if expiry is not None and expiry > now else None
        self._renew_at = None if self._expires_at is None else self._expires_at - min(_LEAD, (self._expires_at - now) / 2)

    def _is_past(self, time: float | None) -> bool:
        return time is not None and self._timing.now() >= time


def expiry_of(token: str) -> float | None:
    """`exp` of a JSON Web Token, in seconds since 1970, unverified; None if it cannot be read."""
    try:
        part = token.split(".")[1]
        expiry = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"]
        return float(expiry)
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _checked(token: object) -> str:
    if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
        raise TokenFailed("the token is empty or has characters that no header can carry: give the token alone, without Bearer and line end")
    return token
