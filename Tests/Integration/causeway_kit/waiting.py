"""Waiting for a condition instead of for luck."""

import threading
import time


def eventually(condition, what, timeout=15.0, interval=0.02):
    """The first truthy value of `condition()`; fails with `what` and the last value when there is none within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s in vain: {what} (last seen: {value!r})")
        threading.Event().wait(interval)


def pause(seconds):
    """Lets time pass where time itself is what the test is about (an expiry, a rate), never to wait for something."""
    threading.Event().wait(seconds)
