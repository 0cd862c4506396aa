"""Commands to agents, from a relay's client to a service on the bus and back (contract §6, docs/commands.md)."""

import sys

import pytest

from causeway_kit.processes import Process
from causeway_kit.relay import Relay, RelayClient, request
from causeway_kit.services import ROOT, is_built
from causeway_kit.tokens import mint

pytestmark = pytest.mark.skipif(not is_built(Relay.executable), reason=f"{Relay.executable} is not built")

METHOD_NOT_FOUND, INVALID_PARAMS, DEADLINE_EXCEEDED, TOO_MANY = -32601, -32602, -32003, -32004


@pytest.fixture
def relay(stack):
    return stack.edge(Relay.executable, command_timeout="2s")


@pytest.fixture
def service(stack):
    """The example of the documentation, as it is."""
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
