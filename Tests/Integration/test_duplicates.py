"""Identity, duplicates and Idempotency-Key at every door (contract §2, §10): the same content gets the same answer, other content is a conflict."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.cursors import Cursor
from causeway_kit.executions import events_path
from causeway_kit.intake import Intake, numbered
from causeway_kit.services import command
from causeway_kit.subjects import event_subject
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def stored(stack, tenant):
    return [event for event in stack.bus.events() if event.tenant == tenant]


def message_id(tenant, id, source=""):
    """Computes it as docs/producing.md describes."""
    parts = [part.encode() for part in ("event", tenant, source, id)]
    return hashlib.sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts)).hexdigest()[:40]


def native(tenant, id, payload=None, **members):
    return {"type": "a.b", "tenant": tenant, "id": id, "payload": payload or {"n": 1}} | members


def cloud_event(tenant, id, source="/one", data=None, **attributes):
    return {"specversion": "1.0", "id": id, "source": source, "type": "a.b", "tenant": tenant, "data": data or {"n": 1}} | attributes


def refused_as_conflict(response, says):
    assert response.status_code == 409, response.text
    assert response.json()["error"] == "conflict"
    assert response.json()["message"].startswith(says), response.text


# MARK: Identity


def test_the_source_is_part_of_the_identity(shared, tenant):
    """B3: one id from two sources are two events, in every mode; the native form has the empty source."""
    answers = [
        shared.intake.post(cloud_event(tenant, "same", "/one"), content_type=STRUCTURED),
        shared.intake.post([cloud_event(tenant, "same", "/two")], content_type=BATCH),
        shared.intake.post(
            {"n": 1},
            headers={"ce-specversion": "1.0", "ce-id": "same", "ce-source": "/three", "ce-type": "a.b", "ce-tenant": tenant},
        ),
        shared.intake.post(native(tenant, "same")),
    ]
    assert [answer.status_code for answer in answers] == [202] * 4, [answer.text for answer in answers]
    assert len({answer.json()["ids"][0] for answer in answers}) == 4
    assert len(stored(shared, tenant)) == 4


def test_an_event_is_recognised_whatever_mode_it_comes_in(shared, tenant):
    structured = shared.intake.post(cloud_event(tenant, "one", userid="usr_1"), content_type=STRUCTURED)
    batched = shared.intake.post([cloud_event(tenant, "one", userid="usr_1")], content_type=BATCH)
    attributes = {"specversion": "1.0", "id": "one", "source": "/one", "type": "a.b", "tenant": tenant, "userid": "usr_1"}
    binary = shared.intake.post({"n": 1}, headers={f"ce-{name}": value for name, value in attributes.items()})
    assert structured.json() == batched.json() == binary.json()
    assert len(stored(shared, tenant)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"payload": {"n": 2}},
        {"payload": {"n": 1.0}},
        {"payload": {"n": 1, "more": None}},
        {"type": "a.c"},
        {"user": "usr_1"},
        {"time": "2024-04-01T14:32:10Z"},
    ],
    ids=lambda other: json.dumps(other),
)
def test_other_content_under_a_used_id_is_a_conflict(shared, tenant, other):
    [first] = shared.intake.publish(native(tenant, "used"))
    refused_as_conflict(shared.intake.post(native(tenant, "used") | other), "id: ")
    # In a batch it is named by its index, and none of the others is stored.
    refused_as_conflict(shared.intake.post([native(tenant, "new-1"), native(tenant, "new-2"), native(tenant, "used") | other]), "[2].id: ")
    assert shared.intake.publish(native(tenant, "used")) == [first]
    assert [event.id for event in stored(shared, tenant)] == ["used"]


def test_a_conflict_names_the_attribute_of_the_mode(shared, tenant):
    def binary(body):
        attributes = {"specversion": "1.0", "id": "x", "source": "/one", "type": "a.b", "tenant": tenant}
        return shared.intake.post(body, headers={f"ce-{name}": value for name, value in attributes.items()})

    assert binary({"n": 1}).status_code == 202
    refused_as_conflict(binary({"n": 2}), "ce-id: ")
    refused_as_conflict(shared.intake.post(cloud_event(tenant, "x", data={"n": 2}), content_type=STRUCTURED), "id: ")
    refused_as_conflict(shared.intake.post([cloud_event(tenant, "y"), cloud_event(tenant, "x", data={"n": 2})], content_type=BATCH), "[1].id: ")
    assert [event.id for event in stored(shared, tenant)] == ["x"]


def test_spelling_is_not_content(shared, tenant):
    """White space, the order of members, escapes; in the payload and around it."""
    spellings = [
        b'{"type":"a.b","tenant":"%s","id":"s","payload":{"a":"\xc3\xa9/","b":[1,{"c":null,"d":true}]}}',
        b'{ "id" : "\\u0073", "payload" : { "b":[ 1, {"d":true ,"c":null} ],\n"\\u0061":"\\u00e9\\/" }, "tenant":"%s","type":"a.b" }',
    ]
    answers = [shared.intake.post(spelling % tenant.encode()) for spelling in spellings]
    assert [answer.status_code for answer in answers] == [202, 202], [answer.text for answer in answers]
    assert answers[0].json() == answers[1].json()
    assert len(stored(shared, tenant)) == 1


def test_one_identity_twice_in_a_request(shared, tenant):
    refused_as_conflict(shared.intake.post([native(tenant, "a"), native(tenant, "b"), native(tenant, "a", {"n": 2})]), "[2].id: ")
    assert stored(shared, tenant) == []
    ids = shared.intake.publish(native(tenant, "a"), native(tenant, "b"), native(tenant, "a"))
    assert ids[0] == ids[2] != ids[1]
    assert [event.id for event in stored(shared, tenant)] == ["a", "b"]


def test_times_are_content_only_where_they_were_given(shared, tenant):
    [first] = shared.intake.publish(native(tenant, "timed", time="2024-04-01T14:32:10.000Z"))
    assert shared.intake.publish(native(tenant, "timed", time="2024-04-01T16:32:10+02:00")) == [first], "the same instant"
    refused_as_conflict(shared.intake.post(native(tenant, "timed", time="2024-04-01T14:32:11Z")), "id: ")
    refused_as_conflict(shared.intake.post(native(tenant, "timed")), "id: ")
    [untimed] = shared.intake.publish(native(tenant, "untimed"))
    assert shared.intake.publish(native(tenant, "untimed")) == [untimed]


def test_what_a_producer_on_the_bus_stored_is_recognised(shared, tenant):
    headers = {"ce-specversion": "1.0", "ce-id": "bus", "Nats-Msg-Id": message_id(tenant, "bus")}
    sequence = shared.bus.publish(event_subject(tenant, "a.b"), b'{"n": 1}', headers)
    [id] = shared.intake.publish(native(tenant, "bus"))
    assert Cursor.parse(id).sequence == sequence
    refused_as_conflict(shared.intake.post(native(tenant, "bus", {"n": 2})), "id: ")


def test_the_message_id_on_the_bus_is_as_documented_and_short(shared, tenant):
    shared.intake.publish(native(tenant, "é" * 128))
    shared.intake.post(cloud_event(tenant, "x", "/" + "s" * 511), content_type=STRUCTURED)
    ids = [shared.bus.headers(event.sequence)["Nats-Msg-Id"] for event in stored(shared, tenant)]
    assert ids == [message_id(tenant, "é" * 128), message_id(tenant, "x", "/" + "s" * 511)]


def test_a_message_id_that_belongs_to_something_else_is_a_conflict(shared, tenant):
    """Any program on the bus can use any message id, so a duplicate's content is compared."""
    others = [
        (event_subject(tenant, "a.b"), {"ce-id": "another"}),
        (event_subject(f"{tenant}_b", "a.b"), {"ce-id": "taken-1"}),
        (event_subject(tenant, "a.b"), {"ce-id": "taken-2", "ce-time": "never"}),
    ]
    for number, (subject, headers) in enumerate(others):
        shared.bus.publish(subject, b'{"n":1}', headers | {"Nats-Msg-Id": message_id(tenant, f"taken-{number}")})
        refused_as_conflict(shared.intake.post(native(tenant, f"taken-{number}")), "id: ")


