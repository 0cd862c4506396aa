"""Clients that violate RFC 6455 get the close code of the RFC, or a clean end; the services survive all of them."""

import json
import socket
import struct
from dataclasses import dataclass

import pytest

from causeway_kit.doorways import DOORS, door_name
from causeway_kit.services import is_built
from causeway_kit.stack import Stack
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Close,
    Pong,
    Text,
    WebSocketConnection,
    announced,
    close_frame,
    frame,
)  # fmt: skip

LIMIT = 64 * 1024
PROTOCOL_ERROR, UNACCEPTABLE, NOT_UTF8, TOO_BIG = 1002, 1003, 1007, 1009
TENANT = "acme"


@dataclass(frozen=True)
class Program:
    """How one of the services is reached."""

    executable: str
    path: str
    query: tuple = ()

    def connect(self, edge, **options):
        return WebSocketConnection(edge.url + self.path, token=mint(TENANT), query=dict(self.query), **options)


PROGRAMS = [
    Program("websocket-edge", "/v1/stream", (("workspace", TENANT),)),
    Program("jsonrpc-relay", "/v1/connect"),
]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(program, marks=pytest.mark.skipif(not is_built(program.executable), reason=f"{program.executable} is not built"))
        for program in PROGRAMS
    ],
    ids=lambda program: program.executable,
)
def program(request):
    return request.param


@pytest.fixture(scope="module", params=DOORS, ids=door_name)
def edge(program, request):
    """A separate process for this table, so that leaked resources can be counted."""
    with Stack() as stack:
        yield stack.edge(program.executable, quick_door=request.param)


@pytest.fixture
def client(program, edge):
    with program.connect(edge) as connection:
        assert connection.status == 101, f"{connection.status} {connection.body()!r}"
        assert isinstance(connection.next(), Text), "the connection begins with `connected`"
        yield connection


def open_connections(edge):
    return sum(value for name, value in edge.metrics().items() if name.split("{")[0] == "causeway_edge_connections")


# MARK: The table


def row(name, *pieces, code=PROTOCOL_ERROR):
    """A client's input, and the expected close code."""
    return pytest.param(b"".join(pieces), code, id=name)


def fragments(payload, *cuts, opcode=TEXT):
    """A message in pieces, cut at those places."""
    ends = [*cuts, len(payload)]
    begins = [0, *cuts]
    return b"".join(
        frame(opcode if n == 0 else CONTINUATION, payload[begin:end], fin=n == len(ends) - 1)
        for n, (begin, end) in enumerate(zip(begins, ends, strict=True))
    )


TEXT_FRAME = frame(TEXT, b'{"hello":1}')
#: Ill-formed sequences of the Unicode Standard's table 3-7, and of Markus Kuhn's stress test.
ILL_FORMED = {
    "a continuation byte alone": b"\x80",
    "two of them": b"\xbf\x80",
    "a slash in two bytes": b"\xc0\xaf",
    "a slash in three": b"\xe0\x80\xaf",
    "a slash in four": b"\xf0\x80\x80\xaf",
    "the last overlong of two": b"\xc1\xbf",
    "the last overlong of three": b"\xe0\x9f\xbf",
    "the last overlong of four": b"\xf0\x8f\xbf\xbf",
    "the first surrogate": b"\xed\xa0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
    "Latin-1": "größe".encode("latin-1"),
    "UTF-16": "größe".encode("utf-16"),
    "a character broken off by ASCII": b"\xe2\x82a",
}
BROKEN_TEXT = "κόσμε".encode() + b"\xed\xa0\x80" + b"edited"

