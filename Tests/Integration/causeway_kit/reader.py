"""A reader of the documentation, who does what a page says, in a checkout, beside a stack that `make run` has started."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from .browser import Browser, PageServer
from .documentation import Page, expect_shown, resembles
from .services import BINARIES, ROOT
from .waiting import eventually

#: Debian keeps nginx in /usr/sbin, where not everybody's PATH looks.
_PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"


def make_checkout(directory, run_directory):
    """A folder that looks like the project's after `make run`: what was built here stands where the release build is."""
    hidden = {".build", ".run", ".git", ".secrets"}
    for entry in ROOT.iterdir():
        if entry.name not in hidden:
            (directory / entry.name).symlink_to(entry)
    (directory / ".build").mkdir()
    (directory / ".build/release").symlink_to(BINARIES)
    (directory / ".run").symlink_to(run_directory)
    return directory


class Reader:
    """Has a checkout and a browser. `page()` begins to read one."""

    def __init__(self, directory):
        self.directory = directory
        # On a terminal curl shows no progress either.
        (directory / ".curlrc").write_text("silent\nshow-error\n")
        self.pages = PageServer()
        self._browser = None

    @property
    def browser(self):
        if self._browser is None:
            self._browser = Browser(self.directory / "profile")
        return self._browser

    def close(self):
        self.pages.close()
        if self._browser:
            self._browser.close()

    @contextlib.contextmanager
    def page(self, name, checkout):
        """Reads a page. At the end, everything on it must have been done."""
        reading = Reading(self, name, checkout)
        try:
            yield reading
            reading.expect_all_taken()
        finally:
            reading.end()


class Reading(Page):
    """A page that is being read: one shell for all of it, which remembers variables from block to block.

    `values` of every method are those of variables that the block itself tells its reader to set. `shows` begins the block in which
    the page shows what is printed.
    """

    def __init__(self, reader, name, checkout):
        super().__init__(name)
        self._reader, self._checkout = reader, checkout
        self._state = reader.directory / f"{Path(name).stem}.state"
        self._running = []

    # MARK: The shell

    def sh(self, words, *, shows=None, timeout=60, **values):
        """Runs a block to its end. Every command of it must succeed; what it has put into the background runs on. Returns what it prints."""
        block = self.take(words, "sh")
        script = f"{block.with_values(values)}\ndeclare -p > {shlex.quote(str(self._state))}\n"
        running = self._start(script, block)
        status = running.wait(timeout)
        assert status == 0, f"{block}\nended with status {status}:\n{running.printed}"
        if shows is not None:
            expect_shown(running.printed, self.take(shows))
        return running.printed

    @contextlib.contextmanager
    def stream(self, words, *, shows=None, **values):
        """Runs a block that follows something. What the page shows must have been printed by the end of the `with` statement."""
        block = self.take(words, "sh")
        shown = self.take(shows).text if shows is not None else ""
        with self._following(block.with_values(values), block) as following:
            yield following
            following.wait_for(shown)

    def variable(self, name):
        """What the page's shell has set it to."""
        done = subprocess.run(self._command(f'printf %s "${name}"'), env=self._environment, capture_output=True, check=True, text=True)
        return done.stdout

    def _command(self, script):
        # What the shell itself has set is read-only, and says so when it is set again.
        state = shlex.quote(str(self._state))
        return ["bash", "-c", f"[ -f {state} ] && . {state} 2>/dev/null\nset -eu -o pipefail\n{script}"]

    @property
    def _environment(self):
        # Pages tell their reader to install the Python client from its folder, which test_python_client.py tries.
        return {"PATH": _PATH, "HOME": str(self._reader.directory), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT / "Clients/Python/causeway/src")}

    def _start(self, script, block):
        running = _Running(self._command(script), block, self._checkout, self._environment, self._reader.directory)
        self._running.append(running)
        return running

    @contextlib.contextmanager
    def _following(self, script, block):
        running = self._start(script, block)
        try:
            yield running
        finally:
            running.end()

    # MARK: Other languages

    def python(self, words, *, shows=None, after="", timeout=30):
        """Runs a Python block to its end, with the variables that the shell has exported; `after` uses what the block defines."""
        block = self.take(words, "python")
        running = self._start(f"exec python3 -c {shlex.quote(block.text + after)}", block)
        status = running.wait(timeout)
        assert status == 0, f"{block}\nended with status {status}:\n{running.printed}"
        if shows is not None:
            expect_shown(running.printed, self.take(shows))
        return running.printed

    @contextlib.contextmanager
    def python_stream(self, words):
        """Runs a Python block that follows something."""
        block = self.take(words, "python")
        with self._following(f"exec python3 -u -c {shlex.quote(block.text)}", block) as following:
            yield following

    @contextlib.contextmanager
    def javascript(self, words, *, before="", **values):
        """Runs a JavaScript block in a page of Chromium, behind lines that give it the functions it presupposes."""
        block = self.take(words, "js")
        self._reader.browser.open(self._reader.pages.put_script(f"{before}\n{block.with_values(values)}"))
        yield _Script(self._reader.browser, block)

    # MARK: What is not run

    def same_as(self, words, file):
        """The block is what the file says, which something else builds or runs."""
        block = self.take(words)
        assert block.text.strip() in (ROOT / file).read_text(), f"{block}\nis not what {file} says"

    def sample(self, words):
        """What a message or a file looks like, and what other tests make sure of."""
        return self.take(words)

    def unrunnable(self, words, *, because, instead):
        """A block that no test can run. `instead` is called with each of its commands, as words, and makes sure of what it can."""
        assert because and callable(instead)
        block = self.take(words, "sh")
        subprocess.run(["bash", "-n"], input=block.text.encode(), check=True)
        lines = re.sub(r"\\\n", " ", block.text).splitlines()
        for line in filter(None, (shlex.split(line, comments=True) for line in lines)):
            instead(line)

    def end(self):
        """Ends what the blocks have left running."""
        for running in reversed(self._running):
            running.end()