# MARK: Idempotency-Key


def keyed(intake, key, content, **arguments):
    return intake.post(content, headers={"Idempotency-Key": key}, **arguments)


def test_a_key_recognises_the_same_content_serialised_again(shared, tenant):
    """B4, for one event and for batches."""
    one = b'{"type":"a.b","tenant":"%s","payload":{"a":1,"b":"\xc3\xa9"}}' % tenant.encode()
    again = b'{"payload": {"b": "\\u00e9", "a": 1}, "type": "a.b", "tenant": "%s"}' % tenant.encode()
    first, second = keyed(shared.intake, f"{tenant}-1", one), keyed(shared.intake, f"{tenant}-1", again)
    assert (first.status_code, second.status_code) == (202, 202), second.text
    assert first.json() == second.json()
    batches = [keyed(shared.intake, f"{tenant}-2", b"[%s,%s]" % pair) for pair in [(one, again), (again, one)]]
    assert batches[0].status_code == 202 and batches[0].json() == batches[1].json(), batches[1].text
    assert len(stored(shared, tenant)) == 3


def test_other_content_under_a_key_is_a_conflict(shared, tenant):
    event = {"type": "a.b", "tenant": tenant, "payload": {"n": 1}}
    assert keyed(shared.intake, tenant, [event, event]).status_code == 202
    others = [
        event,
        [event],
        [event] * 3,
        [event, event | {"payload": {"n": 2}}],
        [event, event | {"user": "usr_1"}],
        [event, event | {"type": "a.c"}],
        [event, event | {"time": "2024-04-01T14:32:10Z"}],
        [event | {"id": "mine"}, event],
        [event | {"tenant": f"{tenant}_b"}, event],
    ]
    for other in others:
        refused_as_conflict(keyed(shared.intake, tenant, other), "Idempotency-Key: ")
    refused_as_conflict(keyed(shared.intake, tenant, [cloud_event(tenant, "1")], content_type=BATCH), "Idempotency-Key: ")
    path = events_path("agents", "my-agent")
    refused_as_conflict(
        keyed(shared.intake, tenant, {"type": "progress", "tenant": tenant, "payload": {"progress": 0}}, path=path), "Idempotency-Key: "
    )
    assert len(stored(shared, tenant)) == 2 and stored(shared, f"{tenant}_b") == []
    assert keyed(shared.intake, tenant, [event, event]).status_code == 202
    assert len(stored(shared, tenant)) == 2


