"""Tests of the kit: an oracle that cannot fail proves nothing."""

import base64
import hashlib
import re
import socket
import threading

import jwt
import pytest

from causeway_kit.bus import Bus
from causeway_kit.cursors import Cursor
from causeway_kit.nats_server import NATSServer
from causeway_kit.ports import free_port, is_free
from causeway_kit.processes import Process
from causeway_kit.reference import SAMPLES
from causeway_kit.sse import Block, ProtocolViolation, SSEConnection, SSEParser
from causeway_kit.subjects import event_subject, tenant_of
from causeway_kit.tokens import SECRET, expect_no_token, mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import TEXT, Close, Pong, Text, WebSocketConnection, frame


def test_blocks_are_cut_at_empty_lines_however_the_bytes_arrive():
    stream = b"retry: 2000\nid: evt_1\n\nid: evt_2\nevent: a.b\ndata: {}\n\n"
    expected = [Block(stream[:23], id="evt_1", retry=2000), Block(stream[23:], id="evt_2", event="a.b", data="{}")]
    for cut in range(len(stream) + 1):
        parser = SSEParser()
        assert parser.feed(stream[:cut]) + parser.feed(stream[cut:]) == expected
        assert parser.unfinished == b""


@pytest.mark.parametrize(
    "stream",
    [
        b"data:{}\n\n",
        b"data: a\r\n\r\n\n\n",
        b": a comment\n\n",
        b"data: a\ndata: b\n\n",
        b"retry: soon\n\n",
        b"colour: red\n\n",
        b"data: \xff\n\n",
        b"\n\n\n",
    ],
)
def test_anything_but_the_contracts_form_is_a_violation(stream):
    with pytest.raises(ProtocolViolation):
        SSEParser().feed(stream)


