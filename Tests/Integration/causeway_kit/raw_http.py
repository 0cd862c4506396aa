"""HTTP/1.1 byte for byte: requests that no client library would send, and an upstream that tells what reached it."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A response, and whether the server closed the connection behind it."""

    status: int
    #: Names in lower case; a field that comes twice has two entries.
    fields: tuple[tuple[str, str], ...]
    body: bytes
    is_closed: bool

    def __getitem__(self, name):
        """The value of a field that comes once; None where it does not come."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} comes {len(values)} times: {values}"
        return values[0] if values else None

    def all(self, name):
        return [value for field, value in self.fields if field == name]

    def json(self):
        return json.loads(self.body)


def request(method, path, fields=None, body=b"", *, host="127.0.0.1"):
    """The bytes of a request. `path` and the fields' values may be bytes."""
    lines = [b"%s %s HTTP/1.1" % (_bytes(method), _bytes(path)), b"Host: " + _bytes(host)]
    lines += [_bytes(name) + b": " + _bytes(value) for name, value in (fields or {}).items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def exchange(port, data, *, trust=None, timeout=10.0, wait_for_end=False):
    """Sends bytes over a connection of their own, and reads the answer.

    `trust`: the TLS context, for HTTPS. `wait_for_end`: reads until the server closes, and fails when it does not within `timeout`.
    """
    with _connected(port, trust, timeout) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            # The server has answered before it has read everything.
            pass
        method = data.split(b" ", 1)[0]
        return _read(connection, method, wait_for_end)


def _connected(port, trust, timeout):
    plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return trust.wrap_socket(plain, server_hostname="127.0.0.1") if trust else plain


def _read(connection, method, wait_for_end):
    received, is_closed = b"", False

    def more():
        nonlocal received, is_closed
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        is_closed = is_closed or not data
        received += data
        return bool(data)

    while b"\r\n\r\n" not in received and more():
        pass
    head, separator, _ = received.partition(b"\r\n\r\n")
    assert separator, f"no answer, but {received!r}"
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    known = dict(fields)
    status, begin = int(status_line.split()[1]), len(head) + 4
    chunked = known.get("transfer-encoding") == "chunked"
    if status in (204, 304) or method == b"HEAD":
        length = 0
    else:
        length = None if chunked or "content-length" not in known else int(known["content-length"])
    while not _is_complete(received[begin:], length, chunked) and more():
        pass
    body = received[begin:] if length is None else received[begin : begin + length]
    while wait_for_end and more():
        pass
    return Answer(status, fields, _dechunked(body) if chunked else body, is_closed)


def _is_complete(body, length, chunked):
    if chunked:
        return body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
    return length is not None and len(body) >= length


def _dechunked(body):
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size.split(b";")[0], 16)
        whole, body = whole + body[:count], body[count + 2 :]
    return whole


class Echo:
    """An upstream of every kind of service: it tells what reached it.

    Answers `/readyz` with 200, a path with `/stream` in it with a short stream that says goodbye and ends, and everything else with JSON:
    `target` and `fields` as they came, in latin-1, and the `name` of this upstream. `delay`: how many seconds
    it takes for an answer.
    """

    def __init__(self, name=None, delay=0):
        self._name, self._delay = name, delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.5)
        self.http_port = self.admin_port = self._listener.getsockname()[1]
        self._is_open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._is_open = False
        self._listener.close()

    def _serve(self):
        while self._is_open:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(10)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                data = connection.recv(65536)
                if not data:
                    return
                received += data
            line, *lines = received.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
            method, target, _ = line.split(" ")
            fields = [[name.lower(), value.strip()] for name, _, value in (one.partition(":") for one in lines)]
            what = json.dumps({"name": self._name, "method": method, "target": target, "fields": fields})
            if "/stream" in target.split("?")[0]:
                head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
                body = f'retry: 100\n\nevent: what\ndata: {what}\n\nevent: stream.end\ndata: {{"reason":"draining"}}\n\n'
            else:
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(what)}\r\nConnection: close\r\n\r\n"
                body = what
            # The pace of a slow service is what the test is about: there is no condition to wait for.
            time.sleep(self._delay)
            # A proxy's health check may have seen enough and be gone.
            with contextlib.suppress(ConnectionError):
                connection.sendall((head + body).encode())


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode()
