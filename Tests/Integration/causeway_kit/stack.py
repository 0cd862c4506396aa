"""A bus, edges and a producer, together and apart from everything else on the machine."""

import tempfile
from pathlib import Path

from .bus import Bus
from .intake import Intake
from .nats_server import NATSServer
from .services import Service
from .tokens import expect_no_token

# What no healthy process of ours ever prints: Swift's words for a trap.
_CRASH_MARKS = ("Fatal error", "Precondition failed", "SIGTRAP", "*** Signal")

# Every dispatcher of a deployment may be chosen to deliver to an endpoint, so all of them may call the tests' receivers, which are on loopback.
_SETTINGS_OF_PROGRAM = {"webhook-dispatcher": {"webhook_allowed_networks": "127.0.0.0/8"}}


class Stack:
    """One deployment. `with Stack() as stack:` ends it, checks that no process crashed, and that no log shows a token."""

    def __init__(self, *, nats=None, **settings):
        """`nats`: a server that somebody else made, to be started and ended with it; `settings`: of every process."""
        self._settings = settings
        self._directory = tempfile.TemporaryDirectory(prefix="causeway-test-")
        self.directory = Path(self._directory.name)
        self.processes = []
        self.nats = nats
        self.bus = None
        self.producer = None
        self.intake = None
        self._shared = {}

    def __enter__(self):
        try:
            self.nats = self._started(self.nats or NATSServer(self.directory))
            self.producer = self.start("event-producer", "serve").wait_ready()
            self.bus = Bus(self.nats.url)
            self.intake = Intake(self.producer)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            self.check()
        finally:
            self._end()

    def _started(self, process):
        self.processes.append(process)
        return process.start()

    def start(self, program, *arguments, **settings):
        """A further process, its settings as in `edge(heartbeat_interval="1s")`. Does not wait until it is ready.

        Heartbeats come only to tests that ask for them: by default each stream's first one comes at a random moment.
        """
        name = f"{program}-{len(self.processes)}"
        settings = {"heartbeat_interval": "1h"} | _SETTINGS_OF_PROGRAM.get(program, {}) | self._settings | settings
        return self._started(Service(program, self.directory, nats_url=self.nats.url, arguments=arguments, name=name, **settings))

    def add(self, process):
        """Starts a process that somebody else made, to be watched and ended like the others."""
        return self._started(process)

    def remove(self, process):
        """Ends it before the others; its log has been looked through."""
        self.check()
        process.kill()
        self.processes.remove(process)

    def edge(self, program="sse-edge", *arguments, **settings):
        """A further edge, or another service, ready."""
        return self.start(program, *arguments, **settings).wait_ready()

    def edges(self, count, program="sse-edge", **settings):
        """Several edges alike, started side by side."""
        started = [self.start(program, **settings) for _ in range(count)]
        return [edge.wait_ready() for edge in started]

    def shared_edge_of(self, program, *arguments, **settings):
        """The one edge of that program, with these settings, for all tests that need no others; started when the first one asks."""
        key = (program, *arguments, *sorted(settings.items()))
        if key not in self._shared:
            self._shared[key] = self.edge(program, *arguments, **settings)
        return self._shared[key]

    def check(self):
        """Fails when a process ended that nobody ended, or a log shows a crash, a token or the secret."""
        for process in self.processes:
            process.expect_alive()
            log = process.log
            for mark in _CRASH_MARKS:
                assert mark not in log, f"{process.name} crashed: {mark}\n{process.log_tail(60)}"
            expect_no_token(f"the log of {process.name}", log)

    def _end(self):
        if self.intake:
            self.intake.close()
        if self.bus:
            self.bus.close()
        for process in reversed(self.processes):
            process.kill()
        self._directory.cleanup()
