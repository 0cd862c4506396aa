"""Following one execution of an agent or a workflow (contract §9)."""

import json
import os
import signal
import subprocess
import threading
from urllib.parse import quote

import httpx
import pytest

from causeway_kit.browser import Browser, PageServer
from causeway_kit.cut_line import CutLine
from causeway_kit.executions import Executions, ExecutionStream, stream_path
from causeway_kit.services import command, executable
from causeway_kit.subjects import token
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

AGENT_RUN = [
    ("progress", {"step": "analyzing", "message": "Reading codebase...", "progress": 0.2}),
    ("progress", {"step": "implementing", "message": "Writing code...", "progress": 0.5}),
    ("complete", {"result": "Task completed successfully", "duration": 12500}),
]
WORKFLOW_RUN = [
    ("step_start", {"stepId": "step-1", "name": "Code Review", "agent": "reviewer-agent"}),
    ("step_progress", {"stepId": "step-1", "progress": 0.75, "message": "Found 3 issues"}),
    ("step_complete", {"stepId": "step-1", "result": "3 issues found", "duration": 8000}),
    ("workflow_complete", {"result": "done"}),
]


@pytest.fixture
def agent(shared, tenant):
    return Executions(shared.intake, "agents", "my-agent", tenant)


def as_seen(events, first=1):
    """Returns the events that a viewer gets for `(type, payload)` pairs, with parsed data."""
    return [(first + index, type, payload) for index, (type, payload) in enumerate(events)]


def parsed(events):
    return [(id, type, json.loads(data)) for id, type, data in events]


@pytest.mark.parametrize("kind, run", [("agents", AGENT_RUN), ("workflows", WORKFLOW_RUN)])
def test_a_newcomer_gets_the_execution_from_its_first_event_and_then_live(shared, edge, tenant, kind, run):
    runs = Executions(shared.intake, kind, "it", tenant)
    runs.publish(*run[:2])
    with ExecutionStream(edge, kind, "it", mint(tenant)) as stream:
        assert stream.status == 200
        assert parsed(stream.take(2)) == as_seen(run[:2])
        for event in run[2:]:
            runs.publish(event)
        assert parsed(stream.rest()) == as_seen(run[2:], first=3)
        assert stream.is_over


def test_reconnecting_resumes_and_204_ends_it(shared, edge, tenant, agent):
    agent.publish(*AGENT_RUN)
    for last in (1, 2):
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=last) as stream:
            assert parsed(stream.rest()) == as_seen(AGENT_RUN)[last:]
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=3) as stream:
        assert stream.status == 204


def test_an_unknown_execution_is_not_found(edge, tenant):
    with ExecutionStream(edge, "agents", "nobody", mint(tenant)) as stream:
        assert stream.status == 404


def run_agent(shared, tenant, *arguments, name="builder", **settings):
    """`event-producer run` around a command."""
    options = ["--agent", name, "--tenant", tenant]
    split = arguments.index("--")
    return command("event-producer", "run", *options, *arguments[:split], *arguments[split:], nats_url=shared.nats.url, **settings)


def test_run_publishes_what_a_command_prints(shared, edge, tenant):
    script = 'echo one; echo \'{"progress":0.5,"type":"mine"}\'; echo two >&2; printf "10%%\\r20%%\\r\\n"; echo'
    ended = run_agent(shared, tenant, "--", "sh", "-c", script)
    assert ended.returncode == 0, ended
    assert ended.stdout == b'one\n{"progress":0.5,"type":"mine"}\n10%\r20%\r\n\n'
    assert ended.stderr == b"two\n"
    with ExecutionStream(edge, "agents", "builder", mint(tenant)) as stream:
        events = parsed(stream.rest())
    assert [id for id, _, _ in events] == [1, 2, 3, 4, 5, 6]
    assert events[-1][1] == "complete"
    assert events[-1][2]["exitStatus"] == 0 and 0 <= events[-1][2]["duration"] < 60_000
    payloads = [payload for _, type, payload in events if type == "progress"]
    assert {"progress": 0.5, "type": "mine"} in payloads
    assert sorted(payload["message"] for payload in payloads if "message" in payload) == ["10%", "20%", "one", "two"]


