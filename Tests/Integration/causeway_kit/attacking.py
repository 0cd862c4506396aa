"""What attacks need: where they aim, what they achieve, the process they run in, and many connections in one thread."""

import contextlib
import errno
import multiprocessing
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .processes import processor_seconds

_FORK = multiprocessing.get_context("fork")


class Tally:
    """What an attack has achieved, in memory that its process shares with the test: the attack's threads add, the test reads."""

    _KINDS = ("connections", "answers", "accepted", "bytes")

    def __init__(self):
        self._counts = _FORK.RawArray("Q", len(self._KINDS))
        self._lock = threading.Lock()

    def add(self, **counts):
        """`connections` that were accepted, `answers` to requests, how many of these were `accepted`, and `bytes` that were sent."""
        with self._lock:
            for kind, count in counts.items():
                self._counts[self._KINDS.index(kind)] += count

    def read(self):
        """The counts so far by kind."""
        return dict(zip(self._KINDS, self._counts, strict=True))


@dataclass(frozen=True)
class Aim:
    """Where the services are, as URLs, and how much of everything there is to be."""

    producer: str
    approvals: str
    sse: str
    workspace: str
    relay: str
    #: Connections, threads or subscriptions of an attack: a share of its full size.
    scale: float
    tally: Tally = field(default_factory=Tally)

    def count(self, full):
        return max(2, int(full * self.scale))

    def every(self):
        return (self.producer, self.approvals, self.sse, self.workspace, self.relay)


class Attack:
    """An attack that goes on in its process."""

    def __init__(self, process, tally):
        self._process, self._tally = process, tally
        self._begin = time.monotonic()

    @property
    def processor_seconds(self):
        return processor_seconds(self._process.pid)

    def achieved(self):
        """What it did on average so far, by kind and second."""
        seconds = time.monotonic() - self._begin
        return {kind: count / seconds for kind, count in self._tally.read().items()}


@contextlib.contextmanager
def attacking(attack, aim):
    """Lets an attack go on until the block ends. Yields the `Attack`.

    The attack runs in a process with the lowest priority. An attacker has its own machines; here it shares the processors with the
    services. At the same priority, a delay that is measured is mostly the turn of the attacker's threads in the kernel's queue. At the lowest,
    it is what the services do to each other and to the probe, and the attack takes all of the processors that is left.
    """
    process = _FORK.Process(target=_run, args=(attack, aim), daemon=True)
    process.start()
    try:
        yield Attack(process, aim.tally)
        assert process.is_alive(), f"{attack.__name__} ended by itself"
    finally:
        process.kill()
        process.join()


def _run(attack, aim):
    # The kernel divides processors between sessions first (sched(7), "The autogroup feature"), and `nice` counts within one. In the test's session,
    # the attack would share the probe's turns. In a container or without that feature, `nice` alone counts.
    os.setsid()
    os.nice(19)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as autogroup:
        autogroup.write("19")
    attack(aim)


def address_of(url):
    parts = urlsplit(url)
    return parts.hostname, parts.port


#: Seconds until a connection that was refused or closed is made again.
_REDIAL = 0.02


def converse(aim, url, count, script):
    """Holds that many connections in this thread, again when they end, and never returns.

    `script(number)` is a generator of what connection `number` sends: the first bytes at once, the next whenever something has come and all
    before is sent. Without a thread each, the attacker's own turns do not bound what it can do.
    """
    selector = selectors.DefaultSelector()
    waiting = [(0.0, number) for number in range(count)]
    while True:
        while waiting and waiting[0][0] <= time.monotonic():
            _Talker(aim, url, selector, waiting.pop(0)[1], script)
        for key, events in selector.select(timeout=_REDIAL):
            try:
                key.data.go_on(events)
            except OSError:
                key.data.close()
                waiting.append((time.monotonic() + _REDIAL, key.data.number))


class _Talker:
    """One connection of `converse`."""

    def __init__(self, aim, url, selector, number, script):
        self._tally, self._selector, self.number = aim.tally, selector, number
        self._script = script(number)
        self._unsent = next(self._script)
        self._is_connected = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._socket.connect_ex(address_of(url))
        selector.register(self._socket, selectors.EVENT_WRITE, self)

    def go_on(self, events):
        """Raises `OSError` at the end of the connection."""
        if not self._is_connected:
            if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            self._is_connected = True
            self._tally.add(connections=1)
        if events & selectors.EVENT_READ:
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "closed")
            results = data.count(b'"result"')
            self._tally.add(answers=results + data.count(b'"error"'), accepted=results)
            if not self._unsent:
                self._unsent = next(self._script)
        self._send()

    def _send(self):
        if self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                sent = 0
            self._tally.add(bytes=sent)
            self._unsent = self._unsent[sent:]
        self._selector.modify(self._socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0), self)

    def close(self):
        self._selector.unregister(self._socket)
        self._socket.close()