def test_events_with_ids_under_a_key(shared, tenant):
    """Both apply: an id is recognised without the key, and the key with other ids is a conflict."""
    first = keyed(shared.intake, tenant, [native(tenant, "a"), native(tenant, "b")])
    assert first.status_code == 202
    assert shared.intake.publish(native(tenant, "a"), native(tenant, "b")) == first.json()["ids"]
    assert keyed(shared.intake, f"{tenant}-2", [native(tenant, "a"), native(tenant, "b")]).json() == first.json()
    refused_as_conflict(keyed(shared.intake, tenant, [native(tenant, "a"), native(tenant, "c")]), "Idempotency-Key: ")
    refused_as_conflict(keyed(shared.intake, f"{tenant}-3", [native(tenant, "c"), native(tenant, "a", {"n": 2})]), "[1].id: ")
    assert [event.id for event in stored(shared, tenant)] == ["a", "b"]


def test_a_key_is_its_senders(shared, tenant):
    event = {"type": "a.b", "payload": {"n": 1}}
    tokens = [mint(tenant, "usr_1", ("admin",)), mint(tenant, "usr_2", ("admin",)), mint(f"{tenant}_b", "usr_1", ("admin",))]
    answers = [keyed(shared.intake, "key", event, token=token) for token in tokens]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.json()["ids"][0] for answer in answers}) == 3


def test_keys_hold_across_replicas_and_restarts(stack):
    event = {"type": "a.b", "tenant": "acme", "payload": {"n": 1}}
    first = keyed(stack.intake, "key", [event, event])
    assert first.status_code == 202
    other = Intake(stack.start("event-producer", "serve").wait_ready())
    try:
        assert keyed(other, "key", [event, event]).json() == first.json()
        refused_as_conflict(keyed(other, "key", event), "Idempotency-Key: ")
        stack.nats.kill()
        stack.nats.start()
        other.service.wait_ready()
        again = eventually(lambda: (a := keyed(other, "key", [event, event])).status_code == 202 and a, "accepted after the restart")
        assert again.json() == first.json()
        refused_as_conflict(keyed(other, "key", event), "Idempotency-Key: ")
        refused_as_conflict(keyed(stack.intake, "key", event), "Idempotency-Key: ")
    finally:
        other.close()
    assert len(stack.bus.events()) == 2


