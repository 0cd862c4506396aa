"""Supervises child processes: starts them, restarts those that die, and stops them."""

import collections
import contextlib
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

#: Time limit for a child to stop after SIGTERM, before it is killed; longer than a drain.
PATIENCE = 30.0
#: A child that dies within this time after its start counts as failing at once.
AT_ONCE = 10.0
#: Number of failures at once after which a child that was never ready is given up.
ATTEMPTS = 3
#: The longest pause before a restart.
LONGEST_PAUSE = 30.0
#: Exit codes for a wrong command line or setting (sysexits.h): a restart does not help.
MISTAKES = (64, 78)


class ChildFailure(Exception):
    """A child ended, or did not become ready; the text has its name and the end of its log."""


class Stopped(Exception):
    """The stack was asked to stop."""


class Child:
    """One process in a group of its own, so that Ctrl-C reaches this program alone, which then ends its children in order.

    One that is kept is started again when it has ended.
    """

    def __init__(self, name, command, environment, log_file=None, is_kept=False):
        self.name = name
        self.log_file = log_file
        self.is_kept = is_kept
        #: Whether it has ever been ready, so that its settings are valid.
        self.was_ready = False
        self._command, self._environment = command, environment
        self._deaths = 0
        #: The time of its restart; None while it runs.
        self._due = None
        self._spawn("wb")

    def _spawn(self, mode):
        self._started = time.monotonic()
        # If this program is killed without cleaning up, the kernel ends its children.
        prefix = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        with contextlib.ExitStack() as resources:
            output = resources.enter_context(self.log_file.open(mode)) if self.log_file else None
            self._process = subprocess.Popen(
                [*prefix, *self._command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
            )

    @property
    def exit_code(self):
        """Its exit code; None while it runs."""
        return self._process.poll()

    @property
    def end_in_words(self):
        return f"was killed by signal {-self.exit_code}" if self.exit_code < 0 else f"ended with code {self.exit_code}"

    def revive(self):
        """Restarts it with backoff. Fails when a restart does not help."""
        now = time.monotonic()
        if self._due is None:
            self._deaths = self._deaths + 1 if now - self._started < AT_ONCE else 1
            if not self.was_ready and (self._deaths >= ATTEMPTS or self.exit_code in MISTAKES):
                raise ChildFailure(f"{self.name} {self.end_in_words}.\n{self.last_lines()}")
            pause = min(2.0 ** (self._deaths - 1), LONGEST_PAUSE)
            print(f"{self.name} {self.end_in_words}; it is started again in {pause:.0f} s.\n{self.last_lines(3)}", flush=True)
            self._due = now + pause
        elif now >= self._due:
            self._due = None
            self._spawn("ab")

    def end(self, number=signal.SIGTERM):
        if self.exit_code is None:
            self._process.send_signal(number)

    def last_lines(self, count=15):
        if not self.log_file or not self.log_file.exists():
            return ""
        with self.log_file.open(errors="replace") as log:
            lines = collections.deque(log, maxlen=count)
        return f"The end of {self.log_file}:\n" + "".join(f"    {line}" for line in lines)


class Supervisor:
    """Starts children, restarts those marked as kept, and stops them.

    SIGINT, SIGTERM and SIGHUP ask it to stop; asked a second time, it kills.
    """

    def __init__(self):
        self._children = []
        self._requests = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count_request)

    def _count_request(self, *_):
        self._requests += 1

    def start(self, name, command, environment, log_file=None, is_kept=False):
        self._step()
        child = Child(name, command, environment, log_file, is_kept)
        self._children.append(child)
        return child

    def run_to_its_end(self, name, command, environment):
        """Runs a child to its end, and fails unless its exit code is 0."""
        child = self.start(name, command, environment)
        self._children.remove(child)
        try:
            while child.exit_code is None:
                self._step()
        except Stopped:
            self._end([child])
            raise
        if child.exit_code != 0:
            raise ChildFailure(f"{name} failed.")

    def wait_until_ready(self, child, url, timeout):
        """Waits until `url` answers 200."""
        deadline = time.monotonic() + timeout
        while (answer := _answer(url)) is not None:
            self._step()
            if time.monotonic() > deadline:
                raise ChildFailure(f"{child.name} is not ready after {timeout:.0f} s: {answer}\n{child.last_lines()}")
        child.was_ready = True

    def watch(self, interval, action):
        """Restarts children that end, and calls `action` every `interval` seconds. Never returns; raises `Stopped` when asked to stop."""
        due = time.monotonic() + interval
        while True:
            self._step()
            if time.monotonic() >= due:
                action()
                due += interval

    def _step(self):
        if self._requests:
            raise Stopped
        for child in self._children:
            if child.exit_code is None:
                continue
            if not child.is_kept:
                raise ChildFailure(f"{child.name} {child.end_in_words}.\n{child.last_lines()}")
            child.revive()
        time.sleep(0.1)

    def end_all(self, last=()):
        """Stops all children, those in `last` after the others have ended."""
        self._end([child for child in reversed(self._children) if child not in last])
        self._end([child for child in self._children if child in last])

    def _end(self, children):
        for child in children:
            child.end()
        asked_before, deadline = self._requests, time.monotonic() + PATIENCE
        while any(child.exit_code is None for child in children):
            if self._requests > asked_before or time.monotonic() > deadline:
                for child in children:
                    child.end(signal.SIGKILL)
            time.sleep(0.05)


def _answer(url):
    """Returns why `url` does not answer 200; None if it does."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return None
    except urllib.error.HTTPError as error:
        return error.read(2000).decode(errors="replace").strip()
    except OSError as error:
        return str(error)
