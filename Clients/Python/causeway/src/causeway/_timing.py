"""Clocks and pauses, in one place so that tests can replace them."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

#: The longest pause that a server can ask for, in seconds.
_LONGEST = 3600.0


@dataclass(frozen=True)
class Backoff:
    """Pauses after failures, in seconds: `first`, then `factor` times as long each time, up to `max`; up to `jitter` of it shorter at random."""

    first: float = 0.5
    factor: float = 2.0
    max: float = 30.0
    jitter: float = 0.5

    def pause(self, failures: int, chance: float) -> float:
        """The pause after so many failures in a row, at least one. `chance`: from 0 to 1."""
        # The exponent is bounded: a float cannot hold the power of many failures.
        return min(self.max, self.first * self.factor ** min(failures - 1, 64)) * (1 - self.jitter * chance)


class Timing:
    """The clocks, pauses and chance of one client."""

    def __init__(self, backoff: Backoff):
        self.backoff = backoff

    def monotonic(self) -> float:
        """Seconds, for measuring."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def chance(self) -> float:
        """A random number from 0 to 1."""
        return random.random()

    async def sleep(self, seconds: float) -> None:
        """Pauses."""
        await asyncio.sleep(seconds)

    def pause_after(self, failures: int, retry_after: float | None) -> float:
        """Seconds until the next attempt.

        What the server named is never undercut: an attempt before it is refused for longer. Up to a tenth is added, so that clients do not
        come back together.
        """
        if retry_after is not None:
            return min(_LONGEST, retry_after * (1 + 0.1 * self.chance()))
        return self.backoff.pause(failures, self.chance())