@pytest.mark.parametrize("script, status", [("exit 3", 3), ("kill -9 $$", 137)])
def test_run_tells_how_a_command_failed(shared, edge, tenant, script, status):
    ended = run_agent(shared, tenant, "--", "sh", "-c", script)
    assert ended.returncode == status
    with ExecutionStream(edge, "agents", "builder", mint(tenant)) as stream:
        (only,) = parsed(stream.rest())
    assert only[:2] == (1, "failed")
    assert only[2]["exitStatus"] == status


def test_run_refuses_to_mix_with_an_execution_that_is_running(shared, edge, tenant):
    agent = Executions(shared.intake, "agents", "builder", tenant)
    agent.progress(0.1, execution="first")
    refused = run_agent(shared, tenant, "--", "echo", "never")
    assert refused.returncode == 75 and refused.stdout == b""
    assert b"first" in refused.stderr
    with ExecutionStream(edge, "agents", "builder", mint(tenant)) as stream:
        assert stream.take(1)[0][1] == "progress"
        replaced = run_agent(shared, tenant, "--replace", "--", "echo", "now")
        assert replaced.returncode == 0, replaced
        # Viewers of the abandoned execution get its end.
        (end,) = parsed(stream.rest())
        assert end[:2] == (2, "failed")
    with ExecutionStream(edge, "agents", "builder", mint(tenant)) as stream:
        assert [(id, type) for id, type, _ in stream.rest()] == [(3, "progress"), (4, "complete")]


@pytest.mark.parametrize("arguments, status", [(("--",), 64), (("--", "/no/such/program"), 127), (("--", "/etc/passwd"), 126)])
def test_run_says_why_it_cannot(shared, tenant, arguments, status):
    assert run_agent(shared, tenant, *arguments).returncode == status


def test_run_forwards_signals_to_its_command(shared, edge, tenant):
    script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    line = [executable("event-producer"), "run", "--agent", "builder", "--tenant", tenant, "--", "sh", "-c", script]
    environment = {"PATH": os.environ["PATH"], "NATS_URL": shared.nats.url}
    with subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.read() == b"caught\n"
            assert process.wait(timeout=30) == 5
        finally:
            process.kill()
    with ExecutionStream(edge, "agents", "builder", mint(tenant)) as stream:
        events = parsed(stream.rest())
    assert [payload["message"] for _, _, payload in events[:-1]] == ["ready", "caught"]
    assert events[-1][1] == "failed" and events[-1][2]["exitStatus"] == 5


def test_one_who_waits_is_there_from_the_first_event(shared, edge, tenant, agent):
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), wait="true") as stream:
        assert stream.status == 200 and "causeway-execution" not in stream.headers
        agent.publish(*AGENT_RUN)
        assert parsed(stream.rest()) == as_seen(AGENT_RUN)


def test_the_next_event_after_a_final_one_begins_anew(shared, edge, tenant, agent):
    first = agent.publish(*AGENT_RUN)
    second = agent.progress(0.1)
    assert first["ids"] == [1, 2, 3] and second["ids"] == [4], "numbers go on over all executions"
    assert first["execution"] != second["execution"]
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        assert stream.headers["causeway-execution"] == second["execution"]
        assert parsed(stream.take(1)) == [(4, "progress", {"progress": 0.1})]


def test_a_viewer_stays_with_its_execution_when_another_begins(shared, edge, tenant, agent):
    agent.publish(*AGENT_RUN[:1])
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        stream.take(1)
        agent.publish(*AGENT_RUN[1:], ("progress", {"progress": 0}))
        assert parsed(stream.rest()) == as_seen(AGENT_RUN)[1:]


def test_a_former_execution_is_found_by_its_id(shared, edge, tenant, agent):
    agent.publish(*AGENT_RUN, execution="monday")
    agent.progress(0.1, 0.2, execution="tuesday")
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), execution="monday") as stream:
        assert parsed(stream.rest()) == as_seen(AGENT_RUN)
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), execution="monday", last=2) as stream:
        assert parsed(stream.rest()) == as_seen(AGENT_RUN)[2:]
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), execution="monday", last=3) as stream:
        assert stream.status == 204
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), execution="tuesday", last=4) as stream:
        assert stream.next()[0] == 5
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), execution="tuesday", last=2) as stream:
        assert stream.next()[0] == 4, "it has seen nothing of that one"
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), execution="sunday") as stream:
        assert stream.status == 404


