"""A well-behaved client: it remembers its cursor and resumes after every disconnect."""

import itertools
import threading

from .surfaces import Closed, Ended, Event, Gap, Heartbeat, Opened
from .waiting import eventually


class Follower(threading.Thread):
    """Follows one surface through several edges in turn and keeps every event it gets.

    - `events`: what arrived, in order of arrival.
    - `ends`: the reasons the server gave for ending a connection.
    - `gaps`: what it was told to have missed.
    - `breaks`: how often the connection was cut by `break_after`.
    - `visits`: how often each edge was connected to, by name.
    """

    def __init__(self, surface, edges, token, *, cursor=None, break_after=None, types=None):
        """`break_after()` returns, for each connection, the number of events after which to cut it; None for never."""
        super().__init__(name=f"follower of {surface.name}", daemon=True)
        self.surface, self.token, self.cursor, self.types = surface, token, cursor, types
        self.events, self.ends, self.gaps, self.breaks = [], [], [], 0
        self.visits = {edge.name: 0 for edge in edges}
        self._edges = itertools.cycle(edges)
        self._break_after = break_after
        self._opened = threading.Event()
        self._stopped = threading.Event()
        self._failure = None

    def start(self):
        """Returns when the first connection is open, so that nothing published afterwards can be missed."""
        super().start()
        eventually(lambda: self._opened.is_set() or self._failure, "the follower's first connection opens")
        self.check()
        return self

    def stop(self):
        self._stopped.set()
        self.join(timeout=20)
        assert not self.is_alive(), "the follower does not stop"
        self.check()

    def check(self):
        """Raises the error of the follower's thread, if any."""
        if self._failure:
            raise self._failure

    def wait_for(self, condition, what, timeout):
        """Waits until `condition(events)` holds."""

        def holds():
            self.check()
            return condition(self.events)

        try:
            eventually(holds, what, timeout)
        except AssertionError as failure:
            raise AssertionError(
                f"{failure}; has {len(self.events)} events, gaps {self.gaps}, {self.breaks} breaks, ends {self.ends[-5:]}"
            ) from None

    def wait_for_count(self, count, timeout):
        self.wait_for(lambda events: len(events) >= count, f"the follower gets {count} events", timeout)

    def run(self):
        try:
            while not self._stopped.is_set():
                self._follow(next(self._edges))
        except BaseException as failure:  # it is raised again in the test's own thread
            self._failure = failure

    def _follow(self, edge):
        try:
            connection = self.surface.connect(edge, self.token, cursor=self.cursor, types=self.types)
        except OSError:
            # The edge is down. A real client waits as long as `retry` says; the scenarios are about order, not patience.
            self._stopped.wait(0.05)
            return
        self.visits[edge.name] += 1
        with connection:
            self._read(connection, cut_after=self._break_after() if self._break_after else None)

    def _read(self, connection, cut_after):
        received = 0
        while not self._stopped.is_set():
            try:
                message = connection.next(timeout=0.25)
            except TimeoutError:
                continue
            match message:
                case Opened(id):
                    self.cursor = self.cursor if id is None else id
                    self._opened.set()
                case Heartbeat(id):
                    self.cursor = id
                case Event(id=id):
                    self.events.append(message)
                    self.cursor = id
                    received += 1
                    if received == cut_after:
                        self.breaks += 1
                        return connection.cut()
                case Gap(id=id):
                    self.gaps.append(message)
                    self.cursor = id
                case Ended(reason):
                    self.ends.append(reason)
                    self._stopped.wait(0.05)
                    return None
                case Closed():
                    return None
