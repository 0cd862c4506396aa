"""Commands to agents, from a relay's client to a service on the bus and back (contract §6, docs/commands.md)."""

import contextlib
import json
import sys
import time

import pytest
import websocket
from websockets.sync.client import connect

from causeway_kit.processes import Process
from causeway_kit.relay import Relay, RelayClient, request
from causeway_kit.services import ROOT, is_built
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import Close, Text

pytestmark = pytest.mark.skipif(not is_built(Relay.executable), reason=f"{Relay.executable} is not built")

METHOD_NOT_FOUND, INVALID_PARAMS, DEADLINE_EXCEEDED, INVALID_ANSWER, TOO_MANY = -32601, -32602, -32003, -32004, -32005


@pytest.fixture
def relay(stack):
    return stack.edge(Relay.executable, command_timeout="2s")


@pytest.fixture
def service(stack):
    """The documentation's example, unchanged."""
    command = [sys.executable, ROOT / "docs/examples/responder.py"]
    process = Process("responder", command, stack.directory, {"NATS_URL": stack.nats.url})
    stack.add(process)
    process.wait_until(lambda: "listening" in process.log, "it listens", timeout=30)
    return process


@pytest.fixture
def client(relay):
    client = RelayClient(relay, mint(user="usr_ann"))
    yield client
    client.close()


def test_a_command_is_answered_by_the_service_and_by_none_with_its_absence(client, service):
    assert client.result("agent.list") == {"tenant": "acme", "agents": ["log analysis", "metrics", "deployments"]}
    assert client.error("agent.dance") == METHOD_NOT_FOUND
    assert client.error("agent.analyze", {"incidentId": 7}) == INVALID_PARAMS
    assert client.error("rpc.discover") == METHOD_NOT_FOUND


def test_progress_comes_while_it_runs_and_others_are_not_held_up(client, service):
    client.ws.send_text(request("agent.analyze", {"incidentId": "inc_1", "steps": 3, "pause": 0.1}, id="a-7"))
    client.ws.send_text(request("ping", {}, id=8))
    messages = [client.next() for _ in range(5)]
    assert {"jsonrpc": "2.0", "id": 8, "result": {"pong": True}} in messages
    messages = [message for message in messages if message.get("id") != 8]
    assert [message["params"]["step"] for message in messages[:-1]] == [1, 2, 3]
    assert all(message["method"] == "agent.analyze.progress" and message["params"]["requestId"] == "a-7" for message in messages[:-1])
    assert messages[-1]["id"] == "a-7" and messages[-1]["result"]["askedBy"] == "usr_ann"


def test_a_command_has_a_deadline(client, service):
    client.ws.send_text(request("agent.analyze", {"incidentId": "inc_1", "steps": 100, "pause": 0.2}, id=1))
    while "error" not in (message := client.next()):
        assert message["method"] == "agent.analyze.progress"
    assert message["id"] == 1 and message["error"]["code"] == DEADLINE_EXCEEDED
    service.wait_until(lambda: "cancelled" in service.log or "took too long" in service.log, "it is told", timeout=15)


def test_what_nobody_waits_for_any_more_is_cancelled(relay, service):
    gone = RelayClient(relay, mint())
    gone.ws.send_text(request("agent.analyze", {"incidentId": "inc_1", "steps": 100, "pause": 0.1}, id=1))
    assert gone.next()["method"] == "agent.analyze.progress"
    gone.ws.cut()
    service.wait_until(lambda: "cancelled" in service.log, "it is told", timeout=15)


def test_one_connection_has_so_many_commands_under_way_and_no_more(client, service):
    slow = {"incidentId": "inc_1", "steps": 1, "pause": 1}
    for id in range(40):
        client.ws.send_text(request("agent.analyze", slow, id=id))
    answers = {}
    while len(answers) < 40:
        message = client.next()
        if "id" in message:
            answers[message["id"]] = message.get("error", {}).get("code")
    assert [id for id, code in answers.items() if code is None] and set(answers.values()) == {None, TOO_MANY}
    assert sum(code is None for code in answers.values()) == 32


def test_a_batch_with_a_command_is_answered_as_one(client, service):
    client.ws.send_text(f'[{request("ping", id=1)},{request("agent.list", id=2)},{request("agent.dance", id=3)}]')
    answers = {answer["id"]: answer for answer in client.next()}
    assert answers[1]["result"] == {"pong": True} and answers[2]["result"]["tenant"] == "acme"
    assert answers[3]["error"]["code"] == METHOD_NOT_FOUND


# MARK: What a service answers is not valid


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (None, b"no JSON"), ("result", b""), ("result", b'{"a":1,"a":2}'), ("result", b'[{"b":{"a":1,"\\u0061":2}}]'), ("result", b"\xff"),
        ("result", b"\xef\xbb\xbf{}"), ("result", b'"\\ud800"'), ("result", b"[" * 1000 + b"]" * 1000), ("error", b"{}"),
        ("error", b'{"code":"1","message":"m"}'), ("done", b"1"), ("result", b'"%s"' % (b"x" * 262_144)),
    ],
    ids=["text", "nothing", "a member twice", "a member twice within", "not UTF-8", "a byte order mark", "half a surrogate pair", "1,000 levels",
         "an empty error", "an error whose code is text", "an unknown status", "too long"],
)  # fmt: skip
def test_an_answer_that_is_not_valid_is_told(stack, client, status, body):
    stack.bus.answer_commands("agent.odd", [(status, body)])
    assert client.error("agent.odd") == INVALID_ANSWER


