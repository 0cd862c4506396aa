"""Processes that a test starts, watches and stops."""

import os
import re
import signal
import subprocess
from pathlib import Path

from .waiting import eventually

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    """Seconds of processor time that a process has used, in user mode and in the kernel, over all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


# A service must behave the same whatever the machine's environment holds: only these variables are handed on.
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


class Process:
    """One process that can be stopped and restarted; all its output goes to one log file.

    Start processes from the main thread: they are killed when the thread that started them ends, so that a run that is itself
    killed leaves nothing behind.
    """

    #: What it gets when the test's own process ends before it.
    last_signal = "KILL"

    def __init__(self, name, arguments, directory, environment=None):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.environment = dict(environment or {})
        self.log_file = Path(directory) / f"{name}.log"
        self._process = None
        # What the test did to it. A process that ended without any of that has crashed.
        self._was_ended = False

    def start(self):
        assert not self.is_running, f"{self.name} runs already"
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", self.last_signal, "--", *self.arguments],
                env=inherited | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._was_ended = False
        return self

    @property
    def pid(self):
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self):
        """Its exit code; None while it runs, negative for the signal that killed it."""
        return self._process.poll()

    def signal(self, number):
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            self._was_ended = True
        self._process.send_signal(number)
        if number == signal.SIGSTOP and self.is_running:
            # The signal stops threads one by one, and one that still runs can answer a request.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def terminate(self):
        """Sends SIGTERM, like an operator. Does not wait."""
        self.signal(signal.SIGTERM)

    def kill(self):
        """Kills it (SIGKILL), and returns when it is gone."""
        self._was_ended = True
        if self.is_running:
            self._process.kill()
        if self._process is not None:
            self._process.wait()

    def wait(self, timeout):
        """Waits for its end and returns its exit code."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout:g} s\n{self.log_tail()}") from None

    @property
    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines=25):
        """The end of its log, for the text of a failure."""
        return f"--- the end of {self.name}'s log:\n" + "\n".join(self.log.splitlines()[-lines:])

    def expect_alive(self):
        """Fails when it has ended although nobody ended it."""
        if self._process is not None and not self.is_running and not self._was_ended:
            raise AssertionError(f"{self.name} ended by itself with code {self.exit_code}\n{self.log_tail()}")

    def wait_until(self, condition, what, timeout):
        """Like `eventually`, but gives up at once when the process ends, and shows its log."""

        def check():
            assert self.is_running, f"{self.name} ended with code {self.exit_code} before {what}\n{self.log_tail()}"
            return condition()

        try:
            return eventually(check, f"{self.name}: {what}", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.log_tail()}") from None

    def wait_for_log(self, text, timeout=15.0):
        """Waits until its log has the text. A line is written some time after what it reports: a queue is between them."""
        self.wait_until(lambda: text in self.log, f"its log has {text!r}", timeout)

    @property
    def memory(self):
        """Bytes of memory that only this process holds: what would come back if it ended."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return 1024 * sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE))

    @property
    def processor_seconds(self):
        """Seconds of processor time that it has used so far."""
        return processor_seconds(self.pid)