class _Running:
    """A block that is being run, and whatever it has started."""

    def __init__(self, command, block, checkout, environment, directory):
        self._block = block
        self._file = directory / f"{Path(block.page).stem}-{block.line}.out"
        with self._file.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=checkout,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._has_ended = False

    @property
    def printed(self):
        return self._file.read_text(errors="replace")

    def wait_for(self, shown, timeout=60):
        """Waits until that was printed; as in a block that shows output, `…` stands for anything."""

        def is_there():
            if (missing := resembles(self.printed, shown)) is None:
                return True
            assert self._process.poll() is None, f"{self._block}\nended without printing: {missing}\n--- printed:\n{self.printed}"
            return False

        try:
            eventually(is_there, "what the page shows is printed", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{self._block}\n{failure}\n--- to be printed:\n{shown}\n--- printed:\n{self.printed}") from None
        return self.printed

    def wait(self, timeout):
        """Waits for its end and returns its status."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self._block}\nstill runs after {timeout} s:\n{self.printed}") from None
        finally:
            self._has_ended = not self._is_anybody_left()

    def _is_anybody_left(self):
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self):
        """Ends it, and what it has put into the background."""
        if not self._has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=30)
            self._has_ended = True


class _Script:
    """A block that runs in the browser."""

    def __init__(self, browser, block):
        self._browser, self._block = browser, block

    def has_printed(self, shown):
        return resembles("\n".join(self._browser.printed()), shown) is None

    def wait_for(self, shown, timeout=60):
        """Waits until the script has printed that."""
        try:
            eventually(lambda: self.has_printed(shown), "the script prints it", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{self._block}\n{failure}\n--- to be printed:\n{shown}\n--- printed:\n{self._browser.printed()}") from None