VIOLATIONS = [
    # Reserved bits. RFC 6455 §5.2
    *(row(f"reserved bits {rsv:03b}", frame(TEXT, b"a", rsv=rsv)) for rsv in range(1, 8)),
    *(row(f"reserved bit {rsv:03b} on a ping", frame(PING, rsv=rsv)) for rsv in (1, 2, 4)),
    row("a reserved bit on a close", frame(CLOSE, rsv=4)),
    row("a reserved bit on a binary frame", frame(BINARY, b"a", rsv=4)),
    row("a reserved bit on a continuation", frame(TEXT, b"a", fin=False), frame(CONTINUATION, b"b", rsv=4)),
    # Reserved opcodes.
    *(row(f"opcode {opcode:#x}", frame(opcode, b"a")) for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)),
    *(row(f"a fragment of opcode {opcode:#x}", frame(opcode, b"a", fin=False)) for opcode in (3, 7, 0xB, 0xF)),
    row("opcode 0x3 within a message", frame(TEXT, b"a", fin=False), frame(3, b"b")),
    # Masks. §5.1
    *(
        row(f"an unmasked {name}", frame(opcode, payload, masked=False))
        for name, opcode, payload in (
            ("text", TEXT, b"a"),
            ("empty text", TEXT, b""),
            ("binary", BINARY, b"a"),
            ("ping", PING, b""),
            ("pong", PONG, b""),
            ("close", CLOSE, struct.pack("!H", 1000)),
            ("long text", TEXT, b"a" * 300),
            ("very long text", TEXT, b"a" * 65536),
        )
    ),
    row("an unmasked continuation", frame(TEXT, b"a", fin=False), frame(CONTINUATION, b"b", masked=False)),
    # Control frames. §5.5
    *(
        row(f"{name} of 126 bytes", frame(opcode, b"\x03\xe8" + b"a" * 124))
        for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))
    ),
    row("ping of 65,536 bytes", frame(PING, b"a" * 65536)),
    row("ping that announces 2^40 bytes", announced(PING, 1 << 40)),
    row("close that announces 126 bytes", announced(CLOSE, 126, form=2)),
    row("ping with a 16-bit length", frame(PING, b"a", length_form=2)),
    *(row(f"a fragmented {name}", frame(opcode, fin=False)) for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))),
    row("a fragmented ping within a message", frame(TEXT, b"a", fin=False), frame(PING, fin=False)),
    # Fragments. §5.4
    row("a continuation of nothing", frame(CONTINUATION, b"a")),
    row("an empty continuation of nothing", frame(CONTINUATION)),
    row("an unfinished continuation of nothing", frame(CONTINUATION, b"a", fin=False)),
    row("a continuation after a whole message", TEXT_FRAME, frame(CONTINUATION, b"a")),
    row("a continuation after a message in pieces", fragments(b'{"a":1}', 3), frame(CONTINUATION, b"a")),
    row("a continuation after a ping", frame(PING), frame(CONTINUATION, b"a")),
    row("text within text", frame(TEXT, b"a", fin=False), frame(TEXT, b"b")),
    row("a beginning within text", frame(TEXT, b"a", fin=False), frame(TEXT, b"b", fin=False)),
    row("binary within text", frame(TEXT, b"a", fin=False), frame(BINARY, b"b")),
    row("text within binary", frame(BINARY, b"a", fin=False), frame(TEXT, b"b")),
    row("text within text after a ping", frame(TEXT, b"a", fin=False), frame(PING, b"p"), frame(TEXT, b"b")),
    # Lengths. §5.2: the shortest form, and the top bit is zero.
    *(row(f"a 16-bit length for {size}", frame(TEXT, b"a" * size, length_form=2)) for size in (0, 1, 125)),
    *(row(f"a 64-bit length for {size}", frame(TEXT, b"a" * size, length_form=8)) for size in (0, 125, 126, 65535)),
    *(row(f"a length of {length:#x}", announced(TEXT, length)) for length in (1 << 63, (1 << 63) + 5, (1 << 64) - 1)),
    # Too big. Contract §5: 64 KiB
    row("65,537 bytes", frame(TEXT, b"a" * (LIMIT + 1)), code=TOO_BIG),
    row("65,537 binary bytes", frame(BINARY, b"a" * (LIMIT + 1)), code=TOO_BIG),
    *(
        row(f"{length:,} bytes announced", announced(TEXT, length), code=TOO_BIG)
        for length in (LIMIT + 1, 1 << 31, 1 << 32, 1 << 40, (1 << 63) - 1)
    ),
    row("65,537 bytes in two fragments", fragments(b"a" * (LIMIT + 1), LIMIT), code=TOO_BIG),
    row("65,537 bytes in 65 fragments", fragments(b"a" * (LIMIT + 1), *range(1024, LIMIT, 1024)), code=TOO_BIG),
    row("fragments without an end", frame(TEXT, b"a" * 40_000, fin=False), frame(CONTINUATION, b"a" * 40_000, fin=False), code=TOO_BIG),
    # Close frames. §5.5.1, §7.4
    *(
        row(f"close code {code}", close_frame(code))
        for code in (0, 1, 500, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535)
    ),
    row("a close with one byte", frame(CLOSE, b"\x03")),
    row("a close reason that is not UTF-8", close_frame(1000, b"\xff\xfe"), code=NOT_UTF8),
    row("a close reason broken off", close_frame(1000, "größe".encode()[:3]), code=NOT_UTF8),
    row("a close reason with a surrogate", close_frame(1000, b"\xed\xa0\x80"), code=NOT_UTF8),
    # Invalid text. §8.1
    *(row(f"text: {name}", frame(TEXT, b"ok " + wrong + b" tail"), code=NOT_UTF8) for name, wrong in ILL_FORMED.items()),
    *(row(f"text that ends within a character, {n}", frame(TEXT, "ok 😀".encode()[:-n]), code=NOT_UTF8) for n in (1, 2, 3)),
    *(row(f"a surrogate, split at {n}", fragments(BROKEN_TEXT, n), code=NOT_UTF8) for n in range(len(BROKEN_TEXT) + 1)),
    row("a surrogate, in single bytes", fragments(BROKEN_TEXT, *range(1, len(BROKEN_TEXT))), code=NOT_UTF8),
    row(
        "text that breaks off at the end of its fragments", frame(TEXT, b"\xf0\x9f", fin=False), frame(CONTINUATION, b"\x98"), code=NOT_UTF8
    ),
    row(
        "a character continued across a ping, wrongly",
        frame(TEXT, b"\xf0\x9f", fin=False),
        frame(PING),
        frame(CONTINUATION, b"ab"),
        code=NOT_UTF8,
    ),
    row("wrong text whose frame never ends", frame(TEXT, b"\xff" + b"a" * 100)[:-50], code=NOT_UTF8),
    # Data that cannot be accepted.
    row("binary", frame(BINARY, b"\x00\x01"), code=UNACCEPTABLE),
    row("empty binary", frame(BINARY), code=UNACCEPTABLE),
    row("binary in fragments", fragments(b"\x00\x01", 1, opcode=BINARY), code=UNACCEPTABLE),
    row("binary that happens to be text", frame(BINARY, b"{}"), code=UNACCEPTABLE),
    # Other protocols.
    row("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    row("a TLS greeting", bytes.fromhex("16030100c8010000c40303") + b"\x00" * 189),
    row("zeros", bytes(100)),
    row("ones", b"\xff" * 100),
    row("a violation right after a good message", TEXT_FRAME, frame(3)),
]


