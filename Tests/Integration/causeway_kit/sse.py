"""Server-sent events over a bare socket: what came, byte for byte, and full control over when the client reads and how it goes away."""

import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit


class ProtocolViolation(AssertionError):
    """The server sent what no server-sent event stream of the contract can hold."""


@dataclass(frozen=True)
class Block:
    """One block of a stream, up to and with its empty line."""

    raw: bytes
    id: str | None = None
    event: str | None = None
    data: str | None = None
    retry: int | None = None


class SSEParser:
    """Cuts a stream into blocks, strictly: the contract's form, not all that browsers would forgive.

    Lines end in LF; a field is its name, a colon, one space and its value; it occurs once in a block; the fields are those of contract §4.
    """

    def __init__(self):
        self._rest = b""

    def feed(self, data):
        """The blocks that `data` completes."""
        *complete, self._rest = (self._rest + data).split(b"\n\n")
        return [self._block(lines + b"\n\n") for lines in complete]

    @property
    def unfinished(self):
        """What came after the last complete block."""
        return self._rest

    @staticmethod
    def _block(raw):
        fields = {}
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise ProtocolViolation(f"not UTF-8 ({error}): {raw!r}") from None
        for line in text[:-2].split("\n"):
            name, separator, value = line.partition(": ")
            if not separator or name not in ("id", "event", "data", "retry") or "\r" in line:
                raise ProtocolViolation(f"not a line of a notification stream: {line!r} in {raw!r}")
            if name in fields:
                raise ProtocolViolation(f"{name} twice in one block: {raw!r}")
            fields[name] = value
        if "retry" in fields:
            if not fields["retry"].isdigit():
                raise ProtocolViolation(f"retry is not a number: {raw!r}")
            fields["retry"] = int(fields["retry"])
        return Block(raw, **fields)


class ChunkDecoder:
    """Takes a chunked body apart (RFC 9112 §7.1), which only proxies make: our own streams end with their connection."""

    def __init__(self):
        self._rest = b""
        self._left = 0
        self.is_complete = False

    def feed(self, data):
        """The bytes of the body that `data` completes."""
        self._rest += data
        body = b""
        while not self.is_complete:
            if self._left:
                taken, self._rest = self._rest[: self._left], self._rest[self._left :]
                self._left -= len(taken)
                body += taken[:-2] if not self._left else taken if self._left > 1 else taken[:-1]
                if self._left:
                    break
            else:
                size, end, rest = self._rest.partition(b"\r\n")
                if not end:
                    break
                self._rest = rest
                # The two bytes that end a chunk are taken with it.
                self._left = int(size.split(b";")[0], 16) + 2
                self.is_complete = self._left == 2
        return body


class SSEConnection:
    """One `GET` of a stream. The response's head is read when the object is made; blocks are read when they are asked for.

    A client that asks for nothing reads nothing: that is how a stalled reader is made.

    `pings`: whether `next_block` hands them out. A stream's first ping comes at a random moment of the heartbeat interval, however long that is,
    so a test that does not want pings must expect one before any block.
    """

    def __init__(
        self, url, *, token=None, query=None, headers=None, method="GET", receive_buffer=None, timeout=15.0, parser=None, pings=False
    ):
        parts = urlsplit(url)
        target = parts.path + ("?" + urlencode(query) if query else "")
        self._buffered = b""
        self._blocks = []
        self._parser = parser or SSEParser()
        self._hears_pings = pings
        self._is_at_end = False
        self._chunks = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            # Before connecting: the window is agreed upon then.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((parts.hostname, parts.port))
            fields = {"Host": parts.netloc, "Accept": "text/event-stream"}
            if token is not None:
                fields["Authorization"] = f"Bearer {token}"
            fields |= headers or {}
            head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
            self.socket.sendall(head.encode())
            self._read_head()
        except BaseException:
            self.socket.close()
            raise

    def _read_head(self):
        while b"\r\n\r\n" not in self._buffered:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionResetError(f"closed before the response's head was complete: {self._buffered!r}")
            self._buffered += data
        head, self._buffered = self._buffered.split(b"\r\n\r\n", 1)
        status, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        if self.headers.get("transfer-encoding") == "chunked":
            self._chunks = ChunkDecoder()
            self._buffered = self._chunks.feed(self._buffered)

    def next_block(self, timeout=15.0):
        """The next block, or None when the server has ended the stream in order.

        Raises `TimeoutError` when none came in time, `ConnectionError` when the connection broke.
        """
        deadline = time.monotonic() + timeout
        while not self._blocks:
            if self._is_at_end:
                if self._parser.unfinished:
                    raise ProtocolViolation(f"ended in mid-block: {self._parser.unfinished!r}")
                return None
            data, self._buffered = self._buffered or self._receive(deadline), b""
            self._is_at_end = not data
            blocks = self._parser.feed(data)
            self._blocks.extend(block for block in blocks if self._hears_pings or block.event != "ping")
        return self._blocks.pop(0)

    def _receive(self, deadline):
        """More of the body; empty at its end."""
        while self._chunks is None or not self._chunks.is_complete:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("no block in time")
            self.socket.settimeout(remaining)
            data = self.socket.recv(65536)
            if self._chunks is None:
                return data
            if not data:
                raise ConnectionResetError("closed before the last chunk")
            if body := self._chunks.feed(data):
                return body
        return b""

    def next_bytes(self, deadline):
        """More of the body, as it comes; empty at its end. Raises `TimeoutError` when none came before `deadline`, `ConnectionError` for a break."""
        data, self._buffered = self._buffered or self._receive(deadline), b""
        return data

    def body(self, timeout=15.0):
        """All bytes up to the end of the connection or of `content-length`: for answers that are not streams."""
        length = int(self.headers["content-length"]) if "content-length" in self.headers else None
        data, self._buffered = self._buffered, b""
        deadline = time.monotonic() + timeout
        while length is None or len(data) < length:
            more = self._receive(deadline)
            if not more:
                break
            data += more
        return data

    def close(self):
        """Goes away as a browser's tab does."""
        self.socket.close()

    def cut(self):
        """Goes away as a machine does whose power failed: a reset, and what was not read is lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
