"""The HTTP intake (contract §10): forms, tenants, repetition, limits, outages."""

import json
import threading
import time

import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.every_surface import on_streams_of_everything
from causeway_kit.intake import Intake, numbered
from causeway_kit.services import command
from causeway_kit.tokens import mint, producer_token
from causeway_kit.waiting import eventually


def stored(stack, tenant):
    return [event for event in stack.bus.events() if event.tenant == tenant]


# MARK: Forms


def test_one_event_and_arrays_are_accepted_in_their_order(shared, tenant):
    single = shared.intake.post({"type": "a.b", "tenant": tenant, "payload": {"n": 0}})
    many = shared.intake.post([{"type": "a.b", "tenant": tenant, "payload": {"n": n}} for n in range(1, 4)])
    assert (single.status_code, many.status_code) == (202, 202)
    assert set(single.json()) == {"accepted", "ids"} and (single.json()["accepted"], many.json()["accepted"]) == (1, 3)
    assert [json.loads(event.body)["n"] for event in stored(shared, tenant)] == [0, 1, 2, 3]
    assert [Cursor.parse(id).sequence for id in single.json()["ids"] + many.json()["ids"]] == [e.sequence for e in stored(shared, tenant)]
    assert single.headers["content-type"].startswith("application/json") and single.headers["x-request-id"]


def test_a_thousand_events_at_once(shared, tenant):
    ids = shared.intake.publish(*(numbered(n, tenant, prefix=tenant) for n in range(1000)))
    sequences = [Cursor.parse(id).sequence for id in ids]
    assert sequences == sorted(sequences) and len(set(sequences)) == 1000
    assert [event.id for event in stored(shared, tenant)] == [f"{tenant}-{n}" for n in range(1000)]


def test_ids_carry_the_moment_of_intake(shared, tenant):
    before = time.time_ns() // 1_000_000
    [id] = shared.intake.publish({"type": "a.b", "tenant": tenant, "payload": {}, "time": "2001-01-01T00:00:00Z"})
    assert before - 1 <= Cursor.parse(id).time <= time.time_ns() // 1_000_000


def test_cloud_events_in_all_three_modes_are_stored_alike(shared, tenant):
    def attributes(id):
        return {"specversion": "1.0", "id": id, "source": "/tests", "type": "a.b", "tenant": tenant, "userid": "usr_1"}

    payload = {"n": 1}
    binary = {f"ce-{name}": value for name, value in attributes("binary").items()}
    answers = [
        shared.intake.post(attributes("structured") | {"data": payload}, content_type="application/cloudevents+json"),
        shared.intake.post(payload, headers=binary),
        shared.intake.post(
            [attributes(f"batched-{n}") | {"data": payload} for n in range(2)],
            content_type="application/cloudevents-batch+json; charset=UTF-8",
        ),
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202], [answer.text for answer in answers]
    events = stored(shared, tenant)
    assert [event.id for event in events] == ["structured", "binary", "batched-0", "batched-1"]
    assert {(event.type, event.user, json.loads(event.body)["n"]) for event in events} == {("a.b", "usr_1", 1)}


def test_unknown_cloud_event_attributes_do_not_matter(shared, tenant):
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/t",
        "type": "a.b",
        "tenant": tenant,
        "subject": "x",
        "dataschema": "y",
        "data": {},
    }
    assert shared.intake.post(event, content_type="application/cloudevents+json").status_code == 202


# MARK: Tenants


def test_an_event_without_a_tenant_goes_to_the_tokens(shared, tenant):
    for token in (mint(tenant, roles=("admin",)), producer_token(tenant)):
        assert shared.intake.post({"type": "a.b", "payload": {}}, token=token).status_code == 202
    assert len(stored(shared, tenant)) == 2


def test_an_admin_may_name_its_own_tenant(shared, tenant):
    event = {"type": "a.b", "tenant": tenant, "payload": {}}
    assert shared.intake.post(event, token=mint(tenant, roles=("admin",))).status_code == 202


def test_an_admin_cannot_smuggle_an_event_into_another_tenant(shared, tenant):
    """Not by spelling the tenant differently, not in the middle of an array, not with a CloudEvents attribute."""
    token, victim = mint(tenant, roles=("admin",)), f"{tenant}_victim"
    mine, theirs = ({"type": "a.b", "tenant": name, "payload": {}} for name in (tenant, victim))
    structured = {"specversion": "1.0", "id": "1", "source": "/t", "type": "a.b", "tenant": victim, "data": {}}
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/t", "ce-type": "a.b", "ce-tenant": victim}
    attempts = [
        shared.intake.post([mine, theirs], token=token),
        shared.intake.post(mine | {"tenant": f"{tenant}.{victim}"}, token=token),
        shared.intake.post(structured, content_type="application/cloudevents+json", token=token),
        shared.intake.post({}, headers=binary, token=token),
    ]
    assert [attempt.status_code for attempt in attempts] == [403] * 4, [attempt.text for attempt in attempts]
    assert stored(shared, tenant) == stored(shared, victim) == []


# MARK: Repetition


def test_the_same_id_is_stored_once_and_gets_the_same_answer(shared, tenant):
    events = [numbered(n, tenant, prefix=tenant) for n in range(5)]
    first = shared.intake.publish(*events)
    assert shared.intake.publish(*events) == first
    assert shared.intake.publish(events[3]) == [first[3]]
    assert len(stored(shared, tenant)) == 5