def test_the_table_is_long_enough():
    assert len(VIOLATIONS) >= 80


def closing(client):
    """Returns the close frame; skips the services' answers to valid messages before it."""
    while isinstance(message := client.next(), Text | Pong):
        pass
    return message


@pytest.mark.parametrize(("sent", "code"), VIOLATIONS)
def test_a_violation_is_closed_with_its_code(client, sent, code):
    try:
        client.send_bytes(sent)
    except ConnectionError:
        pass  # it has heard enough
    message = closing(client)
    assert isinstance(message, Close), f"a close frame ({code}) was due, not {message}"
    assert message.code == code, f"closed with {message.code} ({message.reason}) instead of {code}"
    assert message.reason, "a close frame of the server says why"
    client.expect_end()


@pytest.mark.parametrize(("sent", "code"), VIOLATIONS[::7])
def test_it_does_not_matter_how_the_bytes_are_cut(client, sent, code):
    """One segment per byte, as far as the kernel allows; and data after the violation is ignored."""
    try:
        for byte in sent[:400]:
            client.send_bytes(bytes([byte]))
        client.send_bytes(sent[400:] + frame(PING, b"after"))
    except ConnectionError:
        pass
    message = closing(client)
    assert isinstance(message, Close) and message.code == code, f"a close frame ({code}) was due, not {message}"
    client.expect_end()


# MARK: What breaks no rule, or breaks off


@pytest.mark.parametrize("code", [None, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4000, 4999])
def test_a_close_is_echoed_and_ends_the_connection(client, code):
    client.send_bytes(frame(CLOSE) if code is None else close_frame(code, b"bye"))
    message = client.next()
    assert isinstance(message, Close) and message.code == code, f"the same code was due, not {message}"
    client.expect_end()