# MARK: Bounds measure how slowly a client reads, never how much there is

PADDING = "x" * 20_000


def burst(count):
    """Progress messages of 20 KB, and a result."""
    return [("progress", json.dumps({"n": n, "padding": PADDING}).encode()) for n in range(count)] + [("result", b'"done"')]


def websockets_client(url, token):
    """`recv` has no limit of its own here: the largest event is 256 KiB, and the library's default 1 MiB."""
    return connect(url, additional_headers={"Authorization": f"Bearer {token}"}, max_size=None)


def websocket_client(url, token):
    header = [f"Authorization: Bearer {token}"]
    return contextlib.closing(websocket.create_connection(url, header=header, timeout=60, suppress_origin=True))


@pytest.fixture
def patient(stack):
    """A relay with time limits that suit a loaded machine: for commands, and for messages of a client that reads their answers."""
    return stack.edge(Relay.executable, command_timeout="120s", silence_timeout="120s")


@pytest.mark.parametrize("client_of", [websockets_client, websocket_client], ids=["websockets", "websocket-client"])
@pytest.mark.parametrize("count", [500, 1500])
def test_a_client_that_reads_gets_all_progress(stack, patient, client_of, count):
    stack.bus.answer_commands("agent.talk", burst(count))
    with client_of(patient.url.replace("http", "ws") + Relay.path, mint()) as client:
        assert json.loads(client.recv())["method"] == "connected"
        client.send(request("agent.talk", id="talk"))
        got = [json.loads(client.recv()) for _ in range(count + 1)]
        assert [message["params"]["n"] for message in got[:-1]] == list(range(count))
        assert got[-1] == {"jsonrpc": "2.0", "id": "talk", "result": "done"}
        # No command has finished.
        client.send(request("ping", id=1))
        assert json.loads(client.recv())["result"] == {"pong": True}


def test_the_largest_batch_that_the_other_bounds_allow_is_answered(stack, patient):
    answer = b'"%s"' % (b"x" * (262_144 - 2))
    stack.bus.answer_commands("agent.much", [("result", answer)])
    with RelayClient(patient, mint()) as client:
        client.ws.send_text(json.dumps([json.loads(request("agent.much", id=id)) for id in range(32)]))
        answers = client.next(timeout=60)
        assert [part["id"] for part in answers] == list(range(32)) and all(len(part["result"]) == 262_142 for part in answers)
        client.expect_silence()


def test_a_client_that_stops_reading_is_closed_with_a_code(stack):
    """The kernel buffers the close frame, so the client gets it when it reads again, however late."""
    relay = stack.edge(Relay.executable, stall_timeout="2s", silence_timeout="10s")
    stack.bus.answer_commands("agent.talk", burst(1000))
    with RelayClient(relay, mint(), receive_buffer=8192) as client:
        client.ws.send_text(request("agent.talk", id="talk"))
        gone = 'causeway_edge_closes_total{cause="stalled"}'
        eventually(lambda: relay.metrics().get(gone) == 1, "the relay ends the connection", timeout=30)
        messages = []
        while not isinstance(message := client.ws.next(), Close):
            assert isinstance(message, Text), message
            messages.append(json.loads(message.text)["params"]["n"])
        assert messages == list(range(len(messages))) and len(messages) < 1000
        assert (message.code, bool(message.reason)) == (1008, True)
        client.ws.expect_end()


def test_a_slow_client_of_much_progress_is_still_served(stack):
    """It takes some 500 KB in a second, of 20 MB."""
    relay = stack.edge(Relay.executable, stall_timeout="2s", command_timeout="60s")
    stack.bus.answer_commands("agent.talk", burst(250))
    with RelayClient(relay, mint(), receive_buffer=8192) as client:
        client.ws.send_text(request("agent.talk", id="talk"))
        begin = time.monotonic()
        for n in range(250):
            assert client.next()["params"]["n"] == n
            if n % 25 == 0:
                time.sleep(1)  # The slow client under test: its pace is the input.
        assert client.next()["result"] == "done" and time.monotonic() - begin > 9


def test_a_drain_reaches_a_client_that_has_much_to_read(stack):
    """Its queue is dropped in favour of the close frame."""
    relay = stack.edge(Relay.executable, drain_window="1s")
    stack.bus.answer_commands("agent.talk", burst(1000))
    with RelayClient(relay, mint(), receive_buffer=8192) as client:
        client.ws.send_text(request("agent.talk", id="talk"))
        assert client.next()["params"]["n"] == 0
        relay.terminate()
        assert relay.wait(timeout=15) == 0
        while not isinstance(message := client.ws.next(), Close):
            assert isinstance(message, Text), message
        assert message.code == 1001