def test_a_key_at_the_same_moment_at_two_replicas(stack):
    other = Intake(stack.start("event-producer", "serve").wait_ready())
    try:
        for number in range(10):
            events = [{"type": "a.b", "tenant": "acme", "payload": {"n": number, "m": m}} for m in range(3)]
            with ThreadPoolExecutor(8) as pool:
                sent = [pool.submit(keyed, [stack.intake, other][n % 2], f"key-{number}", events) for n in range(8)]
            answers = [future.result() for future in sent]
            assert [answer.status_code for answer in answers] == [202] * 8, [answer.text for answer in answers]
            assert len({answer.text for answer in answers}) == 1
    finally:
        other.close()
    assert len(stack.bus.events()) == 30


@pytest.mark.parametrize("key", ["", "k" * 257, "é" * 129])
def test_a_key_that_breaks_the_rules_is_refused(shared, tenant, key):
    for path, event in [
        ("/v1/events", {"type": "a.b", "tenant": tenant, "payload": {}}),
        (events_path("agents", "a"), {"type": "progress", "tenant": tenant, "payload": {"progress": 0}}),
    ]:
        response = shared.intake.post(event, path=path, headers={"Idempotency-Key": key.encode()})
        assert response.status_code == 400, response.text
        assert response.json()["message"].startswith("Idempotency-Key: "), response.text
    assert stored(shared, tenant) == []