def test_nothing_after_a_close_is_heard(client):
    client.send_bytes(close_frame(1000) + frame(PING, b"after") + frame(3))
    message = client.next()
    assert isinstance(message, Close) and message.code == 1000
    client.expect_end()


@pytest.mark.parametrize("payload", [b"", b"a", b"a" * 125], ids=len)
def test_a_ping_is_answered_with_its_payload(client, payload):
    client.send(PING, payload)
    assert client.next() == Pong(payload)


def test_a_ping_within_a_message_is_answered_at_once(client):
    client.send_bytes(frame(TEXT, b"[", fin=False) + frame(PING, b"1") + frame(CONTINUATION, b" ", fin=False) + frame(PING, b"2"))
    assert [client.next(), client.next()] == [Pong(b"1"), Pong(b"2")]


def test_a_pong_that_nobody_asked_for_is_no_violation(client):
    client.send_bytes(frame(PONG) + frame(PONG, b"x" * 125) + frame(PING, b"still there"))
    assert client.next() == Pong(b"still there")


def test_what_comes_with_the_handshake_is_heard(program, edge):
    with program.connect(edge, early=frame(PING, b"early")) as client:
        messages = [client.next(), client.next()]
        assert Pong(b"early") in messages


HALF = {
    "nothing": b"",
    "one byte": frame(TEXT, b"hello")[:1],
    "half a head": announced(TEXT, 60_000)[:6],
    "half a mask": frame(TEXT, b"hello")[:4],
    "half a payload": frame(TEXT, b"hello")[:-2],
    "a head that announces much": announced(TEXT, LIMIT),
    "half a ping": frame(PING, b"hello")[:-2],
    "half a close": close_frame(1000)[:-1],
    "a first fragment": frame(TEXT, b"[", fin=False),
    "half a second fragment": frame(TEXT, b"[", fin=False) + frame(CONTINUATION, b"1]")[:-1],
}


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF.keys())
@pytest.mark.parametrize("leave", ["close", "shut down", "reset"])
def test_half_frames_and_then_nothing(program, edge, sent, leave):
    """Waits for the rest as long as the client is connected; when the client disconnects in any way, the connection ends."""
    before = open_connections(edge)
    with program.connect(edge) as client:
        client.next()
        eventually(lambda: open_connections(edge) > before, "the connection is counted", timeout=5)
        client.send_bytes(sent)
        with pytest.raises(TimeoutError):
            client.next(timeout=0.05)
        match leave:
            case "close":
                client.close()
            case "reset":
                client.cut()
            case "shut down":
                client.socket.shutdown(socket.SHUT_WR)
                client.expect_end()
    eventually(lambda: open_connections(edge) <= before, "the connection is gone", timeout=10)


# MARK: Handshakes

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def handshake(program, edge, *, method="GET", path=None, version="HTTP/1.1", body=b"", **changes):
    """A handshake's bytes. `changes` replace fields by name (`_` for `-`); None leaves one out, a list sends it several times."""
    target = (path or program.path) + "".join(f"?{name}={value}" for name, value in program.query)
    fields = {
        "Host": f"127.0.0.1:{edge.http_port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13", "Authorization": f"Bearer {mint(TENANT)}",
    } | {name.replace("_", "-"): value for name, value in changes.items()}  # fmt: skip
    lines = [f"{method} {target} {version}"]
    for name, value in fields.items():
        lines += [f"{name}: {one}" for one in (value if isinstance(value, list) else [value]) if one is not None]
    return "\r\n".join([*lines, "", ""]).encode() + body