def test_an_id_of_a_former_execution_gets_the_rest_of_that_one_and_its_end(shared, edge, tenant, agent):
    """An id of an earlier execution gets that one, whatever runs now. Only a client without an id, or that names it, gets the new one."""
    agent.publish(*AGENT_RUN)
    agent.publish(*AGENT_RUN)
    agent.progress(0.1)
    for last, rest in ((1, as_seen(AGENT_RUN)[1:]), (2, as_seen(AGENT_RUN)[2:]), (4, as_seen(AGENT_RUN, first=4)[1:])):
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=last) as stream:
            assert stream.status == 200 and parsed(stream.rest()) == rest
    for last in (3, 6):
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=last) as stream:
            assert stream.status == 204
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        assert stream.next()[0] == 7


def test_a_client_that_breaks_away_over_two_executions_misses_nothing_of_its_own(shared, edge, tenant, agent):
    """Reconnects with its last id, like an EventSource, until a 204."""
    agent.publish(*AGENT_RUN[:1])
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        seen = parsed(stream.take(1))
    agent.publish(*AGENT_RUN[1:])
    agent.publish(*AGENT_RUN)
    statuses = []
    while not statuses or statuses[-1] == 200:
        assert len(statuses) < 10, "it is never told to stop"
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=seen[-1][0]) as stream:
            statuses.append(stream.status)
            if stream.status == 200:
                seen += parsed(stream.take(1))
    assert seen == as_seen(AGENT_RUN) and statuses == [200, 200, 204]


@pytest.mark.parametrize("last", ["4", str(10**18), str(2**63), str(2**64 - 1), str(2**64), "9" * 30])
def test_an_id_beyond_the_last_is_told_and_gets_the_execution_from_its_first_event(shared, edge, tenant, agent, last):
    agent.publish(*AGENT_RUN[:1], execution="monday")
    for query in ({}, {"execution": "monday"}, {"wait": "true"}):
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=last, **query) as stream:
            assert stream.status == 200
            assert stream.next() == (None, "stream.gap", '{"reason":"unknown_cursor"}')
            assert stream.next()[0] == 1


def test_numbers_whose_events_have_expired_are_told(stack):
    """Answered by an edge that has read all of them, and by a new one."""
    agent = Executions(stack.intake, "agents", "my-agent", "acme")
    token, veteran = mint("acme"), stack.edge()
    for _ in range(3):
        agent.publish(*AGENT_RUN[:2], ("progress", {"progress": 0.9}), AGENT_RUN[2])
    agent.progress(0.1, 0.2, 0.3)
    with ExecutionStream(veteran, "agents", "my-agent", token) as stream:
        assert [id for id, _, _ in stream.take(3)] == [13, 14, 15]
    stack.bus.purge(before=7)
    gap = (None, "stream.gap", '{"reason":"expired"}')

    def begins(edge, expected, **query):
        with ExecutionStream(edge, "agents", "my-agent", token, **query) as stream:
            if stream.status == 204:
                return expected == [204]
            return [event if event[0] is None else event[0] for event in stream.take(len(expected))] == expected

    for edge in (veteran, stack.edge()):
        eventually(lambda edge=edge: begins(edge, [gap, 7, 8], last=5), "5 is told", timeout=10)
        assert begins(edge, [7, 8], last=6), "nothing is missing"
        assert begins(edge, [204], last=4), "its execution is gone, and it has seen the end"
        assert begins(edge, [gap, 13], last=2), "of an execution that is gone"
        assert begins(edge, [13, 14, 15])


EXPIRED = (None, "stream.gap", '{"reason":"expired"}')


def begins_with(edge, expected, **query):
    """Whether a viewer of acme's `my-agent` gets that first: ids, and gaps whole."""
    with ExecutionStream(edge, "agents", "my-agent", mint("acme"), **query) as stream:
        if stream.status != 200:
            return False
        return [event if event[0] is None else event[0] for event in stream.take(len(expected))] == expected