def fake_server(answer):
    """Answers one connection with those bytes and closes it. Returns its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as client:
            client.recv(65536)
            client.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/stream"


def test_a_connection_reads_head_and_blocks_and_sees_an_orderly_end():
    url = fake_server(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: evt_1\nevent: a.b\ndata: {}\n\n")
    with SSEConnection(url) as connection:
        assert (connection.status, connection.headers) == (200, {"content-type": "text/event-stream"})
        assert connection.next_block().event == "a.b"
        assert connection.next_block() is None


@pytest.mark.parametrize("pings", [False, True])
def test_pings_are_handed_out_only_where_they_are_asked_for(pings):
    url = fake_server(b"HTTP/1.1 200 OK\r\n\r\nid: evt_1\nevent: ping\ndata: {}\n\nid: evt_2\nevent: a.b\ndata: {}\n\n")
    with SSEConnection(url, pings=pings) as connection:
        assert [block.id for block in iter(connection.next_block, None)] == (["evt_1"] if pings else []) + ["evt_2"]


def test_an_end_in_mid_block_is_a_violation():
    with SSEConnection(fake_server(b"HTTP/1.1 200 OK\r\n\r\nid: evt_1\nev")) as connection:
        with pytest.raises(ProtocolViolation):
            connection.next_block()


def fake_websocket_server(*answers, extensions=""):
    """Accepts one handshake, sends those bytes, and returns what the client sent afterwards in a list that fills at the end."""
    listener, heard = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        with listener, listener.accept()[0] as client:
            head = client.recv(65536).decode()
            key = re.search(r"Sec-WebSocket-Key: (\S+)", head)[1]
            accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
            lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}"]
            client.sendall("\r\n".join([*lines, *([extensions] if extensions else []), "", ""]).encode() + b"".join(answers))
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                heard.append(data)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/stream", heard


def test_a_websocket_reads_messages_answers_pings_and_sees_the_end():
    url, heard = fake_websocket_server(b"\x81\x02hi", b"\x8a\x01p", b"\x89\x01q", b"\x81\x7e\x00\x80" + b"x" * 128, b"\x88\x05\x03\xe9bye")
    with WebSocketConnection(url) as client:
        assert [client.next() for _ in range(4)] == [Text("hi"), Pong(b"p"), Text("x" * 128), Close(1001, "bye")]
        assert client.next() is None
    eventually(lambda: len(b"".join(heard)) == 7 + 8, "the ping and the close are answered")
    assert [b"".join(heard)[0], b"".join(heard)[7]] == [0x8A, 0x88]


def test_a_websocket_inflates_what_was_agreed_to_be_compressed():
    hello = b"\xc1\x07" + bytes.fromhex("f248cdc9c90700")
    url, _ = fake_websocket_server(hello, extensions="Sec-WebSocket-Extensions: permessage-deflate")
    with WebSocketConnection(url, offer="permessage-deflate") as client:
        assert client.next() == Text("Hello", is_compressed=True)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x81\x82\0\0\0\0hi",
        b"\xc1\x02hi",
        b"\x01\x02hi",
        b"\x82\x02hi",
        b"\x83\x00",
        b"\x81\x7e\x00\x02hi",
        b"\x81\x02\xff\xff",
        b"\x88\x01\x03",
        b"\x81\x05hi",
    ],
    ids=bytes.hex,
)
def test_frames_that_no_server_of_ours_may_send_are_violations(sent):
    url, _ = fake_websocket_server(sent)
    with WebSocketConnection(url) as client, pytest.raises(ProtocolViolation):
        client.next()


def test_a_frame_after_the_close_frame_is_a_violation():
    url, _ = fake_websocket_server(b"\x88\x00\x81\x02hi")
    with WebSocketConnection(url) as client:
        assert client.next() == Close(None, "")
        with pytest.raises(ProtocolViolation):
            client.next()


def test_client_frames_are_masked_unless_they_are_to_be_wrong():
    made = frame(TEXT, b"hello")
    assert made[:2] == b"\x81\x85" and bytes(byte ^ made[2 + n % 4] for n, byte in enumerate(made[6:])) == b"hello"
    assert frame(TEXT, b"hi", masked=False) == b"\x81\x02hi"
    assert frame(TEXT, b"hi", masked=False, length_form=8) == b"\x81\x7f\0\0\0\0\0\0\0\x02hi"
    assert frame(TEXT, b"", fin=False, rsv=4, masked=False) == b"\x41\x00"
    assert frame(TEXT, b"x" * 65536, masked=False)[:10] == b"\x81\x7f\0\0\0\0\0\x01\0\0"


def test_cursors_survive_the_round_trip():
    text = "evt_01HX9VTPQR3KF8MZWBYD5N6JCE"
    assert Cursor.parse(text).text == text
    assert Cursor(time=0, epoch=0, sequence=1).text == "evt_" + "0" * 25 + "1"
    with pytest.raises(AssertionError):
        Cursor.parse("evt_81HX9VTPQR3KF8MZWBYD5N6JCE")


@pytest.mark.parametrize("tenant", ["acme", "acme.eu", "*", ">", "größe 1", "=41"])
def test_subjects_name_their_tenant(tenant):
    subject = event_subject(tenant, "a.b")
    assert len(subject.split(".")) == 4 and not set("*> ") & set(subject)
    assert tenant_of(subject) == tenant


def test_tokens_are_what_they_say_and_are_found_in_logs():
    token = mint("acme", "usr_7", ("admin",), iss="someone", exp=2_000_000_000)
    assert jwt.decode(token, SECRET, ["HS256"]) == {
        "sub": "usr_7",
        "tenant_id": "acme",
        "roles": ["admin"],
        "exp": 2_000_000_000,
        "iss": "someone",
    }
    assert "sub" not in jwt.decode(mint(sub=None), SECRET, ["HS256"])
    for leak in (token, token.split(".")[1], "tkt_" + 43 * "A", SECRET):
        with pytest.raises(AssertionError):
            expect_no_token("a log", f"GET /v1/notifications/stream?token={leak}\n")
    expect_no_token("a log", "GET /v1/notifications/stream?token=<redacted>\n")


def test_samples_have_one_line_of_valid_data_each():
    assert len({sample.type for sample in SAMPLES}) == len(SAMPLES)
    for sample in SAMPLES:
        [block] = SSEParser().feed(sample.block("evt_1"))
        assert block.event == sample.type and block.data.encode() == sample.data()


def test_free_ports_are_free():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
    assert is_free(port)


def test_a_process_that_ends_by_itself_is_noticed(tmp_path):
    process = Process("quitter", ["sh", "-c", "echo last words; exit 3"], tmp_path).start()
    assert process.wait(timeout=10) == 3
    with pytest.raises(AssertionError, match="ended by itself with code 3(.|\n)*last words"):
        process.expect_alive()
    process.start()
    process.kill()
    process.expect_alive()


def test_the_bus_keeps_what_it_stored_when_it_is_killed(tmp_path):
    server = NATSServer(tmp_path).start()
    bus = Bus(server.url)
    try:
        bus.create_log()
        assert bus.publish_event("größe", "a.b", b'{"n":1}', id="e 1", user="usr_1") == 1
        port = server.port
        server.kill()
        server.start()
        assert server.port == port
        [event] = bus.events()
        assert (event.sequence, event.tenant, event.type, event.user, event.body) == (1, "größe", "a.b", "usr_1", b'{"n":1}')
        bus.recreate_log()
        assert bus.events() == []
    finally:
        bus.close()
        server.kill()
