"""Waiting for conditions instead of sleeping."""

import threading
import time


def eventually(condition, what, timeout=15.0, interval=0.02):
    """Waits for a truthy value of `condition()` and returns it; after `timeout` seconds, fails with `what` and the last value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s in vain: {what} (last seen: {value!r})")
        threading.Event().wait(interval)


def pause(seconds):
    """Sleeps where time is the test's input (an expiry, a rate, an outage), or to show that nothing happens; never to wait for a condition."""
    threading.Event().wait(seconds)