@pytest.mark.parametrize("execution", [None, "monday"])
def test_a_name_that_the_log_forgot_never_gives_a_number_twice(stack, execution):
    """A client that resumes gets the gap, from an edge that read the earlier events and from a new one; a client that stayed connected continues."""
    agent, veteran = Executions(stack.intake, "agents", "my-agent", "acme"), stack.edge()
    assert agent.progress(0.1, 0.2, 0.3, 0.4, 0.5, execution=execution)["ids"] == [1, 2, 3, 4, 5]
    with ExecutionStream(veteran, "agents", "my-agent", mint("acme")) as viewer:
        assert [id for id, _, _ in viewer.take(5)] == [1, 2, 3, 4, 5]
        stack.bus.purge_execution("agents", "my-agent", "acme")
        numbers = agent.progress(0.1, 0.2, 0.3, 0.4, execution=execution)["ids"]
        assert numbers[0] > 5 and numbers == list(range(numbers[0], numbers[0] + 4))
        if execution is not None:
            assert [id for id, _, _ in viewer.take(4)] == numbers
    for edge in (veteran, stack.edge()):
        for last in (3, 5):
            # The edges notice deletions within 5 s.
            eventually(lambda edge=edge, last=last: begins_with(edge, [EXPIRED, *numbers], last=last), f"{last} is told", timeout=10)
        assert begins_with(edge, numbers)
        assert begins_with(edge, numbers[1:], last=numbers[0])


def test_an_execution_whose_last_event_was_deleted_goes_on_behind_it(stack):
    """nats-server 2.9 then has no last message of the subject."""
    agent, veteran = Executions(stack.intake, "agents", "my-agent", "acme"), stack.edge()
    begun = agent.progress(0.1, 0.2, 0.3)
    with ExecutionStream(veteran, "agents", "my-agent", mint("acme")) as viewer:
        viewer.take(3)
        stack.bus.delete(stack.bus.state().last_seq)
        fresh = stack.edge()
        assert begins_with(fresh, [1, 2]), "what is kept is found"
        told = agent.progress(0.4, 0.5)
        assert told["execution"] == begun["execution"] and told["ids"][0] > 3
        assert [id for id, _, _ in viewer.take(2)] == told["ids"]
    for edge in (veteran, fresh):
        eventually(lambda edge=edge: begins_with(edge, [1, 2, *told["ids"]]), "3 is gone", timeout=10)
        for last in (2, 3):
            assert begins_with(edge, [EXPIRED, *told["ids"]], last=last)


def test_numbers_on_the_bus_that_no_event_can_have_stop_nobody(stack):
    edge, agent = stack.edge(), Executions(stack.intake, "agents", "my-agent", "acme")
    agent.progress(0.1, execution="monday")
    for number in ("18446744073709551615", "18446744073709551616", "4611686018427387905", "-1", "0", "1e3", ""):
        headers = {"ce-type": "progress", "causeway-execution": "monday", "causeway-number": number}
        stack.bus.publish(f"executions.{token('acme')}.agents.{token('my-agent')}", b'{"progress":0.5}', headers)
        assert agent.progress(0.2, execution="monday")["execution"] == "monday"
    with ExecutionStream(edge, "agents", "my-agent", mint("acme")) as stream:
        assert [id for id, _, _ in stream.take(8)] == list(range(1, 9))


@pytest.mark.parametrize("last", ["-1", "1.5", "abc", "0x10", "evt_01HX9VTPQR3KF8MZWBYD5N6JCE", "1 2", "+1"])
def test_an_id_that_is_no_number_is_told(shared, edge, tenant, agent, last):
    """It is never refused: a browser could not recover from that (contract §3)."""
    agent.progress(0.1)
    for arguments in ({"last": last}, {"last_event_id": last}, {"lastEventId": last}):
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), **arguments) as stream:
            assert stream.status == 200
            _, type, data = stream.next()
            assert (type, json.loads(data)) == ("stream.gap", {"reason": "unknown_cursor"})
            assert stream.next()[0] == 1


@pytest.mark.parametrize("place", ["last", "last_event_id", "lastEventId", "lastEventID", "Last-Event-ID"])
def test_every_spelling_of_an_id_resumes(shared, edge, tenant, agent, place):
    agent.progress(0.1, 0.2, 0.3)
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), **{place: "2"}) as stream:
        assert stream.next()[0] == 3
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last="1", lastEventId="2", padding="x" * 20_000) as stream:
        assert stream.next()[0] == 2, "the header wins over the query, however long that is"


@pytest.mark.parametrize("last", ["", "0"])
def test_having_seen_nothing_is_no_mistake(shared, edge, tenant, agent, last):
    agent.progress(0.1)
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=last) as stream:
        assert stream.next()[0] == 1


NAMES = [
    "a.b", "*", ">", "a b", "a+b", "a/b", "...", "a%2Fb", "🚀 launch", "ünï", "a?b#c", "=2E", "x" * 256, "ü" * 128, "executions.>", "a\"b\\c", "&=;",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["agents", "workflows"])
