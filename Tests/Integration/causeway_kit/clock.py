"""A wall clock of a process that a test steps."""

from pathlib import Path

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Clock:
    """The clock of the processes that have its `settings`, by libfaketime. Their monotonic clock is the machine's."""

    def __init__(self, file):
        """`file`: where it keeps how far it is ahead."""
        assert _LIBRARY.exists(), f"{_LIBRARY} is missing: run deploy/install-test.sh"
        self._file = file
        self.set(0)
        self.settings = {
            "ld_preload": _LIBRARY, "faketime_timestamp_file": file, "faketime_no_cache": "1", "faketime_dont_fake_monotonic": "1",
        }  # fmt: skip

    def set(self, seconds):
        """Sets how far it is ahead of the machine's."""
        self._file.write_text(f"{seconds:+d}\n")