@pytest.mark.parametrize("key", ["k" * 256, "é" * 128, "with space", '"quoted"'])
def test_a_key_may_be_any_text(shared, tenant, key):
    event = {"type": "a.b", "payload": {}}
    token = mint(tenant, roles=("admin",))
    answers = [shared.intake.post(event, token=token, headers={"Idempotency-Key": key.encode()}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    assert answers[0].json() == answers[1].json()


# MARK: Executions


def execution(intake, tenant, *events, name="my-agent", key=None, **query):
    """Posts agent events, each `(type, payload, members)`."""
    body = [{"type": type, "tenant": tenant, "payload": payload} | members for type, payload, members in events]
    path = events_path("agents", name) + ("?replace=true" if query.get("replace") else "")
    return intake.post(body if len(body) > 1 else body[0], path=path, headers={"Idempotency-Key": key} if key else None)


def progress(n, **members):
    return ("progress", {"progress": n / 10}, members)


def end(**members):
    return ("complete", {"result": "done"}, members)


def test_an_execution_event_is_identified_by_name_run_and_id(shared, tenant):
    first = execution(shared.intake, tenant, progress(1, id="x", execution="A"), end(id="y", execution="A"))
    second = execution(shared.intake, tenant, progress(2, id="x", execution="B"), end(id="y", execution="B"))
    third = execution(shared.intake, tenant, progress(3, id="x", execution="A"), name="another")
    assert [a.status_code for a in (first, second, third)] == [202] * 3, second.text
    assert execution(shared.intake, tenant, progress(1, id="x", execution="A")).json()["ids"] == first.json()["ids"][:1]
    assert execution(shared.intake, tenant, progress(2, id="x", execution="B")).json()["ids"] == second.json()["ids"][:1]
    refused_as_conflict(execution(shared.intake, tenant, progress(2, id="x", execution="A")), "id: ")


def test_execution_events_without_a_run_are_recognised_after_it_ended(shared, tenant):
    events = [progress(1, id="1"), end(id="2"), progress(3, id="3")]
    first = execution(shared.intake, tenant, *events)
    assert first.status_code == 202, first.text
    again = execution(shared.intake, tenant, *events)
    assert again.json() == first.json()
    # Named or not, it is the same event of the same run.
    assert execution(shared.intake, tenant, progress(3, id="3", execution=first.json()["execution"])).json()["ids"] == first.json()["ids"][2:]
    named = execution(shared.intake, tenant, progress(4, id="4", execution=first.json()["execution"]))
    assert execution(shared.intake, tenant, progress(4, id="4")).json() == named.json()


def test_other_content_under_a_used_execution_id_stores_nothing(shared, tenant):
    execution(shared.intake, tenant, progress(1, id="1"))
    refused_as_conflict(execution(shared.intake, tenant, progress(2, id="1")), "id: ")
    refused_as_conflict(execution(shared.intake, tenant, progress(2, id="2"), progress(3, id="3"), progress(4, id="1")), "[2].id: ")
    refused_as_conflict(execution(shared.intake, tenant, progress(2, id="2"), progress(3, id="2")), "[1].id: ")
    refused_as_conflict(execution(shared.intake, tenant, end(id="1")), "id: ")
    assert shared.bus.last_number("agents", "my-agent", tenant) == 1


def test_keys_for_executions(shared, tenant):
    events = [progress(1), progress(2), end()]
    first = execution(shared.intake, tenant, *events, key=tenant)
    assert first.status_code == 202
    assert execution(shared.intake, tenant, *events, key=tenant).json() == first.json()
    for other in (events[:2], events[::-1], [progress(1)], [progress(1, execution="A"), *events[1:]]):
        refused_as_conflict(execution(shared.intake, tenant, *other, key=tenant), "Idempotency-Key: ")
    refused_as_conflict(execution(shared.intake, tenant, *events, key=tenant, name="another"), "Idempotency-Key: ")
    refused_as_conflict(execution(shared.intake, tenant, *events, key=tenant, replace=True), "Idempotency-Key: ")
    assert shared.bus.last_number("agents", "my-agent", tenant) == 3


def test_a_key_of_a_request_that_replaces(shared, tenant):
    execution(shared.intake, tenant, progress(1, execution="A"))
    first = execution(shared.intake, tenant, progress(2, execution="B"), key=tenant, replace=True)
    assert first.status_code == 202 and first.json()["ids"] == [3], first.text
    assert execution(shared.intake, tenant, progress(2, execution="B"), key=tenant, replace=True).json() == first.json()
    refused_as_conflict(execution(shared.intake, tenant, progress(2, execution="B"), key=tenant), "Idempotency-Key: ")
    assert shared.bus.last_number("agents", "my-agent", tenant) == 3


# MARK: Approvals


@pytest.mark.parametrize("decided", [False, True], ids=["pending", "decided"])
def test_a_second_request_for_an_approval_is_a_conflict(shared, tenant, decided):
    """B8, finding 1: at HTTP in every form, on the command line; a repetition of the first request still gets the first answer."""
    [first] = shared.intake.publish(requested("apr", tenant))
    if decided:
        service = approval_service(shared).wait_ready()
        assert ApprovalClient(service, tenant).decide("apr").status_code == 200
    another = requested("apr", tenant, remediationId="rem_other") | {"id": "another"}
    same, unnamed = ({name: value for name, value in event.items() if name != "id"} for event in (requested("apr", tenant), another))
    # Without an id it is recognised by its content, while the approval is pending.
    if not decided:
        assert shared.intake.publish(same) == [first]
    for event in (another, unnamed) + ((same,) if decided else ()):
        refused_as_conflict(shared.intake.post(event), "payload.approvalId: ")
        refused_as_conflict(shared.intake.post([native(tenant, "n"), event]), "[1].payload.approvalId: ")
    refused_as_conflict(keyed(shared.intake, tenant, another), "payload.approvalId: ")
    attributes = {"specversion": "1.0", "id": "ce", "source": "/s", "type": "approval.requested", "tenant": tenant}
    structured = attributes | {"data": another["payload"]}
    refused_as_conflict(shared.intake.post(structured, content_type=STRUCTURED), "data.approvalId: ")
    refused_as_conflict(shared.intake.post([structured], content_type=BATCH), "data.approvalId: ")
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    refused_as_conflict(shared.intake.post(another["payload"], headers=headers), "body.approvalId: ")
    done = command("event-producer", "publish", stdin=json.dumps(another).encode(), nats_url=shared.nats.url)
    assert done.returncode == 65 and b"line 1: payload.approvalId: " in done.stderr, done.stderr
    arguments = ["--type", "approval.requested", "--tenant", tenant, "--payload", json.dumps(another["payload"])]
    done = command("event-producer", "publish", *arguments, nats_url=shared.nats.url)
    assert done.returncode == 65 and b"payload.approvalId: " in done.stderr, done.stderr
    assert shared.intake.publish(requested("apr", tenant)) == [first]
    assert [event.id for event in stored(shared, tenant) if event.type == "approval.requested"] == ["request-apr"]


def test_of_two_requests_in_a_batch_none_is_stored(shared, tenant):
    another = requested("apr", tenant, remediationId="rem_other") | {"id": "another"}
    refused_as_conflict(shared.intake.post([requested("apr", tenant), native(tenant, "n"), another]), "[2].payload.approvalId: ")
    assert stored(shared, tenant) == []
    [first, again] = shared.intake.publish(requested("apr", tenant), requested("apr", tenant))
    assert first == again
    lines = [requested("other", tenant), requested("other", tenant) | {"id": "another"}]
    done = command("event-producer", "publish", stdin="\n".join(map(json.dumps, lines)).encode(), nats_url=shared.nats.url)
    assert done.returncode == 65 and b"line 2: payload.approvalId: " in done.stderr, done.stderr
    assert [event.id for event in stored(shared, tenant)] == ["request-apr", "request-other"]


def test_of_many_requests_for_one_approval_at_once_one_is_stored(stack):
    """Two processes: the first request is stored, and all others get a conflict."""
    other = Intake(stack.start("event-producer", "serve").wait_ready())
    try:
        with ThreadPoolExecutor(12) as pool:
            events = [requested("apr", remediationId=f"rem_{n}") | {"id": f"request-{n}"} for n in range(24)]
            sent = [pool.submit([stack.intake, other][n % 2].post, event) for n, event in enumerate(events)]
        answers = [future.result() for future in sent]
    finally:
        other.close()
    [winner] = stack.bus.events()
    accepted = [n for n, answer in enumerate(answers) if answer.status_code == 202]
    assert accepted == [int(winner.id.removeprefix("request-"))]
    for n, answer in enumerate(answers):
        if n not in accepted:
            refused_as_conflict(answer, "payload.approvalId: ")


# MARK: Command line


def test_ndjson_says_which_lines_conflict_and_stores_the_others(shared, tenant):
    lines = [native(tenant, "a"), native(tenant, "b"), native(tenant, "a"), native(tenant, "a", {"n": 2}), native(tenant, "c")]
    done = command("event-producer", "publish", stdin="\n".join(map(json.dumps, lines)).encode(), nats_url=shared.nats.url)
    assert done.returncode == 65, done.stderr
    assert b"line 4: id: " in done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["id"], line.get("duplicate", False)) for line in printed] == [("a", False), ("b", False), ("a", True), ("c", False)]
    assert printed[0]["cursor"] == printed[2]["cursor"]
    assert [event.id for event in stored(shared, tenant)] == ["a", "b", "c"]
    again = command("event-producer", "publish", stdin="\n".join(map(json.dumps, lines[:3])).encode(), nats_url=shared.nats.url)
    assert again.returncode == 0, again.stderr
    assert [json.loads(line)["cursor"] for line in again.stdout.splitlines()] == [line["cursor"] for line in printed[:3]]