def test_any_character_may_be_in_a_name(shared, edge, tenant, kind, name):
    runs = Executions(shared.intake, kind, name, tenant)
    final = ("complete" if kind == "agents" else "workflow_complete", {"result": name})
    runs.publish(final)
    with ExecutionStream(edge, kind, name, mint(tenant)) as stream:
        assert parsed(stream.rest()) == [(1, *final)]


def test_names_that_look_alike_are_different(shared, edge, tenant):
    for index, name in enumerate(["é", "e\u0301", "a", "A", "a.b", "a=2Eb"]):
        Executions(shared.intake, "agents", name, tenant).publish(("complete", {"n": index}))
        with ExecutionStream(edge, "agents", name, mint(tenant)) as stream:
            assert json.loads(stream.rest()[0][2]) == {"n": index}
    with ExecutionStream(edge, "workflows", "a", mint(tenant)) as stream:
        assert stream.status == 404


@pytest.mark.parametrize("raw, status", [("x" * 257, 400), ("%C3%BC" * 129, 400), ("%FF", 400), ("%zz", 400), ("a%00b", 400), ("a%0Ab", 400)])
def test_names_that_cannot_be_are_told(shared, edge, tenant, raw, status):
    answer = httpx.get(f"{edge.url}/api/streaming/agents/{raw}/stream", headers={"Authorization": f"Bearer {mint(tenant)}"})
    assert answer.status_code == status
    assert answer.json()["error"] == "validation_error" and "name" in answer.json()["message"]
    posted = shared.intake.post({"type": "complete", "payload": {}}, path=f"/v1/executions/agents/{raw}/events")
    assert posted.status_code == status, posted.text


def test_no_tenant_sees_anothers_and_a_token_is_needed(shared, edge, tenant, agent):
    agent.progress(0.1)
    with ExecutionStream(edge, "agents", "my-agent", mint(f"{tenant}_other")) as stream:
        assert stream.status == 404
    with ExecutionStream(edge, "agents", "my-agent", None) as stream:
        assert stream.status == 401
    # Any valid token of the tenant will do, in the query as well.
    with ExecutionStream(edge, "agents", "my-agent", None, token=mint(tenant, roles=())) as stream:
        assert stream.status == 200


def test_head_and_other_methods(edge, tenant, agent):
    url = f"{edge.url}/api/streaming/agents/my-agent/stream"
    fields = {"Authorization": f"Bearer {mint(tenant)}"}
    assert httpx.head(url, headers=fields).status_code == 404
    agent.publish(*AGENT_RUN)
    answer = httpx.head(url, headers=fields)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert httpx.head(url, headers=fields | {"Last-Event-ID": "3"}).status_code == 204
    refused = httpx.post(url, headers=fields)
    assert refused.status_code == 405 and refused.headers["allow"] == "GET, HEAD, OPTIONS"
    assert httpx.get(url, params={"wait": "perhaps"}, headers=fields).status_code == 400


def test_data_is_the_payload_as_it_was_published(shared, edge, tenant, agent):
    payload = b'{ "type": "mine",  "timestamp":\r\n 12.50, "progress": 0.1e0, "progress2": [1,\n2] , "\\u00e9": "\xc3\xbc" }'
    answer = agent.post(b'{"type":"progress","tenant":"' + tenant.encode() + b'","payload":' + payload + b"}")
    assert answer.status_code == 202, answer.text
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        assert stream.next()[2].encode() == payload.replace(b"\r", b" ").replace(b"\n", b" ")


@pytest.mark.parametrize(
    "event, field",
    [
        ({"type": "Progress", "payload": {}}, "type"),
        ({"type": "incident.created", "payload": {}}, "type"),
        ({"type": "heartbeat", "payload": {}}, "type"),
        ({"type": "error", "payload": {}}, "type"),
        ({"type": "workflow_complete", "payload": {}}, "type"),
        ({"type": "progress", "payload": {"progress": 1.5}}, "payload.progress"),
        ({"type": "progress", "payload": {"progress": "0.5"}}, "payload.progress"),
        ({"type": "progress", "payload": {}}, "payload.progress"),
        ({"type": "complete", "payload": []}, "payload"),
        ({"type": "complete"}, "payload"),
        ({"type": "complete", "payload": {}, "user": "ann"}, "body"),
        ({"type": "complete", "payload": {}, "execution": ""}, "execution"),
        ({"type": "complete", "payload": {}, "execution": "x" * 257}, "execution"),
    ],
)
def test_a_bad_event_is_told_and_nothing_is_stored(shared, edge, tenant, agent, event, field):
    good = {"type": "progress", "payload": {"progress": 0}, "tenant": tenant}
    answer = agent.post([good, event | {"tenant": tenant}])
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith("[1]" if field == "body" else f"[1].{field}"), answer.text
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        assert stream.status == 404


