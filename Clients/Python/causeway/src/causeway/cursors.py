"""Stores for the cursor of a stream, so that a restarted process continues where it was."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol


class CursorStore(Protocol):
    """Keeps one cursor. Implement it over what keeps your own state, best in the same transaction as the effect of the event."""

    async def load(self) -> str | None:
        """The cursor that was saved last; None if there is none."""

    async def save(self, cursor: str) -> None:
        """Keeps a cursor in place of the last. Called after each event that was processed."""


class FileCursor:
    """Keeps the cursor in a file, which always holds a whole one. One process at a time may use a file."""

    def __init__(self, path: str | os.PathLike[str]):
        self._path = Path(path)

    async def load(self) -> str | None:
        """The cursor in the file; None if there is no file, or an empty one."""
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").strip() or None
        except FileNotFoundError:
            return None

    async def save(self, cursor: str) -> None:
        """Replaces the file. A crash of the process loses nothing; one of the machine may bring back an earlier cursor, and so events again."""
        handle, temporary = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{cursor}\n")
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
