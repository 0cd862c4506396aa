"""WebSocket over a bare socket (RFC 6455): every byte in the test's hand, and a strict eye on every byte that comes."""

import base64
import hashlib
import os
import socket
import struct
import time
import zlib
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from .sse import ProtocolViolation

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", *, fin=True, rsv=0, masked=True, length_form=None):
    """A client's frame, right or wrong. `length_form`: 0, 2 or 8 bytes for the length, whether they are needed or not."""
    size = len(payload)
    form = length_form if length_form is not None else 0 if size < 126 else 2 if size < 65536 else 8
    marker = {0: size, 2: 126, 8: 127}[form]
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | marker]) + (size.to_bytes(form, "big") if form else b"")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + _masked(payload, mask)


def announced(opcode, length, *, fin=True, form=8):
    """The head of a frame that announces so many bytes, and nothing of them."""
    return bytes([fin << 7 | opcode, 0x80 | {2: 126, 8: 127}[form]]) + length.to_bytes(form, "big") + b"\0\0\0\0"


def close_frame(code, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


def _masked(payload, mask):
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big") if payload else b""


@dataclass(frozen=True)
class Text:
    text: str
    is_compressed: bool = False


@dataclass(frozen=True)
class Pong:
    payload: bytes


@dataclass(frozen=True)
class Close:
    code: int | None
    reason: str


class WebSocketConnection:
    """One handshake, and what follows it. Reads only when asked; answers the server's pings and its close by itself.

    `status` is 101 when the handshake succeeded; `status`, `headers` and `body()` tell how it was refused otherwise.
    """

    def __init__(
        self, url, *, token=None, query=None, headers=None, protocols=(), offer=None, receive_buffer=None, early=b"", timeout=15.0
    ):
        """`offer`: extensions; `early`: bytes sent in one piece with the handshake."""
        parts = urlsplit(url)
        query = "&".join(part for part in (parts.query, urlencode(query or {})) if part)
        target = parts.path + ("?" + query if query else "")
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {"Host": parts.netloc, "Upgrade": "websocket", "Connection": "Upgrade"}
        fields |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
        if protocols:
            fields["Sec-WebSocket-Protocol"] = ", ".join(protocols)
        if offer:
            fields["Sec-WebSocket-Extensions"] = offer
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        fields |= headers or {}
        head = (
            f"GET {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None) + "\r\n"
        )
        self._open(parts, head.encode("utf-8", "surrogateescape") + early, receive_buffer, timeout)
        if self.status == 101:
            self._check_answer(key, protocols, offer)

    @classmethod
    def raw(cls, url, request, timeout=15.0):
        """A connection that begins with those bytes instead of a proper handshake."""
        self = cls.__new__(cls)
        self._open(urlsplit(url), request, None, timeout)
        self.is_compressed = False
        return self

    def _open(self, parts, request, receive_buffer, timeout):
        self._buffer = b""
        self._is_at_end = False
        self.closed_with = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            # Before connecting: the window is agreed upon then.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((parts.hostname, parts.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(request)
            self._read_head(time.monotonic() + timeout)
        except BaseException:
            self.socket.close()
            raise

    def _read_head(self, deadline):
        while b"\r\n\r\n" not in self._buffer:
            if not self._receive(deadline):
                raise ConnectionError(f"closed before an answer: {self._buffer!r}")
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        self.status = int(status_line.split(" ")[1])
        self.head = head
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    def _check_answer(self, key, protocols, offer):
        want = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        assert self.headers["upgrade"].lower() == "websocket" and "upgrade" in self.headers["connection"].lower(), self.headers
        assert self.headers["sec-websocket-accept"] == want, "not the answer to this key"
        chosen = self.headers.get("sec-websocket-protocol")
        assert chosen is None or chosen in protocols, f"a subprotocol that was not offered: {chosen}"
        agreed = self.headers.get("sec-websocket-extensions", "")
        assert not agreed or offer, f"an extension that was not offered: {agreed}"
        self.is_compressed = agreed.startswith("permessage-deflate")
        for length in ("content-length", "transfer-encoding"):
            assert length not in self.headers, f"a 101 has no body, but there is {length}"

    def body(self, timeout=15.0):
        """What followed the head of a refusal."""
        deadline = time.monotonic() + timeout
        length = int(self.headers["content-length"]) if "content-length" in self.headers else None
        while (length is None or len(self._buffer) < length) and self._receive(deadline):
            pass
        return self._buffer

    def next(self, timeout=15.0):
        """The next `Text`, `Pong` or `Close`; None when the connection has ended.

        Raises `TimeoutError` when none came in time (what came of it is kept), `ConnectionError` when the connection broke.
        """
        deadline = time.monotonic() + timeout
        while True:
            while (taken := self._take()) is None:
                if not self._receive(deadline):
                    if self._buffer:
                        raise ProtocolViolation(f"ended in mid-frame: {self._buffer[:80]!r}")
                    return None
            opcode, is_compressed, payload = taken
            if self.closed_with is not None:
                raise ProtocolViolation(f"a frame after the close frame: {opcode:#x} {payload[:80]!r}")
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == PONG:
                return Pong(payload)
            elif opcode == CLOSE:
                return self._closing(payload)
            else:
                return Text(self._text(payload, is_compressed), is_compressed)

    def _take(self):
        """The frame at the front of the buffer, if all of it is there."""
        if len(self._buffer) < 2:
            return None
        first, second = self._buffer[:2]
        fin, rsv, opcode, length, start = first >> 7, first >> 4 & 7, first & 15, second & 127, 2
        if second & 0x80:
            raise ProtocolViolation("a server's frame is masked")
        if not fin or opcode not in (TEXT, CLOSE, PING, PONG):
            raise ProtocolViolation(f"a frame that these surfaces never send: {self._buffer[:10]!r}")
        if rsv not in (0, 4 if self.is_compressed and opcode == TEXT else 0):
            raise ProtocolViolation(f"reserved bits {rsv:03b} in {self._buffer[:10]!r}")
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(self._buffer) < start:
                return None
            length = int.from_bytes(self._buffer[2:start], "big")
            if opcode >= CLOSE or length < (126 if start == 4 else 65536):
                raise ProtocolViolation(f"not the shortest form of a length: {self._buffer[:10]!r}")
        if len(self._buffer) < start + length:
            return None
        payload, self._buffer = self._buffer[start : start + length], self._buffer[start + length :]
        return opcode, rsv == 4, payload

    def _text(self, payload, is_compressed):
        if is_compressed:
            inflater = zlib.decompressobj(-15)
            payload = inflater.decompress(payload + b"\x00\x00\xff\xff")
        try:
            return payload.decode()
        except UnicodeDecodeError as error:
            raise ProtocolViolation(f"not UTF-8 ({error}): {payload[:80]!r}") from None

    def _closing(self, payload):
        if len(payload) == 1:
            raise ProtocolViolation("a close frame with one byte")
        code = int.from_bytes(payload[:2], "big") if payload else None
        self.closed_with = Close(code, payload[2:].decode())
        try:
            self.send_bytes(frame(CLOSE, payload[:2]))
        except OSError:
            pass  # the server need not wait for the answer
        return self.closed_with

    def next_text(self, timeout=15.0):
        message = self.next(timeout)
        assert isinstance(message, Text), f"text was due, not {message}"
        return message.text

    def expect_close(self, code, timeout=15.0):
        """The next message besides heartbeats is a close frame with that code, and then the connection ends. Returns the reason."""
        deadline = time.monotonic() + timeout
        message = self.next(timeout)
        # The phase of the heartbeats is the edge's own: the first one can come at any time.
        while isinstance(message, Text) and message.text.startswith('{"type":"heartbeat",'):
            message = self.next(max(0, deadline - time.monotonic()))
        assert isinstance(message, Close), f"a close frame ({code}) was due, not {message}"
        assert message.code == code, f"closed with {message.code} ({message.reason}) instead of {code}"
        self.expect_end()
        return message.reason

    def expect_end(self, timeout=8.0):
        """The server ends the connection, without anything more."""
        try:
            assert (message := self.next(timeout)) is None, f"the connection was to end, but there came {message}"
        except ConnectionError:
            pass
        except TimeoutError:
            raise AssertionError(f"the server has not ended the connection within {timeout} s") from None

    def _receive(self, deadline):
        """Reads more into the buffer. False at the end of the connection."""
        if self._is_at_end:
            return False
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("nothing in time")
        self.socket.settimeout(remaining)
        data = self.socket.recv(65536)
        self._buffer += data
        self._is_at_end = not data
        return bool(data)

    @property
    def unread(self):
        """Bytes that were received and belong to no message handed out so far."""
        return self._buffer

    def send_bytes(self, data, timeout=15.0):
        self.socket.settimeout(timeout)
        self.socket.sendall(data)

    def send(self, opcode, payload=b"", **form):
        self.send_bytes(frame(opcode, payload, **form))

    def send_text(self, text):
        self.send(TEXT, text.encode())

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