def test_an_execution_that_has_ended_or_is_not_the_one_that_runs_takes_no_events(shared, tenant, agent):
    agent.progress(0.1, execution="monday")
    busy = agent.post({"type": "progress", "payload": {"progress": 0}, "execution": "tuesday", "tenant": tenant})
    assert busy.status_code == 409 and "monday" in busy.json()["message"]
    agent.publish(("complete", {}), execution="monday")
    ended = agent.post({"type": "progress", "payload": {"progress": 0}, "execution": "monday", "tenant": tenant})
    assert ended.status_code == 409 and "ended" in ended.json()["message"]
    late = agent.post([{"type": type, "payload": {}, "execution": "tuesday", "tenant": tenant} for type in ("complete", "complete")])
    assert late.status_code == 400 and late.json()["message"].startswith("[1].execution")


def test_a_repetition_gets_the_numbers_of_the_first_time(shared, tenant, agent):
    events = [{"type": type, "payload": payload, "tenant": tenant, "execution": "monday"} for type, payload in AGENT_RUN]
    first = agent.post(events, headers={"Idempotency-Key": "k1"})
    agent.progress(0.1)
    again = agent.post(events, headers={"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 202, again.text
    assert first.json() == again.json()
    assert shared.bus.last_number("agents", "my-agent", tenant) == 4


def test_who_may_publish(shared, tenant, agent):
    event = {"type": "complete", "payload": {}}
    assert agent.post(event, token=mint(tenant, roles=("member",))).status_code == 403
    assert agent.post(event, token=mint(tenant, roles=("admin",))).status_code == 202
    assert agent.post(event | {"tenant": "other"}, token=mint(tenant, roles=("admin",))).status_code == 403


def test_heartbeats_are_comments(stack):
    edge = stack.edge(execution_heartbeat_interval="200ms")
    agent = Executions(stack.intake, "agents", "my-agent", "acme")
    agent.progress(0.1)
    with ExecutionStream(edge, "agents", "my-agent", mint("acme")) as stream:
        stream.take(1)
        with pytest.raises(TimeoutError):
            stream.next(timeout=1.5)
        assert 4 <= stream.heartbeats <= 9
    assert edge.readiness() == 200


# MARK: Clients that others wrote.


def test_curl_sees_the_reference_example_byte_for_byte(shared, edge, tenant, agent):
    body = (
        b'[{"type":"progress","payload":{"step": "analyzing", "message": "Reading codebase...", "progress": 0.2}},'
        b'{"type":"progress","payload":{"step": "implementing", "message": "Writing code...", "progress": 0.5}},'
        b'{"type":"complete","payload":{"result": "Task completed successfully", "duration": 12500}}]'
    )
    assert agent.post(body, token=mint(tenant, roles=("admin",))).status_code == 202
    line = ["curl", "-sN", "-m", "20", edge.url + stream_path("agents", "my-agent"), "-H", f"Authorization: Bearer {mint(tenant)}"]
    shown = subprocess.run([*line, "-H", "Accept: text/event-stream"], capture_output=True, timeout=30).stdout.decode()
    retry, *blocks = shown.split("\n\n")
    assert retry.startswith("retry: ")
    assert blocks == [
        'id: 1\nevent: progress\ndata: {"step": "analyzing", "message": "Reading codebase...", "progress": 0.2}',
        'id: 2\nevent: progress\ndata: {"step": "implementing", "message": "Writing code...", "progress": 0.5}',
        'id: 3\nevent: complete\ndata: {"result": "Task completed successfully", "duration": 12500}',
        "",
    ]
    resumed = subprocess.run([*line, "-H", "Last-Event-ID: 2"], capture_output=True, timeout=30).stdout.decode()
    assert resumed.split("\n\n")[1:] == blocks[2:]
    status = subprocess.run([*line, "-H", "Last-Event-ID: 3", "-w", "%{http_code}"], capture_output=True, timeout=30).stdout
    assert status == b"204"


def test_a_browser_reconnects_by_itself_and_stops_at_the_end(stack, tmp_path):
    page = PageServer()
    browser = Browser(tmp_path / "chromium")
    edge = stack.edge(cors_origins=page.origin, retry_interval="300ms")
    line = CutLine(edge.http_port)
    try:
        agent = Executions(stack.intake, "agents", "my agent", "acme")
        agent.progress(0.1, 0.2)
        browser.open(page.origin)
        browser.follow(f"{line.url}{stream_path('agents', 'my agent')}?token={quote(mint('acme'))}", ["progress", "complete"])

        def ids():
            return [int(event["id"]) for event in browser.received()]

        eventually(lambda: ids() == [1, 2], "the browser sees what there is")
        for fraction, expected in ((0.3, 3), (0.4, 4), (0.5, 5)):
            line.cut()
            agent.progress(fraction)
            eventually(lambda expected=expected: ids() == list(range(1, expected + 1)), "the browser comes back and misses nothing")
        agent.publish(("complete", {"result": "done"}))
        eventually(lambda: browser.states()[-1] == "closed", "204 ends it")
        assert ids() == [1, 2, 3, 4, 5, 6]
        assert browser.received()[-1]["type"] == "complete"
        assert browser.states().count("open") == 4, browser.states()
        connections = line.connections
        agent.progress(0.1)
        threading.Event().wait(1)
        assert line.connections == connections, "it came back after the end"
    finally:
        line.close()
        browser.close()
        page.close()


def test_any_nats_client_is_a_producer_and_what_is_no_event_is_passed_over(shared, edge, tenant, agent):
    subject = f"executions.{token(tenant)}.agents.my-agent"

    def publish(number, type, **headers):
        fields = {"ce-type": type, "causeway-execution": "by hand", "causeway-number": str(number)} | headers
        return shared.bus.publish(subject, json.dumps({"progress": 0.5, "n": number}).encode(), fields)

    first = publish(1, "progress", **{"Nats-Expected-Last-Subject-Sequence": "0"})
    shared.bus.publish(subject, b"not an event")
    publish(2, "progress", **{"causeway-start": str(first)})
    publish(2, "progress")
    agent.progress(0.7)
    shared.bus.publish(subject, b'{"progress": 0.9}', {"ce-type": "progress"})
    agent.publish(("complete", {}))
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant)) as stream:
        assert stream.headers["causeway-execution"] == "by%20hand"
        assert [id for id, _, _ in stream.rest()] == [1, 2, 3, 4]