def test_strict_ndjson_ends_at_a_conflict(shared, tenant):
    lines = [native(tenant, "a"), native(tenant, "a", {"n": 2}), native(tenant, "b")]
    done = command("event-producer", "publish", "--strict", stdin="\n".join(map(json.dumps, lines)).encode(), nats_url=shared.nats.url)
    assert done.returncode == 65 and b"line 2: id: " in done.stderr, done.stderr


def test_one_event_on_the_command_line_conflicts(shared, tenant):
    def publish(payload):
        arguments = ["--type", "a.b", "--tenant", tenant, "--id", "one", "--payload", payload]
        return command("event-producer", "publish", *arguments, nats_url=shared.nats.url)

    first, second, third = publish('{"n":1}'), publish('{ "n" : 1 }'), publish('{"n":2}')
    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 65), third.stderr
    assert json.loads(first.stdout)["cursor"] == json.loads(second.stdout)["cursor"]
    assert b"event-producer: id: " in third.stderr


# MARK: At the same moment


def test_many_producers_with_one_id_and_different_contents(stack):
    """The first request is stored; others with the same content get its answer, and those with other content a conflict."""
    other = Intake(stack.start("event-producer", "serve").wait_ready())
    try:
        with ThreadPoolExecutor(12) as pool:
            sent = [(n % 3, pool.submit([stack.intake, other][n % 2].post, native("acme", "raced", {"n": n % 3}))) for n in range(24)]
        answers = [(content, future.result()) for content, future in sent]
    finally:
        other.close()
    [winner] = stack.bus.events()
    content = json.loads(winner.body)["n"]
    assert all(answer.status_code == (202 if mine == content else 409) for mine, answer in answers), [a.text for _, a in answers]
    assert len({answer.text for mine, answer in answers if mine == content}) == 1


def test_a_batch_of_a_thousand_is_recognised(shared, tenant):
    events = [numbered(n, tenant, prefix=tenant) for n in range(1000)]
    first = shared.intake.publish(*events)
    assert shared.intake.publish(*events) == first
    events[999]["payload"] = {"n": -1}
    refused_as_conflict(shared.intake.post(events), "[999].id: ")
    assert len(stored(shared, tenant)) == 1000