HANDSHAKES = [
    pytest.param({"Upgrade": None}, 426, id="no Upgrade"),
    pytest.param({"Upgrade": "h2c"}, 426, id="an upgrade to something else"),
    pytest.param({"Connection": "keep-alive"}, 426, id="Connection without Upgrade"),
    pytest.param({"Upgrade": None, "Connection": None}, 426, id="an ordinary request"),
    pytest.param({"Sec_WebSocket_Version": None}, 426, id="no version"),
    pytest.param({"Sec_WebSocket_Version": "8"}, 426, id="version 8"),
    pytest.param({"Sec_WebSocket_Version": "99"}, 426, id="version 99"),
    pytest.param({"Sec_WebSocket_Key": None}, 400, id="no key"),
    pytest.param({"Sec_WebSocket_Key": ""}, 400, id="an empty key"),
    pytest.param({"Sec_WebSocket_Key": "c2hvcnQ="}, 400, id="a short key"),
    pytest.param({"Sec_WebSocket_Key": "A" * 44}, 400, id="a long key"),
    pytest.param({"Sec_WebSocket_Key": "!" * 24}, 400, id="a key that is not base64"),
    pytest.param({"Sec_WebSocket_Key": [KEY, KEY]}, 400, id="two keys"),
    pytest.param({"method": "POST", "Content_Length": "0"}, 405, id="POST"),
    pytest.param({"method": "PUT", "Content_Length": "0"}, 405, id="PUT"),
    pytest.param({"path": "/v1/elsewhere"}, 404, id="another path"),
    pytest.param({"path": "/"}, 404, id="the root"),
    pytest.param({"Content_Length": "2", "body": b"{}"}, 400, id="a body"),
    pytest.param({"Origin": "https://evil.example"}, 403, id="a page of another origin"),
    pytest.param({"Origin": "null"}, 403, id="a page without an origin"),
]


@pytest.mark.parametrize(("changes", "status"), HANDSHAKES)
def test_a_bad_handshake_is_answered_as_an_error(program, edge, changes, status):
    with WebSocketConnection.raw(edge.url, handshake(program, edge, **changes)) as client:
        assert client.status == status, client.head
        assert client.headers["content-type"].startswith("application/json")
        assert set(error := json.loads(client.body())) >= {"error", "message"} and error["message"]
        if status == 426:
            assert client.headers["upgrade"].lower() == "websocket"
        if "Sec_WebSocket_Version" in changes:
            assert client.headers["sec-websocket-version"] == "13"
        if status == 405:
            assert "GET" in client.headers["allow"]


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 204), ("HEAD", 405), ("POST", 405)])
def test_the_methods_of_the_path_are_told_alike(program, edge, method, status):
    with WebSocketConnection.raw(edge.url, handshake(program, edge, method=method, Content_Length="0")) as client:
        assert client.status == status, client.head
        assert client.headers["allow"] == "GET, OPTIONS"


GOOD_HANDSHAKES = [
    pytest.param({}, id="as it should be"),
    pytest.param({"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}, id="other spellings"),
    pytest.param({"Connection": ["keep-alive", "upgrade"]}, id="two Connection fields"),
    pytest.param({"Sec_WebSocket_Extensions": 'x-unknown; a=1, permessage-deflate; =;"garbage'}, id="extensions that are garbage"),
    pytest.param({"Sec_WebSocket_Protocol": "mqtt, wamp"}, id="subprotocols nobody knows"),
    pytest.param({"Cookie": "a=" + "b" * 3000}, id="a long cookie"),
]


@pytest.mark.parametrize("changes", GOOD_HANDSHAKES)
def test_an_unusual_handshake_is_accepted(program, edge, changes):
    with WebSocketConnection.raw(edge.url, handshake(program, edge, **changes)) as client:
        assert client.status == 101, client.head
        assert client.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-extensions" not in client.headers and "sec-websocket-protocol" not in client.headers
        assert isinstance(client.next(), Text)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 100,
        b"BLAH\r\n\r\n",
        b"GET\r\n\r\n",
        frame(TEXT, b"hello"),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
    ],
    ids=["zeros", "one word", "a method alone", "a frame", "version 9.9", "a field without a colon"],
)
def test_what_is_no_request_gets_an_error_or_nothing(edge, sent):
    try:
        with WebSocketConnection.raw(edge.url, sent) as client:
            assert 400 <= client.status < 600
    except ConnectionError:
        pass


@pytest.mark.parametrize("length", [1, 20, 60, -3])
def test_half_a_handshake_and_then_nothing(program, edge, length):
    with socket.create_connection(("127.0.0.1", edge.http_port)) as client:
        client.sendall(handshake(program, edge)[:length])


# MARK: Afterwards


def test_the_process_is_up_and_no_connection_is_left(program, edge):
    """Last in this file: resources that the tests above have leaked."""
    eventually(lambda: open_connections(edge) == 0, "all connections are gone", timeout=20)
    edge.expect_alive()
    assert edge.readiness() == 200
    with program.connect(edge) as client:
        assert isinstance(client.next(), Text)
        assert open_connections(edge) == 1
    eventually(lambda: open_connections(edge) == 0, "the last one is gone as well", timeout=10)