def test_a_real_build_can_be_watched_from_elsewhere(shared, edge, tenant, tmp_path):
    names = ("one", "two", "main")
    for name in names[:2]:
        (tmp_path / f"{name}.c").write_text(f"int {name}(void) {{ return 0; }}\n")
    (tmp_path / "main.c").write_text("int one(void), two(void);\nint main(void) { return one() + two(); }\n")
    (tmp_path / "Makefile").write_text("main: main.o one.o two.o\n")
    with ExecutionStream(edge, "agents", "builder", mint(tenant), wait="true") as stream:
        ended = run_agent(shared, tenant, "--", "make", "-C", str(tmp_path), "CC=cc")
        assert ended.returncode == 0, ended
        events = parsed(stream.rest())
    messages = [payload.get("message") for _, _, payload in events]
    compiled = [next(n for n, message in enumerate(messages) if message and f"{name}.c" in message) for name in names]
    assert max(compiled) < next(n for n, message in enumerate(messages) if message and "main.o one.o two.o" in message), messages
    assert events[-1][1] == "complete" and subprocess.run([tmp_path / "main"]).returncode == 0


def test_the_simulator_runs_agents_and_workflows(stack):
    done = command("event-producer", "simulate", "--rate", "400", "--count", "600", "--tenants", "acme", "--seed", "7", nats_url=stack.nats.url)
    assert done.returncode == 0, done.stderr
    assert b" progress " in done.stdout and b" step_start " in done.stdout
    edge = stack.edge()
    for kind, name in (("agents", "code-reviewer"), ("workflows", "nightly-report")):
        with ExecutionStream(edge, kind, name, mint("acme")) as stream:
            id, type, _ = stream.next()
            # Ids go on from one execution to the next, and the simulator runs several.
            assert id >= 1 and type in ("progress", "step_start")
