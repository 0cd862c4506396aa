"""A parser of event streams (HTML standard, "Server-sent events"), fed with bytes that may end anywhere."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from .errors import UnexpectedAnswer

#: Maximum length of a line, in characters. Payloads have at most 256 KiB, so a longer line is a fault of the server.
_LINE = 8 * 1024 * 1024
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass
class Block:
    """One block; None for a field that no line set. Blocks without data, which dispatch no event, count too: they can set the cursor."""

    type: str | None = None
    data: str | None = None
    id: str | None = None
    #: Milliseconds.
    retry: int | None = None


class EventStreamParser:
    """Cuts a stream into blocks."""

    def __init__(self) -> None:
        # utf-8-sig drops one byte order mark at the beginning, as the standard says.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest: list[str] = []
        self._rest_length = 0
        self._skips_line_feed = False
        self._block = Block()

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that these bytes complete."""
        text = self._decoder.decode(data)
        if self._skips_line_feed and text:
            # The last piece ended between the two characters of a line end.
            text = text.removeprefix("\n")
            self._skips_line_feed = False
        if text.endswith("\r"):
            self._skips_line_feed = True
        *lines, rest = _LINE_END.split(text)
        blocks = []
        for line in lines:
            if self._rest:
                line = "".join(self._rest) + line
                self._rest, self._rest_length = [], 0
            if line:
                self._read(line)
            elif self._block != Block():
                blocks.append(self._block)
                self._block = Block()
        if rest:
            self._rest.append(rest)
            self._rest_length += len(rest)
            if self._rest_length > _LINE:
                raise UnexpectedAnswer("a line of the stream does not end: check the URL, and the proxies on the way")
        return blocks

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        block = self._block
        match name:
            case "event":
                block.type = value or None
            case "data":
                block.data = value if block.data is None else f"{block.data}\n{value}"
            case "id" if "\0" not in value:
                block.id = value
            case "retry" if value.isascii() and value.isdigit():
                block.retry = int(value)
