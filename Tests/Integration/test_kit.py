"""The kit itself: an oracle that cannot fail proves nothing."""

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


def test_an_end_in_mid_block_is_a_violation():
    with SSEConnection(fake_server(b"HTTP/1.1 200 OK\r\n\r\nid: evt_1\nev")) as connection:
        with pytest.raises(ProtocolViolation):
            connection.next_block()


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
    for leak in (token, token.split(".")[1], SECRET):
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