def test_the_same_id_in_another_tenant_is_another_event(shared, tenant):
    for name in (tenant, f"{tenant}_b"):
        shared.intake.publish({"type": "a.b", "tenant": name, "id": f"{tenant}-same", "payload": {}})
    assert len(stored(shared, tenant)) == len(stored(shared, f"{tenant}_b")) == 1


def test_a_repeated_idempotency_key_stores_nothing_twice(shared, tenant):
    body = [{"type": "a.b", "tenant": tenant, "payload": {"n": n}} for n in range(3)]
    answers = [shared.intake.post(body, headers={"Idempotency-Key": f"{tenant}-key"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({json.dumps(answer.json(), sort_keys=True) for answer in answers}) == 1, [answer.text for answer in answers]
    assert len(stored(shared, tenant)) == 3
    assert shared.intake.post(body, headers={"Idempotency-Key": f"{tenant}-other"}).status_code == 202
    assert len(stored(shared, tenant)) == 6


def test_many_producers_at_once_with_the_same_events(shared, tenant):
    """Twenty threads send the same ten events: ten are stored, and all get the same ids."""
    events = [numbered(n, tenant, prefix=tenant) for n in range(10)]
    answers, threads = [], []
    for _ in range(20):
        thread = threading.Thread(target=lambda: answers.append(tuple(shared.intake.publish(*events))))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    assert len(answers) == 20 and len(set(answers)) == 1
    assert len(stored(shared, tenant)) == 10


# MARK: Limits and outages


def test_a_payload_of_256_kib_is_not_too_large(shared, tenant):
    frame = len('{"x":""}')
    body = b'{"type":"a.b","tenant":"%s","payload":{"x":"%s"}}' % (tenant.encode(), b"x" * (256 * 1024 - frame))
    assert shared.intake.post(body).status_code == 202
    [event] = stored(shared, tenant)
    assert len(event.body) == 256 * 1024


def test_an_outage_of_the_bus_is_said_and_survived(stack):
    first = stack.intake.publish(numbered(1))
    stack.nats.kill()
    eventually(lambda: stack.producer.readiness() == 503, "the producer is not ready without its bus")
    response = stack.intake.post([numbered(2)])
    assert (response.status_code, response.json()["error"]) == (503, "service_unavailable")
    assert int(response.headers["retry-after"]) >= 0
    stack.nats.start()
    stack.producer.wait_ready()
    second = stack.intake.publish_surely([numbered(2)])
    assert Cursor.parse(second[0]).sequence == Cursor.parse(first[0]).sequence + 1
    assert [event.id for event in stack.bus.events()] == ["n-1", "n-2"]


def test_two_producers_are_one_intake(stack):
    """Any replica recognises a request that another one stored."""
    other = Intake(stack.start("event-producer", "serve").wait_ready())
    try:
        ids = stack.intake.publish(*(numbered(n) for n in range(10)))
        assert other.publish(*(numbered(n) for n in range(10))) == ids
    finally:
        other.close()
    assert len(stack.bus.events()) == 10


# MARK: Command line


def publish(stack, *arguments, stdin=b""):
    return command("event-producer", "publish", *arguments, stdin=stdin, nats_url=stack.nats.url)


def test_the_command_line_publishes_for_everybody_and_for_one(shared, tenant):
    done = publish(shared, "--type", "a.b", "--tenant", tenant, "--payload", '{"n":1}')
    assert done.returncode == 0, done.stderr
    done = publish(shared, "--type", "a.b", "--tenant", tenant, "--user", "usr_1", "--payload", '{"n":2}')
    assert done.returncode == 0, done.stderr
    assert [(event.user, event.body) for event in stored(shared, tenant)] == [(None, b'{"n":1}'), ("usr_1", b'{"n":2}')]


def test_the_command_line_reads_ndjson(shared, tenant):
    lines = b"".join(json.dumps(numbered(n, tenant, prefix=tenant)).encode() + b"\n" for n in range(500))
    done = publish(shared, stdin=lines)
    assert done.returncode == 0, done.stderr
    assert [event.id for event in stored(shared, tenant)] == [f"{tenant}-{n}" for n in range(500)]


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (["--type", "A.B", "--tenant", "acme", "--payload", "{}"], b"", "type"),
        (["--type", "a.b", "--payload", "{}"], b"", "tenant"),
        (["--type", "a.b", "--tenant", "acme", "--payload", "[]"], b"", "payload"),
        (["--type", "incident.created", "--tenant", "acme", "--payload", "{}"], b"", "incidentId"),
        ([], b'{"type":"a.b","tenant":"acme","payload":{}}\nnonsense\n', "2"),
    ],
)
def test_the_command_line_says_what_is_wrong(stack, arguments, stdin, says):
    done = publish(stack, *arguments, stdin=stdin)
    assert done.returncode != 0
    assert says in done.stderr.decode(), done.stderr.decode()
    assert all(json.loads(event.body) == {} and event.type == "a.b" for event in stack.bus.events())


@on_streams_of_everything
def test_a_reader_sees_what_the_command_line_publishes(shared, edge, surface, tenant):
    with surface.connect(edge, mint(tenant)) as client:
        client.next()
        assert publish(shared, "--type", "a.b", "--tenant", tenant, "--payload", '{"n":1}').returncode == 0
        assert client.next_event().payload == {"n": 1}
